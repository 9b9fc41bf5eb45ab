//! What the doctor asks the server, in SQL: its settings, the role, whether it recovers, and how archiving went.
//!
//! They are asked once, before anything is judged, so all findings go by the same answers.

use jiff::Timestamp;

use crate::doctor::Origins;
use crate::error::{Class, Error, Result};
use crate::postgres::ServerVersion;
use crate::replication::query::first_row;
use crate::replication::{Archiver, PgConnection, ServerSettings};

const ROLE: &str = "select rolname, rolsuper, rolreplication, \
    pg_has_role(oid, 'pg_monitor', 'usage') from pg_roles where rolname = current_user";

const STATE: &str = "select pg_backend_pid(), pg_is_in_recovery(), \
    (select count(*) from pg_stat_replication), \
    (extract(epoch from clock_timestamp()) * 1000)::bigint";

/// What the server says of itself.
pub(super) struct ServerAnswers {
    pub version: ServerVersion,
    pub settings: ServerSettings,
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
    pub archiver: Archiver,
}

impl ServerAnswers {
    pub(crate) fn ask(connection: &mut PgConnection) -> Result<Self> {
        let version = connection.server_version();
        let settings = ServerSettings::ask(connection)?;
        let role = one(connection, ROLE)?;
        let state = one(connection, STATE)?;
        let now = Timestamp::now().as_millisecond();
        let archiver = Archiver::ask(connection)?;
        let origins = Origins::of(&settings, connection)?;
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
            archiver,
        })
    }
}

fn one(connection: &mut PgConnection, sql: &str) -> Result<Vec<String>> {
    let row = first_row(connection, sql)?;
    Ok(row.into_iter().map(Option::unwrap_or_default).collect())
}

fn number(row: &[String], at: usize) -> Result<i64> {
    row.get(at).and_then(|text| text.parse().ok()).ok_or_else(|| {
        Error::new(Class::Unreachable, format!("expected a number from the server, found {row:?}"))
    })
}
