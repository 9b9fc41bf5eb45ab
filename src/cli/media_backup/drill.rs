//! `media-backup drill`: its flags, and the order of the sets: without `--set` every configured set is rehearsed.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::super::flags;
use super::super::progress::Shared;
use super::super::verbs::print;
use super::{of_set, with_set};
use crate::command::media_backup::drill::{Request, run as drill};
use crate::config::{Config, MediaSet};
use crate::error::Result;

const ABOUT: &str = "Restores some files of the newest snapshot, compares them, and records the result

drill.media_sample files, chosen by chance, are restored into a folder below drill.directory, and compared with
length and BLAKE3 of the index. The folder is gone afterwards, and a record is in every repository.";

pub fn command() -> Command {
    let command = Command::new("drill")
        .about("Restores some files of the newest snapshot, compares them, and records the result")
        .long_about(ABOUT)
        .after_help(
            "Without --set, of every set. Exit status 5 says that a file is not what it was.",
        )
        .arg(
            Arg::new("id")
                .value_name("ID")
                .requires("set")
                .help("Id of the backup, or its beginning; default: the newest whole one"),
        )
        .arg(
            Arg::new("keep")
                .long("keep")
                .action(ArgAction::SetTrue)
                .help("Keep the folder with the files"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print the result as JSON, one text for each set"),
        );
    with_set(flags::with_settings(command, &["media_backup", "drill", "objectives"]))
}

/// One set that fails keeps the others from nothing; the first error decides the exit status.
pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let all = match matches.get_one::<String>("set") {
        None if !config.media.is_empty() => {
            config.media.iter().map(|set| of(config, set)).collect()
        }
        _ => vec![of_set(config, matches)?],
    };
    let mut failure = Ok(());
    for config in &all {
        let done = drill_one(config, matches);
        match (&failure, done) {
            (Ok(()), done) => failure = done,
            (Err(_), Err(error)) => tracing::error!("{error}"),
            (Err(_), Ok(())) => {}
        }
    }
    failure
}

fn of(config: &Config, set: &MediaSet) -> Config {
    Config { media: vec![set.clone()], ..config.clone() }
}

fn drill_one(config: &Config, matches: &ArgMatches) -> Result<()> {
    let bar = Shared::new("restore");
    let progress = |at: crate::media_backup::Progress| bar.at_files(&at);
    let shown = drill(&Request {
        config,
        id: matches.get_one::<String>("id").cloned(),
        keep: matches.get_flag("keep"),
        as_json: matches.get_flag("json"),
        progress: &progress,
    });
    drop(bar);
    print(shown?)
}
