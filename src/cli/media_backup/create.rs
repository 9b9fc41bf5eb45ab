//! `media-backup create`: its flags, and what it says at its end.
//!
//! The set has to be in the configuration. Only on a host without media sets do the other verbs take the name of a set
//! that is stored: a new host may know nothing but the name.

use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::super::progress::Shared;
use super::super::{created, flags};
use super::{named, with_set};
use crate::command::created::Created;
use crate::command::media_backup::create::{Request, create};
use crate::command::shown::{count, size};
use crate::config::{Config, MediaSet};
use crate::error::Result;

const SHORT: &str = "Takes a snapshot of a set of folders and files into every repository";

const ABOUT: &str = "Takes a snapshot of a set of folders and files into every repository

Each snapshot looks complete and costs only what changed. In a folder it is a tree that can be browsed; in a
bucket, and where it is encrypted, content lies in packs, each uploaded once.";

const AFTER: &str = "Exit status 4 says that some files could not be read, or a path of the set was not there; each \
     is a line, and the snapshot has the rest; or that it
has far less than the one before (nothing in one of the paths, or at most half of the files), as of a disk that is not mounted. Then
`prune` keeps those before it until one has more again, or --accept-fewer says that it is right.";

pub fn command() -> Command {
    let command = Command::new("create")
        .about(SHORT)
        .long_about(ABOUT)
        .after_help(AFTER)
        .arg(
            Arg::new("label")
                .long("label")
                .value_name("TEXT")
                .default_value("seawall")
                .help("Label of the backup"),
        )
        .arg(
            Arg::new("checksum")
                .long("checksum")
                .action(ArgAction::SetTrue)
                .help("Read every file, also those whose size, times and inode did not change"),
        )
        .arg(
            Arg::new("accept-fewer")
                .long("accept-fewer")
                .action(ArgAction::SetTrue)
                .help("Accept that the snapshot holds far less than the one before"),
        )
        .arg(created::json());
    with_set(flags::with_settings(command, &["media_backup"]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let begun = Instant::now();
    let set = MediaSet::choose(&config.media, named(matches))?.clone();
    let config = Config { media: vec![set], ..config.clone() };
    let bar = Shared::new("snapshot");
    let progress = |at: crate::media_backup::Progress| bar.at_files(&at);
    let done = create(&Request {
        config: &config,
        label: matches.get_one::<String>("label").cloned().unwrap_or_default(),
        checksum: matches.get_flag("checksum"),
        accept_fewer: matches.get_flag("accept-fewer"),
        progress: &progress,
    });
    drop(bar);
    let done = done.map_err(|error| error.while_doing("could not take a snapshot"))?;
    let first = done.descriptions.first().map(|(_, it)| it);
    let created = Created {
        what: "Snapshot",
        id: first.map_or("", |it| it.id.as_str()),
        copies: &done.descriptions,
        amount: first.map_or_else(String::new, |it| {
            format!("{}, {}", count(it.totals.files, "file"), size(it.totals.size))
        }),
        more: first.map_or_else(String::new, |it| {
            let new = (count(it.totals.new_files, "file"), size(it.totals.new_size));
            format!("New in it: {}, {}.", new.0, new.1)
        }),
        took: begun.elapsed(),
        errors: &done.errors,
    };
    created::end(matches, &created, |repository, it| {
        tracing::info!(
            snapshot = %it.id,
            repository,
            files = it.totals.files,
            bytes = it.totals.size,
            new_files = it.totals.new_files,
            new_bytes = it.totals.new_size,
            "snapshot done"
        );
    })
}
