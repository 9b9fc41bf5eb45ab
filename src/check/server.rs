//! Asks the PostgreSQL server what it says of itself: over SQL, or over the replication protocol where the role may do
//! no more. A server that does not answer is no failure: repositories are judged without it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use crate::config::{Config, Limits};
use crate::data_directory::ready_files;
use crate::doctor::{Ability, Host, Origins, ability};
use crate::error::{Class, Error, ErrorKind, Result};
use crate::postgres::{
    Lsn, SUPPORTED_IN_WORDS, ServerVersion, SystemIdentifier, TimelineId, WalFileName,
    WalSegmentSize,
};
use crate::replication::query::{self, first_row};
use crate::replication::{PgConnection, ServerFacts, seconds_of, show, variables_name_a_place};

/// What came of asking the server.
#[derive(Debug)]
pub enum Asked {
    Answered(Box<Server>),
    /// Why not. `named`: somebody said where it is, so it should answer.
    Silent {
        error: Error,
        named: bool,
    },
}

/// What the server says of itself.
#[derive(Debug, Clone)]
pub struct Server {
    pub version: ServerVersion,
    pub system: SystemIdentifier,
    pub timeline: TimelineId,
    pub segment_size: WalSegmentSize,
    pub in_recovery: bool,
    /// Up to here WAL was written, or on a standby received.
    pub written: Lsn,
    /// Its clock, and ours at the same moment; `None` where it was not asked.
    pub clock: Option<(Timestamp, Timestamp)>,
    pub archive_mode: String,
    pub archive_command: String,
    pub archive_library: String,
    /// Where its settings have their values from.
    pub origins: Origins,
    /// Whether it can run what `archive_command` says.
    pub ability: Ability,
    /// Zero: none.
    pub archive_timeout: Duration,
    pub archiver: Option<Archiver>,
    /// `None` where the role may not see it.
    pub backlog: Option<Backlog>,
    pub data_directory: Option<PathBuf>,
}

/// `pg_stat_archiver`.
#[derive(Debug, Clone, Default)]
pub struct Archiver {
    pub last_archived: Option<(WalFileName, Timestamp)>,
    pub last_failed: Option<(String, Timestamp)>,
}

/// What waits to be archived.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backlog {
    pub files: u64,
    pub oldest: Option<Timestamp>,
}

const SERVER: &str = "SELECT (SELECT system_identifier FROM pg_control_system()), \
     pg_is_in_recovery(), \
     CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) \
          ELSE pg_current_wal_lsn() END, \
     CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id::text FROM pg_control_checkpoint()) \
          ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int::text END, \
     pg_size_bytes(current_setting('wal_segment_size')), \
     to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), \
     current_setting('archive_mode'), current_setting('archive_command'), \
     coalesce(current_setting('archive_library', true), ''), \
     (SELECT setting FROM pg_settings WHERE name = 'archive_timeout'), \
     (SELECT setting FROM pg_settings WHERE name = 'data_directory')";

const ARCHIVER: &str = "SELECT last_archived_wal, \
     to_char(last_archived_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), last_failed_wal, \
     to_char(last_failed_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') FROM pg_stat_archiver";

const BACKLOG: &str = "SELECT count(*), \
     to_char(min(modification) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') \
     FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";

/// Asks it, over the connection that `postgres.connection` or the `PG…` variables name.
pub fn ask(config: &Config) -> Asked {
    let answered = over_sql(config).or_else(|error| match error.class() {
        // The role may be one for replication alone, as `basebackup create` needs it.
        Class::Refused => over_replication(config).map_err(|_| error),
        _ => Err(error),
    });
    match answered {
        Ok(server) => Asked::Answered(Box::new(server)),
        Err(error) => Asked::Silent { error, named: is_named(config) },
    }
}

/// Whether somebody said where it is.
pub(super) fn is_named(config: &Config) -> bool {
    !config.connection.is_empty() || variables_name_a_place()
}

fn over_sql(config: &Config) -> Result<Server> {
    let Limits { connect, request, .. } = config.limits;
    let open = |last: &[(&str, &str)]| query::open(&config.connection, connect, last, request);
    let mut connection = open(&[]).or_else(|error| {
        // Without a name libpq takes the database that is called as the role.
        let no_database = error.kind() == Some(&ErrorKind::Database);
        if no_database { open(&[("dbname", "postgres")]) } else { Err(error) }
    })?;
    let before = Timestamp::now();
    let row = first_row(&mut connection, SERVER)?;
    let field = |column: usize| row.get(column).cloned().flatten();
    let version = connection.server_version();
    let mut server = server(version, &field, before).ok_or_else(|| unexpected(&row))?;
    server.origins = Origins::ask(&mut connection).unwrap_or_default();
    look_from_here(&connection, &mut server);
    server.archiver = archiver(&mut connection);
    server.backlog = backlog(&mut connection, &server);
    Ok(server)
}

fn server(
    version: ServerVersion,
    field: &dyn Fn(usize) -> Option<String>,
    before: Timestamp,
) -> Option<Server> {
    let bytes: u32 = field(4)?.parse().ok()?;
    let time = field(5).and_then(|text| text.parse().ok());
    // An identifier above 2^63 is a negative number in SQL.
    let system = field(0)?;
    let negative = || system.parse::<i64>().ok().map(i64::cast_unsigned);
    Some(Server {
        version,
        system: SystemIdentifier(system.parse().ok().or_else(negative)?),
        timeline: TimelineId::new(field(3)?.parse().ok()?)?,
        segment_size: WalSegmentSize::from_bytes(bytes).ok()?,
        in_recovery: field(1)? == "t",
        written: field(2)?.parse().ok()?,
        clock: time.map(|time| (time, middle(before, Timestamp::now()))),
        archive_mode: field(6).unwrap_or_default(),
        archive_command: field(7).unwrap_or_default(),
        archive_library: field(8).unwrap_or_default(),
        origins: Origins::default(),
        ability: Ability::Able,
        archive_timeout: Duration::from_secs(field(9)?.parse().ok()?),
        archiver: None,
        backlog: None,
        data_directory: field(10).map(PathBuf::from),
    })
}

fn middle(before: Timestamp, after: Timestamp) -> Timestamp {
    before + after.duration_since(before) / 2
}

fn archiver(connection: &mut PgConnection) -> Option<Archiver> {
    let row = first_row(connection, ARCHIVER).ok()?;
    let text = |column: usize| row.get(column).cloned().flatten();
    let time = |column: usize| text(column).and_then(|text| text.parse::<Timestamp>().ok());
    let name = text(0).and_then(|name| name.parse().ok());
    Some(Archiver { last_archived: name.zip(time(1)), last_failed: text(2).zip(time(3)) })
}

/// A role that may not list the folder may still belong to somebody who can read it.
fn backlog(connection: &mut PgConnection, server: &Server) -> Option<Backlog> {
    if let Ok(row) = first_row(connection, BACKLOG) {
        let text = |column: usize| row.get(column).cloned().flatten();
        let files = text(0)?.parse().ok()?;
        return Some(Backlog { files, oldest: text(1).and_then(|text| text.parse().ok()) });
    }
    let pg_wal = server.data_directory.as_ref()?.join("pg_wal");
    std::fs::read_dir(pg_wal.join("archive_status")).ok()?;
    Some(Backlog { files: ready_files(&pg_wal).len() as u64, oldest: None })
}

/// A role for replication alone is told less.
fn over_replication(config: &Config) -> Result<Server> {
    let Limits { connect, request, .. } = config.limits;
    let mut connection = query::connect_for_replication(&config.connection, connect, request)?;
    let facts = ServerFacts::ask(&mut connection)?;
    let mut server = Server {
        version: facts.version,
        system: facts.system,
        timeline: facts.timeline,
        segment_size: facts.segment_size,
        in_recovery: facts.in_recovery,
        written: facts.written,
        clock: None,
        archive_mode: facts.archive_mode,
        archive_command: show(&mut connection, "archive_command").unwrap_or_default(),
        archive_library: String::new(),
        origins: Origins::default(),
        ability: Ability::Able,
        archive_timeout: archive_timeout(&show(&mut connection, "archive_timeout")?)?,
        archiver: None,
        backlog: None,
        data_directory: None,
    };
    look_from_here(&connection, &mut server);
    Ok(server)
}

fn archive_timeout(text: &str) -> Result<Duration> {
    seconds_of(text).map(Duration::from_secs).ok_or_else(|| {
        let message = format!("expected archive_timeout from the server, found {text:?}");
        Error::new(Class::Unreachable, message)
    })
}

/// Looked at while the session lives, whose process leads to the server's own.
fn look_from_here(connection: &PgConnection, server: &mut Server) {
    let data_directory = server.data_directory.as_deref().and_then(Path::to_str);
    let host = Host::of_session(connection.backend(), data_directory);
    server.ability = ability(&server.archive_command, &host);
    if let Ok(Host { data_directory: Some(data), .. }) = &host.and_then(Host::among_our_files) {
        server.origins.look(data);
    }
}

fn unexpected(row: &[Option<String>]) -> Error {
    let message = format!("expected a system identifier and an LSN from the server, found {row:?}");
    Error::new(Class::Unreachable, message).hint(format!("Is it {SUPPORTED_IN_WORDS}?"))
}
