//! The questions of the doctor to the server, in SQL: its settings, the role, whether it recovers, and how archiving
//! went.
//!
//! They are asked once, before anything is judged, so all findings go by the same answers.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::doctor::Origins;
use crate::error::{Class, Error, Result};
use crate::postgres::ServerVersion;
use crate::replication::PgConnection;
use crate::replication::query::{first_row, rows};

/// Who sees the data directory is a superuser or has `pg_read_all_settings`; the others anybody sees.
const SETTINGS: &str = "select name, coalesce(setting, ''), pending_restart from pg_settings where \
    name in ('wal_level', 'archive_mode', 'archive_command', 'archive_library', 'archive_timeout', \
    'max_wal_senders', 'data_checksums', 'full_page_writes', 'fsync', 'restore_command', \
    'wal_segment_size', 'data_directory', 'recovery_target', 'recovery_target_lsn', 'recovery_target_name', \
    'recovery_target_time', 'recovery_target_timeline', 'recovery_target_xid')";

const ROLE: &str = "select rolname, rolsuper, rolreplication, \
    pg_has_role(oid, 'pg_monitor', 'usage') from pg_roles where rolname = current_user";

const STATE: &str = "select pg_backend_pid(), pg_is_in_recovery(), \
    (select count(*) from pg_stat_replication), \
    (extract(epoch from clock_timestamp()) * 1000)::bigint";

/// The newest attempt to archive, where it failed.
const FAILURE: &str = "select last_failed_wal, last_failed_time::timestamptz(0) from pg_stat_archiver \
    where last_failed_time > coalesce(last_archived_time, '-infinity')";

/// The newest attempt to archive, where it succeeded.
const SUCCESS: &str = "select last_archived_wal, last_archived_time::timestamptz(0) from pg_stat_archiver \
    where last_archived_time >= coalesce(last_failed_time, '-infinity')";

/// What the server says of itself.
pub(super) struct ServerAnswers {
    pub version: ServerVersion,
    settings: BTreeMap<String, (String, bool)>,
    pub origins: Origins,
    pub role: String,
    pub superuser: bool,
    pub replication: bool,
    pub monitor: bool,
    /// Process id of our own session.
    pub backend: u32,
    pub in_recovery: bool,
    /// WAL senders at work.
    pub senders: u64,
    /// The server's clock before ours, in milliseconds.
    pub clock_ahead: i64,
    /// The WAL file, and when.
    pub failure: Option<(String, String)>,
    pub success: Option<(String, String)>,
}

impl ServerAnswers {
    pub(crate) fn ask(connection: &mut PgConnection) -> Result<Self> {
        let version = connection.server_version();
        let settings = rows(connection, SETTINGS)?.into_iter().filter_map(|row| {
            let mut row = row.into_iter().flatten();
            Some((row.next()?, (row.next()?, row.next()? == "t")))
        });
        let settings = settings.collect();
        let role = one(connection, ROLE)?;
        let state = one(connection, STATE)?;
        let now = Timestamp::now().as_millisecond();
        let (failure, success) = (attempt(connection, FAILURE)?, attempt(connection, SUCCESS)?);
        let origins = Origins::ask(connection)?;
        Ok(Self {
            version,
            settings,
            origins,
            superuser: role.get(1).is_some_and(|it| it == "t"),
            replication: role.get(2).is_some_and(|it| it == "t"),
            monitor: role.get(3).is_some_and(|it| it == "t"),
            role: role.into_iter().next().unwrap_or_default(),
            backend: number(&state, 0)? as u32,
            in_recovery: state.get(1).is_some_and(|it| it == "t"),
            senders: number(&state, 2)?.unsigned_abs(),
            clock_ahead: number(&state, 3)? - now,
            failure,
            success,
        })
    }

    /// A setting as the server shows it, in its base unit; `None` where it has none of that name, or does
    /// not show it to this role.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(|(value, _)| value.as_str())
    }

    pub(crate) fn number(&self, name: &str) -> i64 {
        self.text(name).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// Whether another value is set and waits for a restart of the server.
    pub(super) fn waits_for_restart(&self, name: &str) -> bool {
        self.settings.get(name).is_some_and(|(_, waits)| *waits)
    }
}

fn one(connection: &mut PgConnection, sql: &str) -> Result<Vec<String>> {
    let row = first_row(connection, sql)?;
    Ok(row.into_iter().map(Option::unwrap_or_default).collect())
}

fn attempt(connection: &mut PgConnection, sql: &str) -> Result<Option<(String, String)>> {
    let row = rows(connection, sql)?.into_iter().next();
    Ok(row.and_then(|row| {
        let mut row = row.into_iter().flatten();
        Some((row.next()?, row.next()?))
    }))
}

fn number(row: &[String], at: usize) -> Result<i64> {
    row.get(at).and_then(|text| text.parse().ok()).ok_or_else(|| {
        Error::new(Class::Unreachable, format!("expected a number from the server, found {row:?}"))
    })
}
