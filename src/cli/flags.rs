//! The flags that commands share: one for each setting of the configuration, made from its declaration, and how a flag of one
//! command is made. Here the command line is parsed too, and a mistake that clap finds in it becomes an error of ours.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{guard, help};
use crate::config::{BANDWIDTH, FlagValues, GLOBAL, Setting};
use crate::error::{Class, Error, Result};

const HEADINGS: [(&str, &str); 14] = [
    ("", "Where"),
    ("encryption", "Encryption"),
    ("wal", "WAL"),
    ("postgres", "Server"),
    ("basebackup", "Base backups"),
    ("redis", "Redis"),
    ("media_backup", "Media files"),
    ("retention", "Retention"),
    ("objectives", "Objectives"),
    ("notify", "Notifications"),
    ("drill", "Drills"),
    ("report", "Report"),
    ("limits", "Limits"),
    ("log", "Log"),
];

/// A flag without a value.
pub fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// A flag with a text; `value` stands for it in the help.
pub fn text(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

/// A flag with a path.
pub fn path(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    text(name, value, help).value_parser(clap::value_parser!(PathBuf))
}

/// Adds the flags that a command has: configuration file, repositories, and the settings that it goes
/// by, those of the tables and keys named and those that concern all.
pub fn with_settings(command: Command, tables: &[&str]) -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help("Configuration file [env: SEAWALL_CONFIG] [default: /etc/seawall/seawall.toml if there, else ~/.config/seawall/seawall.toml if there]");
    let repository = Arg::new("repository")
        .long("repository")
        .value_name("URL")
        .action(ArgAction::Append)
        .help("A path, s3://BUCKET/PREFIX, or the name of a repository in the file; may be repeated [env: SEAWALL_REPOSITORY]");
    let command = command.next_help_heading("Where").arg(config).arg(repository);
    let for_all = ["", "encryption", "limits", "log"];
    let command = command.arg(help::all().help_heading(None::<&str>));
    let wanted = |setting: &&Setting| {
        let of_all = for_all.contains(&setting.table()) && setting.key != BANDWIDTH;
        of_all || tables.contains(&setting.table()) || tables.contains(&setting.key)
    };
    GLOBAL.iter().filter(wanted).fold(command, |command, setting| command.arg(flag(setting)))
}

fn flag(setting: &Setting) -> Arg {
    let heading = HEADINGS.iter().find(|(table, _)| *table == setting.table());
    let default = if setting.default.is_empty() {
        String::new()
    } else {
        format!(" [default: {}]", setting.default)
    };
    let help = format!("{} [env: {}]{default}", setting.help, setting.variable());
    Arg::new(setting.key)
        .long(setting.flag())
        .value_name(setting.kind.placeholder())
        .allow_hyphen_values(true)
        .help_heading(heading.map(|(_, heading)| *heading))
        .help(help)
}

/// Parses the words behind the program's name; `None` when they asked for a text, `--help` or
/// `--version`, and got it. What clap has to say against them becomes our error, so that it obeys the
/// exit statuses PostgreSQL is told.
pub fn parse(command: Command, words: &[OsString]) -> Result<Option<ArgMatches>> {
    let name = OsString::from(command.get_name());
    let command = help::dressed(command, words);
    let words = std::iter::once(name).chain(words.iter().cloned());
    match command.try_get_matches_from(words) {
        Ok(matches) => Ok(Some(matches)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                guard::print(&error.to_string());
                Ok(None)
            }
            _ => Err(usage(&error.to_string())),
        },
    }
}

/// The first paragraph of clap's message is the mistake; later ones may name what was meant, and how to
/// call it.
fn usage(message: &str) -> Error {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = message.split("\n\n").map(line);
    let mistake = paragraphs.next().unwrap_or_default();
    let mistake = mistake.strip_prefix("error: ").unwrap_or(&mistake).to_owned();
    let (mut similar, mut usage) = (None, None);
    for text in paragraphs {
        match text.strip_prefix("tip: ") {
            // Its other tips are how to pass a misspelt flag as a value.
            Some(tip) if tip.contains("similar") => similar = Some(format!("{tip}.")),
            _ => usage = usage.or(text.strip_prefix("Usage: ").map(str::to_owned)),
        }
    }
    let help = "--help shows what there is.".to_owned();
    let usage = usage.map_or(help.clone(), |usage| format!("Usage: {usage}. {help}"));
    Error::new(Class::Usage, mistake).hint(similar.unwrap_or(usage))
}

pub fn values(matches: &ArgMatches) -> FlagValues {
    // A command knows only the flags that concern it.
    let text =
        |setting: &Setting| matches.try_get_one::<String>(setting.key).ok().flatten().cloned();
    let settings: BTreeMap<&'static str, String> =
        GLOBAL.iter().filter_map(|setting| Some((setting.key, text(setting)?))).collect();
    let repositories = matches.get_many::<String>("repository").unwrap_or_default();
    FlagValues {
        config: matches.get_one::<PathBuf>("config").cloned(),
        repositories: repositories.cloned().collect(),
        settings,
    }
}
