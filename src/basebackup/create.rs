//! Taking a base backup: from the server straight into every repository, without a copy in between.
//!
//! `transfer` reads the stream, cuts it into parts and sends them; `captured_configuration` looks for configuration in it.
//! Then, for each repository, `completion` waits for the WAL, and writes manifest and description.

mod captured_configuration;
mod completion;
mod transfer;

use std::time::{Duration, Instant};

use jiff::Timestamp;

use self::completion::{DescriptionDraft, WalWait, complete};
use self::transfer::{Transfer, transfer};
use super::{Description, Position};
use crate::backup::{BackupFolder, CreateFailure, Known, new_id};
use crate::codec::Identities;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, SUPPORTED_IN_WORDS, ServerVersion, WalSegment, WalSegmentSize};
use crate::replication::{self, BaseBackupOptions, ServerFacts, query};
use crate::repository::{Repository, WalFolder, WalRange};

/// Longest silence of the server: it makes a checkpoint first, which may be spread over many minutes.
const PATIENCE: Duration = Duration::from_secs(3600);

pub struct NewBaseBackup<'a> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub identities: &'a Identities,
    pub options: BaseBackupOptions,
    /// Whether a repository, by its name, need not be waited for, because it is owed this segment.
    pub is_owed: &'a dyn Fn(&str, &WalFolder, WalSegment) -> bool,
    /// Told how many bytes have come, and how many the server expects.
    pub progress: &'a mut dyn FnMut(u64, Option<u64>),
}

/// What became of a backup.
#[derive(Debug)]
pub struct TakenBaseBackup {
    pub folder: BackupFolder,
    /// The repositories that have it whole, and what it is there.
    pub descriptions: Vec<(String, Description)>,
    /// What went wrong in the others.
    pub failures: Vec<CreateFailure>,
}

impl TakenBaseBackup {
    /// The names of the repositories that have it.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.descriptions.iter().map(|(name, _)| name.as_str())
    }
}

/// Takes a base backup. It exists in a repository from the moment its description is there, which is
/// written last: after all parts, all WAL from start to stop, and the manifest.
pub fn create(request: NewBaseBackup<'_>) -> Result<TakenBaseBackup> {
    let NewBaseBackup { config, repositories, identities, options, is_owed, progress } = request;
    let (conninfo, limit) = (&config.connection, config.limits.connect);
    let mut connection = query::connect_for_replication(conninfo, limit, PATIENCE)?;
    check_version(connection.server_version())?;
    let server = ServerFacts::over_replication(&mut connection)?;
    check_archiving(&server, options.with_wal)?;
    refuse_restored(&server, config)?;
    let begun = Timestamp::now();
    let folder = BackupFolder::new(&config.cluster, server.system, &new_id(begun));
    let known = Known::of(config.state_directory.as_deref(), "basebackup");
    let Transfer { start, end, tablespaces, elsewhere, manifest, outcomes } =
        transfer(config, repositories, (&folder, &known), &mut connection, &options, progress)?;
    let ended = Timestamp::now();
    drop(connection);
    let draft = DescriptionDraft {
        label: options.label,
        server: &server,
        start: position(start, begun),
        stop: position(end.position, ended),
        checksum_failures: end.checksum_failures,
        standalone: options.with_wal,
        tablespaces,
        elsewhere,
        manifest,
        level: config.basebackup.compression_level,
    };
    let waiting = WalWait {
        config,
        wal: &WalFolder::new(&config.cluster, server.system),
        range: wal_range(start, end.position, server.segment_size)?,
        identities,
        is_owed,
        until: Instant::now() + config.basebackup.wal_timeout,
    };
    let (mut descriptions, mut failures) = (Vec::new(), Vec::new());
    for (repository, outcome) in repositories.iter().zip(outcomes) {
        let complete = |parts| complete(repository, &folder, &draft, &waiting, parts);
        match outcome.and_then(complete) {
            Ok(description) => {
                known.keep(repository, &folder);
                descriptions.push((repository.name().to_owned(), description));
            }
            Err(error) => failures.push(CreateFailure::of(repository, error)),
        }
    }
    Ok(TakenBaseBackup { folder, descriptions, failures })
}

/// Without an archive the WAL of the backup would never come.
fn check_archiving(server: &ServerFacts, standalone: bool) -> Result<()> {
    if standalone || server.in_recovery || server.archive_mode() != "off" {
        return Ok(());
    }
    let message = "the server does not archive its WAL: archive_mode = off";
    Err(Error::new(Class::Configuration, message).hint(
        "Set archive_mode and archive_command = 'wal-push %p %f', or take a backup that needs no \
         archive: --standalone.",
    ))
}

/// A server that was restored to be tried out must not leave a backup among those of the real one, whose newest it would be.
/// A role that is for replication alone can't be told: it may have no database to ask in.
fn refuse_restored(server: &ServerFacts, config: &Config) -> Result<()> {
    if server.archive_mode() != "off" || server.in_recovery {
        return Ok(());
    }
    let ask = || -> Result<Vec<Option<String>>> {
        let mut connection = query::connect(&config.connection, config.limits.connect)?;
        query::first_row(&mut connection, "SELECT current_setting('seawall.restored', true)")
    };
    let told = ask().ok().and_then(|row| row.into_iter().next()?);
    if told.is_none_or(|it| it.is_empty()) {
        return Ok(());
    }
    let message = "this server was restored without --archive: its backup would be the \
                   newest one of the real server";
    Err(Error::new(Class::Configuration, message).hint(
        "If it is the real server from now on, or has its own cluster name or repository, run: ALTER \
         SYSTEM RESET archive_mode; ALTER SYSTEM RESET seawall.restored; SELECT pg_reload_conf().",
    ))
}

/// Nobody has tried what another server sends: a backup that can't be restored is worse than an error, which is seen.
fn check_version(version: ServerVersion) -> Result<()> {
    if version.is_supported() {
        return Ok(());
    }
    let message = format!("expected a server of {SUPPORTED_IN_WORDS}, found version {version}");
    Err(Error::new(Class::Input, message).hint(version.hint()))
}

/// To the microsecond, as commits have it: a target in the second of the stop may lie before it.
fn position(position: replication::WalPosition, time: Timestamp) -> Position {
    Position {
        lsn: position.lsn.to_string(),
        timeline: position.timeline.number(),
        time: time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
    }
}

/// The segments from the one with the start to the one with the last byte before the stop.
fn wal_range(
    start: replication::WalPosition,
    stop: replication::WalPosition,
    size: WalSegmentSize,
) -> Result<WalRange> {
    let first = WalSegment::at(start.lsn, start.timeline, size);
    let last = WalSegment::at(Lsn(stop.lsn.0.saturating_sub(1)), stop.timeline, size);
    first.zip(last).map(|(first, last)| WalRange { first, last, size }).ok_or_else(|| {
        let message = format!("expected LSNs of WAL, found {} and {}", start.lsn, stop.lsn);
        Error::new(Class::Unreachable, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::SUPPORTED;

    #[test]
    fn other_versions_are_refused() {
        let of = |major: u32| check_version(ServerVersion(major * 10_000 + 3));
        SUPPORTED.for_each(|major| assert_eq!(of(major), Ok(())));
        let refused = |major: u32| of(major).unwrap_err().to_string();
        assert_eq!(
            refused(SUPPORTED.start() - 1),
            format!(
                "expected a server of {SUPPORTED_IN_WORDS}, found version 14.3. HINT: Upgrade the server."
            )
        );
        assert_eq!(
            refused(SUPPORTED.end() + 1),
            format!(
                "expected a server of {SUPPORTED_IN_WORDS}, found version 20.3. HINT: Install a newer Seawall, one \
                 that knows this version of PostgreSQL."
            )
        );
    }
}
