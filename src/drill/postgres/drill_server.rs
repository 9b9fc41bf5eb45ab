//! The server of a drill: started on what was restored, waited for until it has recovered, and stopped.
//!
//! Its log is what explains a recovery that ended early; sessions are set up so that nothing stored in the
//! backup runs in them.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::Signal;

use super::Programs;
use super::drill_settings::PORT;
use crate::basebackup::restore::{Reason, ServerLog};
use crate::drill::{Confinement, Deadline, Scratch};
use crate::durable::LaidFile;
use crate::error::{Class, Error, ErrorKind, Result};
use crate::postgres::{Lsn, TimelineHistory, TimelineId};
use crate::replication::PgConnection;

const POLL: Duration = Duration::from_millis(50);
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Of `docs/exit-statuses.md`: roles and databases that every cluster has, unless somebody took pains.
const ROLES: [&str; 1] = ["postgres"];
const DATABASES: [&str; 2] = ["postgres", "template1"];

/// How to reach the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub sockets: PathBuf,
    /// A superuser.
    pub role: String,
    /// One that is there.
    pub database: String,
    /// Of the server.
    pub major: u32,
}

/// How a recovery ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecoveryEnded {
    pub lsn: Lsn,
    pub timeline: u32,
    /// When the last transaction that was replayed had been committed; `None` where there was none.
    pub time: Option<Timestamp>,
}

/// A server on what was restored.
pub(crate) struct DrillServer<'a> {
    pub scratch: &'a Scratch,
    pub programs: &'a Programs,
    pub major: u32,
    pub confinement: Confinement,
    /// Superuser to connect as; looked for when not named.
    pub role: Option<&'a str>,
    pub deadline: Deadline,
}

/// What might be set for a role or a database, and would change what a drill sees, cut it short, or run code.
const OPTIONS: [&str; 14] = [
    "session_preload_libraries=",
    "local_preload_libraries=",
    "role=none",
    "statement_timeout=0",
    "lock_timeout=0",
    "idle_session_timeout=0",
    "idle_in_transaction_session_timeout=0",
    "temp_file_limit=-1",
    "row_security=on",
    "search_path=pg_catalog,public",
    "jit=off",
    "exit_on_error=off",
    "zero_damaged_pages=off",
    "log_statement=none",
];

impl Address {
    /// Settings of a session that stand above those of its role and its database.
    pub(crate) fn options(&self, read_only: bool) -> String {
        let read_only = if read_only { "on" } else { "off" };
        let own = [format!("default_transaction_read_only={read_only}")];
        let newer = (self.major >= 17).then(|| "transaction_timeout=0".to_owned());
        let all = OPTIONS.iter().map(|it| (*it).to_owned()).chain(own).chain(newer);
        all.map(|it| format!("-c {it}")).collect::<Vec<_>>().join(" ")
    }

    /// Forgets all settings of roles and databases: a drill's verdict is about data. Its server is thrown away.
    fn forget_settings(&self, deadline: Deadline) -> Result<()> {
        let writing = self.opened(&self.database, &self.options(false), deadline);
        let delete = "DELETE FROM pg_catalog.pg_db_role_setting";
        writing?.query(delete).map(drop)
    }

    /// Whatever is set for the role or the database, a session of a drill only reads and is not cut short.
    pub(crate) fn connect(&self, database: &str, deadline: Deadline) -> Result<PgConnection> {
        self.opened(database, &self.options(true), deadline)
    }

    fn opened(&self, database: &str, options: &str, deadline: Deadline) -> Result<PgConnection> {
        let sockets = self.sockets.display().to_string();
        let more = [
            ("host", sockets.as_str()),
            ("port", PORT),
            ("user", &self.role),
            ("dbname", database),
            ("client_encoding", "UTF8"),
            ("fallback_application_name", "seawall"),
            ("options", options),
        ];
        PgConnection::open("", &more, deadline.left()?)
    }
}

impl DrillServer<'_> {
    pub(crate) fn log(&self) -> PathBuf {
        self.scratch.path().join("log")
    }

    pub(crate) fn start(&self) -> Result<()> {
        LaidFile::create(self.log(), 0o600)?;
        let append = || File::options().append(true).open(self.log());
        let failed = |error| Error::file("open", &self.log(), &error);
        let mut command = self.programs.command("postgres");
        command.arg("-D").arg(self.scratch.data());
        command.stdout(append().map_err(failed)?).stderr(append().map_err(failed)?);
        // An interrupt at the terminal is ours to handle.
        command.process_group(0);
        self.scratch.start(&mut command, self.confinement, &self.programs.readable())
    }

    /// Waits for the end of the recovery, and returns how to reach the server and how far it got. `progress`
    /// is told every few seconds where it is.
    pub(crate) fn recovered(
        &self,
        progress: &mut dyn FnMut(Lsn),
    ) -> Result<(Address, RecoveryEnded)> {
        let mut said = Instant::now();
        let address = loop {
            if let Some(address) = self.find()? {
                break address;
            }
            if self.scratch.ended().is_some() {
                return Err(why_it_went_down(&self.log()));
            }
            self.deadline.left()?;
            if said.elapsed() >= BETWEEN_LINES {
                said = Instant::now();
                ServerLog::read(&self.log(), 0).replayed().into_iter().for_each(&mut *progress);
            }
            std::thread::sleep(POLL);
        };
        let ended = self.ended(&address)?;
        Ok((address, ended))
    }

    /// Stops it in order, so that all its files are as they should be.
    pub(crate) fn shut_down(&self) -> Result<()> {
        let status = self.scratch.stop(Signal::INT, self.deadline.left()?)?;
        if status.success() { Ok(()) } else { Err(why_it_went_down(&self.log())) }
    }

    /// What the log says when it is gone.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.scratch.ended().map(|_| why_it_went_down(&self.log()))
    }

    /// `None` while it recovers.
    fn find(&self) -> Result<Option<Address>> {
        let own = std::env::var("PGUSER").ok().filter(|user| !user.is_empty());
        let own = own.or_else(|| std::env::var("USER").ok());
        let roles: Vec<&str> = match self.role {
            Some(role) => vec![role],
            None => ROLES.into_iter().chain(own.as_deref()).collect(),
        };
        let mut unknown = Vec::new();
        for role in roles {
            for database in DATABASES {
                let address = Address {
                    sockets: self.scratch.path().to_owned(),
                    role: role.to_owned(),
                    database: database.to_owned(),
                    major: self.major,
                };
                match address.connect(database, self.deadline) {
                    Ok(connection) => return self.as_superuser(address, connection).map(Some),
                    Err(error) if is_missing(&error) => unknown.push(format!("{role}@{database}")),
                    Err(_) => return Ok(None),
                }
            }
        }
        let tried = unknown.join(", ");
        let message = format!("expected a superuser and a database to connect to, tried {tried}");
        Err(Error::new(Class::Usage, message)
            .hint("Name a superuser of that cluster: --role NAME."))
    }

    fn as_superuser(&self, address: Address, mut connection: PgConnection) -> Result<Address> {
        let query = "SELECT rolname FROM pg_catalog.pg_roles WHERE rolsuper AND rolcanlogin \
                     ORDER BY rolname <> current_user, oid LIMIT 1";
        let found = connection.query(query)?.0;
        match found.into_iter().flatten().flatten().next() {
            Some(role) => {
                let address = Address { role, ..address };
                address.forget_settings(self.deadline)?;
                Ok(address)
            }
            None => Err(Error::new(Class::Usage, "the server has no superuser that can log in")),
        }
    }

    fn ended(&self, address: &Address) -> Result<RecoveryEnded> {
        let mut connection = address.connect(&address.database, self.deadline)?;
        let rows = connection.query(
            "SELECT pg_last_wal_replay_lsn(), \
             to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
             pg_walfile_name(pg_current_wal_lsn())",
        )?;
        let row = rows.0.first();
        let field = |column: usize| row.and_then(|row| row.get(column)).and_then(Option::as_deref);
        let lsn = field(0).and_then(|text| text.parse().ok());
        let timeline = field(2).and_then(|name| recovered_timeline(&self.scratch.data(), name));
        match (lsn, timeline) {
            (Some(lsn), Some(timeline)) => Ok(RecoveryEnded {
                lsn,
                timeline,
                time: field(1).and_then(|text| text.parse().ok()),
            }),
            _ => Err(Error::new(
                Class::Damaged,
                "expected the server to have replayed WAL, it has not",
            )),
        }
    }
}

/// The end of a recovery begins a new timeline; the last one in its history is the one that was replayed.
fn recovered_timeline(data: &Path, segment: &str) -> Option<u32> {
    let number = u32::from_str_radix(segment.get(..8)?, 16).ok()?;
    let history = std::fs::read(data.join("pg_wal").join(format!("{number:08X}.history"))).ok()?;
    let history = TimelineHistory::parse(TimelineId::new(number)?, &history).ok()?;
    history.ancestors.last().map(|last| last.timeline.number())
}

fn is_missing(error: &Error) -> bool {
    matches!(error.kind(), Some(ErrorKind::Role | ErrorKind::Database))
}

/// Why the server of a drill went down.
fn why_it_went_down(path: &Path) -> Error {
    let log = ServerLog::read(path, 0);
    let reason = log.reason().unwrap_or(Reason {
        class: None,
        text: "it wrote nothing about it".to_owned(),
        hint: None,
    });
    let message = format!("the server stopped during recovery: {}", reason.text);
    if log.is_of_new_tablespace() {
        return Error::new(Class::Incomplete, message).hint(
            "A tablespace was created after the base backup; a drill writes in its own folder only. Take a base \
             backup, then drill that one.",
        );
    }
    let hint = reason.hint.as_deref();
    let hint = hint.unwrap_or("With --keep the folder stays, and the log of the server in it.");
    Error::new(reason.class.unwrap_or(Class::Damaged), message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_says_nothing_says_that() {
        let error = why_it_went_down(Path::new("/nowhere"));
        assert_eq!(
            error.to_string(),
            "the server stopped during recovery: it wrote nothing about it. HINT: With --keep the folder stays, \
             and the log of the server in it."
        );
        assert_eq!(error.class(), Class::Damaged);
    }
}
