//! What a server says of itself: over SQL, or over the replication protocol, where `IDENTIFY_SYSTEM` and `SHOW` are all
//! there is (PostgreSQL docs, "Streaming Replication Protocol"): enough for a role that may do no more than replicate.

use std::time::Duration;

use jiff::Timestamp;

use super::PgConnection;
use super::query::{self, first_row};
use super::server_settings::{ServerSettings, bytes_of, seconds_of, show};
use crate::error::{Class, Error, ErrorKind, Result};
use crate::postgres::{
    Lsn, SUPPORTED_IN_WORDS, ServerVersion, SystemIdentifier, TimelineId, WalSegmentSize,
};

const FACTS: &str = "SELECT (SELECT system_identifier FROM pg_control_system()), \
     pg_is_in_recovery(), \
     CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) \
          ELSE pg_current_wal_lsn() END, \
     CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id::text FROM pg_control_checkpoint()) \
          ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int::text END, \
     to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";

const ARCHIVER: &str = "SELECT last_archived_wal, \
     to_char(last_archived_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
     last_archived_time::timestamptz(0), last_failed_wal, \
     to_char(last_failed_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
     last_failed_time::timestamptz(0), failed_count FROM pg_stat_archiver";

/// What a server is, how far its WAL goes, and how it is set.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    pub version: ServerVersion,
    pub system: SystemIdentifier,
    pub timeline: TimelineId,
    /// Up to here WAL was written, or on a standby received or replayed.
    pub written: Lsn,
    pub segment_size: WalSegmentSize,
    pub in_recovery: bool,
    /// Its clock, and ours at the same moment; `None` where it was not asked.
    pub clock: Option<(Timestamp, Timestamp)>,
    /// All that the role may see; over the replication protocol those of archiving.
    pub settings: ServerSettings,
}

impl ServerFacts {
    /// Asks over a connection to a database.
    pub(crate) fn over_sql(connection: &mut PgConnection) -> Result<Self> {
        let before = Timestamp::now();
        let row = first_row(connection, FACTS)?;
        let after = Timestamp::now();
        let settings = ServerSettings::ask(connection)?;
        let version = connection.server_version();
        Self::of_row(version, &row, (before, after), settings).ok_or_else(|| {
            wrong("a system identifier and an LSN", &row)
                .hint(format!("Is it {SUPPORTED_IN_WORDS}?"))
        })
    }

    fn of_row(
        version: ServerVersion,
        row: &[Option<String>],
        (before, after): (Timestamp, Timestamp),
        settings: ServerSettings,
    ) -> Option<Self> {
        let field = |column: usize| row.get(column)?.as_deref();
        let bytes = settings.text("wal_segment_size")?.parse().ok()?;
        let middle = before + after.duration_since(before) / 2;
        // An identifier above 2^63 is a negative number in SQL.
        let system = field(0)?;
        let negative = || system.parse::<i64>().ok().map(i64::cast_unsigned);
        Some(Self {
            version,
            system: SystemIdentifier(system.parse().ok().or_else(negative)?),
            timeline: TimelineId::new(field(3)?.parse().ok()?)?,
            written: field(2)?.parse().ok()?,
            segment_size: WalSegmentSize::from_bytes(bytes).ok()?,
            in_recovery: field(1)? == "t",
            clock: field(4).and_then(|text| text.parse().ok()).map(|time| (time, middle)),
            settings,
        })
    }

    /// Asks over a connection that was opened with [`query::connect_for_replication`].
    pub(crate) fn over_replication(connection: &mut PgConnection) -> Result<Self> {
        let identity = first_row(connection, "IDENTIFY_SYSTEM")?;
        let field = |column: usize| identity.get(column).cloned().flatten().unwrap_or_default();
        let [system, timeline, written] = [0, 1, 2].map(field);
        let system: u64 = system.parse().map_err(|_| wrong("a system identifier", &system))?;
        let number = timeline.parse().ok().and_then(TimelineId::new);
        let size = show(connection, "wal_segment_size")?;
        let bytes = bytes_of(&size).and_then(|it| u32::try_from(it).ok());
        let segment_size = bytes.and_then(|it| WalSegmentSize::from_bytes(it).ok());
        let timeout = show(connection, "archive_timeout")?;
        let seconds = seconds_of(&timeout).ok_or_else(|| wrong("archive_timeout", &timeout))?;
        let settings = [
            ("archive_mode", show(connection, "archive_mode")?),
            ("archive_command", show(connection, "archive_command").unwrap_or_default()),
            ("archive_timeout", seconds.to_string()),
        ];
        Ok(Self {
            version: connection.server_version(),
            system: SystemIdentifier(system),
            timeline: number.ok_or_else(|| wrong("a timeline", &timeline))?,
            written: written.parse().map_err(|_| wrong("an LSN", &written))?,
            segment_size: segment_size.ok_or_else(|| wrong("a segment size", &size))?,
            in_recovery: show(connection, "in_hot_standby")? == "on",
            clock: None,
            settings: ServerSettings::of(settings),
        })
    }

    /// `off`, `on` or `always`.
    pub(crate) fn archive_mode(&self) -> &str {
        self.settings.text("archive_mode").unwrap_or_default()
    }

    /// Zero: none.
    pub(crate) fn archive_timeout(&self) -> Duration {
        Duration::from_secs(self.settings.number("archive_timeout").unsigned_abs())
    }

    /// Whether it is a standby that archives nothing: its primary does.
    pub(crate) fn leaves_archiving_to_its_primary(&self) -> bool {
        self.in_recovery && self.archive_mode() != "always"
    }
}

/// A session with a server, and what it said of itself.
pub(crate) struct ServerSession {
    pub connection: PgConnection,
    pub facts: ServerFacts,
    /// Whether it takes SQL, or the replication protocol alone.
    pub takes_sql: bool,
}

impl ServerSession {
    /// Connects within `limit` and asks. `patience` is the longest silence of the server. The role may be one for replication
    /// alone, as `basebackup create` needs it; it is told less.
    pub(crate) fn open(conninfo: &str, limit: Duration, patience: Duration) -> Result<Self> {
        Self::over_sql(conninfo, limit, patience).or_else(|error| match error.class() {
            Class::Refused => Self::over_replication(conninfo, limit, patience).map_err(|_| error),
            _ => Err(error),
        })
    }

    fn over_sql(conninfo: &str, limit: Duration, patience: Duration) -> Result<Self> {
        let open = |last: &[(&str, &str)]| query::open(conninfo, limit, last, patience);
        let mut connection = open(&[]).or_else(|error| {
            // Without a name libpq takes the database that is called as the role.
            let no_database = error.kind() == Some(&ErrorKind::Database);
            if no_database { open(&[("dbname", "postgres")]) } else { Err(error) }
        })?;
        let facts = ServerFacts::over_sql(&mut connection)?;
        Ok(Self { connection, facts, takes_sql: true })
    }

    fn over_replication(conninfo: &str, limit: Duration, patience: Duration) -> Result<Self> {
        let mut connection = query::connect_for_replication(conninfo, limit, patience)?;
        let facts = ServerFacts::over_replication(&mut connection)?;
        Ok(Self { connection, facts, takes_sql: false })
    }
}

/// What a server's archiver did last (`pg_stat_archiver`).
#[derive(Debug, Clone, Default)]
pub struct Archiver {
    pub archived: Option<ArchiverAttempt>,
    pub failed: Option<ArchiverAttempt>,
    /// How many attempts failed.
    pub failures: u64,
}

/// An attempt of the archiver.
#[derive(Debug, Clone)]
pub struct ArchiverAttempt {
    /// The name of the WAL file.
    pub file: String,
    pub at: Timestamp,
    /// The time as the server writes it, in its own zone.
    pub shown: String,
}

impl Archiver {
    /// Asks over a connection to a database.
    pub(crate) fn ask(connection: &mut PgConnection) -> Result<Self> {
        let row = first_row(connection, ARCHIVER)?;
        let text = |column: usize| row.get(column).cloned().flatten();
        let attempt = |column: usize| {
            let at = text(column + 1)?.parse().ok()?;
            Some(ArchiverAttempt { file: text(column)?, at, shown: text(column + 2)? })
        };
        let failures = text(6).and_then(|text| text.parse().ok()).unwrap_or_default();
        Ok(Self { archived: attempt(0), failed: attempt(3), failures })
    }

    /// The newest attempt, where it failed.
    pub(crate) fn failure(&self) -> Option<&ArchiverAttempt> {
        let since = self.archived.as_ref().map(|it| it.at);
        self.failed.as_ref().filter(|it| since.is_none_or(|since| it.at > since))
    }

    /// The newest attempt, where it succeeded.
    pub(crate) fn success(&self) -> Option<&ArchiverAttempt> {
        self.archived.as_ref().filter(|_| self.failure().is_none())
    }
}

fn wrong(what: &str, found: impl std::fmt::Debug) -> Error {
    Error::new(Class::Unreachable, format!("expected {what} from the server, found {found:?}"))
}
