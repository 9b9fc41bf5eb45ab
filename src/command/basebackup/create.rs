//! `basebackup create`: its flags, its steps, and what it says at its end.
//!
//! A base backup with wrong checksums is stored all the same, and the status then says that something is damaged.

use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::basebackup::Description;
use crate::basebackup::create::{NewBaseBackup, create};
use crate::cli::flags;
use crate::cli::progress::SingleBar;
use crate::cli::text::size;
use crate::command::created::{self, Attendance, CreatedBackup};
use crate::config::{BANDWIDTH, Config};
use crate::error::{Class, Error, Result};
use crate::replication::{BaseBackupOptions, Checkpoint};
use crate::repository;

const SHORT: &str = "Takes a base backup, straight into every repository";

const ABOUT: &str = "Takes a base backup, straight into every repository

It uses the replication protocol, so it runs on any host that reaches the server; the role needs REPLICATION. It
succeeds once all parts are durable and the WAL from start to stop is archived.";

const AFTER: &str = "Name the server with --postgres-connection 'host=db.example user=backup', postgres.connection in the
configuration, or the PG… variables. Passwords come from a password file or PGPASSWORD. If a repository fails,
the others still get the backup, and the exit status says what happened (mostly 8). With needed = N and N good copies
the status is 0, and `seawall settle` copies the backup into the repository that lacks it.
Status 5: the backup is stored, but the server found pages with wrong checksums.";

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
                .help("Label of the backup; shown by list, and written into backup_label"),
        )
        .arg(
            Arg::new("checkpoint")
                .long("checkpoint")
                .value_name("WORD")
                .value_parser(["fast", "spread"])
                .default_value("fast")
                .help("Checkpoint at the start: fast begins at once; spread puts less load on the disks and takes minutes"),
        )
        .arg(
            Arg::new("rate-limit")
                .long("rate-limit")
                .value_name("SIZE")
                .help("Highest rate at which the server sends data, such as 50MiB a second; from 32KiB to 1GiB"),
        )
        .arg(
            Arg::new("standalone")
                .long("standalone")
                .action(ArgAction::SetTrue)
                .help("Store the WAL that the backup needs inside it, so that it can be restored without an archive"),
        )
        .arg(created::json());
    flags::with_settings(command, &["postgres", "basebackup", BANDWIDTH])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let (options, begun) = (options(matches)?, Instant::now());
    let attendance = Attendance::of::<Description>(config, !options.with_wal)?;
    let config = &attendance.config();
    let repositories = repository::open_all_limited(config)?;
    let identities = repository::identities(config)?;
    let mut progress = SingleBar::new("base backup");
    let request = NewBaseBackup {
        config,
        repositories: &repositories,
        identities: &identities,
        options,
        is_owed: &|name, folder, segment| attendance.is_owed(name, folder, segment),
        progress: &mut |done, of| progress.at(done, of),
    };
    let taken = create(request).map_err(|error| error.while_doing("could not take a base backup"));
    drop(progress);
    let taken = taken?;
    let first = taken.descriptions.first().map(|(_, it)| it);
    let wrong = taken.descriptions.iter().any(|(_, it)| it.checksum_failures);
    let id = taken.folder.id();
    let wrong = wrong.then(|| wrong_checksums(id));
    let end = attendance.end(
        &taken.folder,
        taken.places(),
        taken.failures.clone(),
        &Attendance::objects_may_come,
    );
    let errors: Vec<Error> = end.errors.into_iter().chain(wrong).collect();
    let created = CreatedBackup {
        what: "Base backup",
        id,
        copies: &taken.descriptions,
        amount: first.map_or_else(String::new, |it| {
            format!("{}, stored as {}", size(it.size()), size(it.stored_size()))
        }),
        more: first.map_or_else(String::new, |it| {
            format!(
                "It restores the server as of {}, and with its WAL any moment since.",
                it.stop.time
            )
        }),
        took: begun.elapsed(),
        owed: &end.owed,
        errors: &errors,
    };
    created::end(matches, &created, |repository, it| {
        tracing::info!(
            backup = %id,
            repository,
            bytes_in = it.size(),
            bytes_out = it.stored_size(),
            parts = it.parts.len(),
            start = %it.start.lsn,
            stop = %it.stop.lsn,
            "base backup done"
        );
    })
}

fn wrong_checksums(id: &str) -> Error {
    let message =
        format!("base backup {id} was taken, but pages of the server have wrong checksums");
    Error::new(Class::Damaged, message)
        .hint("The server's log names them. This backup is kept. Keep an older one too, and check the disk.")
}

fn options(matches: &ArgMatches) -> Result<BaseBackupOptions> {
    let text = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let checkpoint = match text("checkpoint").as_str() {
        "spread" => Checkpoint::Spread,
        _ => Checkpoint::Fast,
    };
    let rate_limit = matches.get_one::<String>("rate-limit").map(|text| rate(text)).transpose()?;
    let with_wal = matches.get_flag("standalone");
    Ok(BaseBackupOptions { label: text("label"), checkpoint, rate_limit, with_wal })
}

/// In KiB, within what the server takes (`MAX_RATE_LOWER` and `MAX_RATE_UPPER` in `basebackup.h`).
fn rate(text: &str) -> Result<u32> {
    let bytes = text.parse::<bytesize::ByteSize>().ok().map(|size| size.0 / 1024);
    let rate = bytes.and_then(|rate| u32::try_from(rate).ok());
    rate.filter(|rate| (32..=1 << 20).contains(rate)).ok_or_else(|| {
        let message =
            format!("expected a size from 32KiB to 1GiB for --rate-limit, found {text:?}");
        Error::new(Class::Usage, message)
    })
}
