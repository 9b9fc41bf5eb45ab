//! `redis-backup create`: its flags, and what it says at its end.
//!
//! A backup that holds far less than the one before is stored all the same, and the status then says that something is
//! incomplete.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::backup::SelfContained;
use crate::cli::flags;
use crate::cli::progress::SingleBar;
use crate::cli::text::{count, size};
use crate::command::created::{self, Attendance, CreatedBackup};
use crate::config::{BANDWIDTH, Config};
use crate::error::{Class, Error, Result};
use crate::redis_backup::{DataSource, RedisBackupRequest, RedisDescription, take_backup};
use crate::repository;

const SHORT: &str = "Takes a backup of a Redis, straight into every repository";

const ABOUT: &str = "Takes a backup of a Redis, straight into every repository

The server sends its data as to a new replica: this needs no access to its files, and writes nothing to a local
disk. With --source files it reads the server's files instead.";

const AFTER: &str = "\
Exit status 4: the backup has far less than the backup before. That is: it has no key; or a database \
     of 10 or more keys is gone; or a tenth of the keys without an expiry is gone, and these are \
     10 or more; or a hundredth of all keys is gone, and these are 1,000 or more. Then `prune` \
     keeps the earlier backups until a backup has more again, or until --accept-fewer says that it \
     is right.";

pub fn command() -> Command {
    let command = Command::new("create")
        .about(SHORT)
        .long_about(ABOUT)
        .arg(
            Arg::new("label")
                .long("label")
                .value_name("TEXT")
                .default_value("seawall")
                .help("Label of the backup"),
        )
        .arg(
            Arg::new("source")
                .long("source")
                .value_name("WORD")
                .value_parser(["connection", "files", "rdb", "aof"])
                .default_value("connection")
                .help("The connection; or the files that the server would read: an RDB that is saved now, or its \
                 append-only file"),
        )
        .arg(
            Arg::new("accept-fewer")
                .long("accept-fewer")
                .action(ArgAction::SetTrue)
                .help("Accept that the backup holds far less than the backup before"),
        )
        .arg(
            Arg::new("folder")
                .long("folder")
                .value_name("DIRECTORY")
                .value_parser(clap::value_parser!(PathBuf))
                .help(
                    "Where the server's files are seen from here, if not where the server has them",
                ),
        )
        .arg(created::json())
        .after_help(AFTER);
    flags::with_settings(command, &["redis", BANDWIDTH])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let begun = Instant::now();
    let attendance = Attendance::of::<RedisDescription>(config, false)?;
    let config = &attendance.config();
    let repositories = repository::open_all_limited(config)?;
    let text = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let folder = matches.get_one::<PathBuf>("folder").cloned();
    let source = match text("source").as_str() {
        "connection" => DataSource::Connection,
        word => {
            DataSource::Files { folder, append_only: (word != "files").then_some(word == "aof") }
        }
    };
    let mut progress = SingleBar::new("Redis backup");
    let request = RedisBackupRequest {
        config,
        repositories: &repositories,
        label: text("label"),
        source,
        accept_fewer: matches.get_flag("accept-fewer"),
        progress: &mut |done, of| progress.at(done, of),
        waiting: &mut |time| {
            tracing::info!(seconds = time.as_secs(), "waiting for the server to save its data");
        },
    };
    let taken = take_backup(request).map_err(|error| error.while_doing("could not back up Redis"));
    drop(progress);
    let taken = taken?;
    let first = taken.descriptions.first().map(|(_, it)| it);
    let fallen = first.and_then(fell);
    let (id, failures) = (taken.folder.id(), taken.failures.clone());
    let end =
        attendance.end(&taken.folder, taken.places(), failures, &Attendance::objects_may_come);
    let errors: Vec<Error> = end.errors.into_iter().chain(fallen).collect();
    let created = CreatedBackup {
        what: "Redis backup",
        id,
        copies: &taken.descriptions,
        amount: first.map_or_else(String::new, |it| {
            format!("{}, stored as {}", size(bytes(it)), size(stored(it)))
        }),
        more: first.map_or_else(String::new, |it| {
            format!("It holds {} of {} {}.", count(keys(it), "key"), it.product, it.version)
        }),
        took: begun.elapsed(),
        owed: &end.owed,
        errors: &errors,
    };
    created::end(matches, &created, |repository, it| {
        tracing::info!(
            backup = %id,
            repository,
            bytes_in = bytes(it),
            bytes_out = stored(it),
            keys = keys(it),
            "Redis backup done"
        );
    })
}

fn bytes(it: &RedisDescription) -> u64 {
    it.files.iter().map(|file| file.stored.size).sum()
}

fn stored(it: &RedisDescription) -> u64 {
    it.files.iter().map(|file| file.stored.stored_size).sum()
}

fn keys(it: &RedisDescription) -> u64 {
    it.keys.iter().map(|keys| keys.keys).sum()
}

/// A server that started without its data looks like one that has few.
fn fell(description: &RedisDescription) -> Option<Error> {
    let before = description.fell.as_ref()?;
    let (id, since) = (&description.id, &before.since);
    let fell = before.said(&description.measures())?;
    let message = format!("Redis backup {id} has far less than {since}: {fell}");
    Some(Error::new(Class::Incomplete, message).hint(
        "Did the server lose its data, or is it another server? `prune` keeps the earlier backups. \
         If this backup is right, run once: `redis-backup create --accept-fewer`.",
    ))
}
