//! `media-backup`, which takes snapshots of files. Each verb gets the configuration with one media set alone.
//!
//! Verbs with flags of their own are files; the other verbs take theirs from `backups`. `snapshot` hides what a snapshot lies in,
//! and `entries` goes through what is in it. `ls` has what `show` and `restore` share with it.

mod cat;
mod create;
mod diff;
mod drill;
mod entries;
mod find;
mod ls;
mod prune;
mod restore;
mod show;
mod snapshot;
mod verify;

use clap::{Arg, ArgMatches, Command};

use super::backups::{self, Presented, list, pin};
use crate::cli::help;
use crate::cli::progress::SharedBar;
use crate::cli::text::{count, size};
use crate::cli::verbs::{self, Verb};
use crate::config::{Config, MediaSet};
use crate::error::Result;
use crate::history::RecordSubject;
use crate::media_backup::{MediaProgress, SnapshotDescription};

const VERBS: [Verb; 14] = [
    (create::command, create::run),
    (
        || with_set(list::command::<SnapshotDescription>()),
        |config, matches| list::run::<SnapshotDescription>(&of_set(config, matches)?, matches),
    ),
    (show::command, show::run),
    (ls::command, ls::run),
    (find::command, find::run),
    (diff::command, diff::run),
    (cat::command, cat::run),
    (restore::command, restore::run),
    (
        || with_set(backups::verify::command::<SnapshotDescription>()),
        |config, matches| {
            backups::verify::run::<SnapshotDescription>(&of_set(config, matches)?, matches)
        },
    ),
    (drill::command, drill::run),
    (
        || with_set(backups::prune::command::<SnapshotDescription>()),
        |config, matches| {
            backups::prune::run::<SnapshotDescription>(&of_set(config, matches)?, matches)
        },
    ),
    (
        || with_set(backups::delete::command::<SnapshotDescription>()),
        |config, matches| {
            backups::delete::run::<SnapshotDescription>(&of_set(config, matches)?, matches)
        },
    ),
    (
        || with_set(pin::pin_command::<SnapshotDescription>()),
        |config, matches| pin::pin::<SnapshotDescription>(&of_set(config, matches)?, matches),
    ),
    (
        || with_set(pin::unpin_command::<SnapshotDescription>()),
        |config, matches| pin::unpin::<SnapshotDescription>(&of_set(config, matches)?, matches),
    ),
];

const AFTER: &str = "The verbs in the order in which you need them:
  media-backup create               takes a snapshot; unchanged files cost nothing
  media-backup list                 shows what there is
  media-backup ls latest PATH       shows the contents of the newest snapshot
  media-backup find 'IMG_2*.jpg'    shows in which snapshots a file is
  media-backup diff                 shows what the newest one has changed
  media-backup cat latest PATH      writes a file to standard output
  media-backup prune --dry-run      shows what retention would delete, and why
  media-backup verify               reads all of it again
  media-backup drill                restores some files, and compares them
  media-backup restore --to /tmp/back --path /srv/uploads/2026
                                    restores a folder to another place

A set is a table of the configuration: [media.uploads] with paths = [\"/srv/uploads\"]. Each verb has its own --help.
Configuration: /etc/seawall/seawall.toml, or SEAWALL_CONFIG.";

/// Of the verbs that look into one.
const WHICH: &str = "Id of the snapshot, or its beginning; latest is the newest whole one";

pub fn command() -> Command {
    let command = Command::new("media-backup")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(help::version_without_libpq())
        .about("Takes, shows, searches, restores, verifies, rehearses and prunes snapshots of folders and files.")
        .after_help(AFTER)
        .subcommand_required(true);
    command.subcommands(VERBS.map(|(verb, _)| verb()))
}

/// Runs it and returns the exit status.
pub fn main() -> u8 {
    verbs::main(command(), &VERBS)
}

fn with_set(command: Command) -> Command {
    let set = Arg::new("set").long("set").value_name("NAME").help_heading("Where");
    command.arg(set.help("Name of the media set ([media.NAME]); needed if there are several"))
}

/// The configuration with that set alone, which may be one that is stored and not configured.
fn of_set(config: &Config, matches: &ArgMatches) -> Result<Config> {
    let set = MediaSet::choose_stored(&config.media, named(matches))?;
    Ok(Config { media: vec![set], ..config.clone() })
}

/// How far it is.
fn show_progress(bar: &SharedBar, at: &MediaProgress) {
    bar.at_files((at.entries, at.size), at.of);
}

fn named(matches: &ArgMatches) -> Option<&str> {
    matches.get_one::<String>("set").map(String::as_str)
}

impl Presented for SnapshotDescription {
    const COLUMNS: &'static [&'static str] = &["KIND", "FILES", "CONTENT", "NEW"];

    fn subject(config: &Config) -> RecordSubject {
        RecordSubject::media(config.media.first().map_or("", |set| set.name.as_str()))
    }

    fn cells(&self) -> Vec<String> {
        let it = &self.totals;
        vec![self.kind.to_string(), it.files.to_string(), size(it.size), it.new_files.to_string()]
    }

    fn told(&self) -> Vec<(&'static str, String)> {
        let it = &self.totals;
        let mut facts = vec![
            ("Kept as", self.kind.to_string()),
            ("Files", format!("{} with {}, {} in all", it.files, size(it.size), it.entries)),
            ("Read", format!("{} with {}", count(it.read_files, "file"), size(it.read_size))),
            ("New", format!("{} with {}", count(it.new_files, "file"), size(it.new_size))),
        ];
        if it.failures > 0 {
            facts.push((
                "Not backed up",
                count(it.failures, "file or folder that could not be read"),
            ));
        }
        if !self.earlier.is_empty() {
            let ids: Vec<&str> = self.earlier.iter().map(|it| it.id.as_str()).collect();
            facts.push(("Shares with", ids.join(", ")));
        }
        facts
    }
}
