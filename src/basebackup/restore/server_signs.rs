//! What the server on a restored directory shows of itself while it recovers: on the disk, without a word of it, and as it
//! answers. Whoever answers at an address has to prove that it is that server, and no other.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::in_use::refuse_running;
use super::running_servers::RunningServers;
use crate::error::{Class, Error, ErrorKind, Result};
use crate::postgres::{PID_FILE, PidFile, in_production, shut_down_in_recovery};
use crate::replication::{PgConnection, Rows};

/// How a server that recovers went down. A short recovery is over before anybody could ask the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gone {
    /// It was shut down, by itself at its target or by somebody.
    InOrder,
    Failed,
    /// It never came.
    NeverSeen,
}

/// How long a server is waited for that shows nothing of itself.
#[derive(Debug, Clone, Copy)]
pub struct WatchLimits {
    /// It makes itself known within this time, or it failed to start.
    pub start: Duration,
    /// Something changes within this time, or it has stopped for good.
    pub silence: Duration,
}

/// A data directory on which a server is to come up, recover, and perhaps go down again.
pub struct Signs {
    data: PathBuf,
    log: PathBuf,
    /// How long it was before the server was started.
    log_before: u64,
    limits: WatchLimits,
    since: Instant,
    seen: bool,
    looked: Instant,
    /// When something changed last, and what it was then.
    alive: Instant,
    state: Vec<Option<(SystemTime, u64)>>,
}

impl Signs {
    const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
    const LOG_ENDS: Duration = Duration::from_secs(3);

    pub fn new(data: &Path, (log, log_before): (&Path, u64), limits: WatchLimits) -> Self {
        let now = Instant::now();
        Self {
            data: data.to_owned(),
            log: log.to_owned(),
            log_before,
            limits,
            since: now,
            seen: false,
            looked: now,
            alive: now,
            state: Vec::new(),
        }
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// What the server that runs has written about itself.
    pub(super) fn record(&mut self) -> Option<ServerRecord> {
        ServerRecord::read(&self.data)
    }

    /// `None` as long as it runs, or may be about to.
    pub(super) fn gone(&mut self) -> Option<Gone> {
        let there = self.data.join(PID_FILE).exists();
        // A base backup has no `postmaster.opts`. A server that starts writes it behind its pid file, and leaves it.
        self.seen |= there || self.data.join("postmaster.opts").exists();
        if !there && !self.seen {
            let failed = self.log_has_ended() || self.since.elapsed() > self.limits.start;
            return failed.then_some(Gone::NeverSeen);
        }
        if there && !self.left_by_a_dead_one() {
            return None;
        }
        let in_order = shut_down_in_recovery(&self.control_file());
        Some(if in_order { Gone::InOrder } else { Gone::Failed })
    }

    /// A server that failed before it had its pid file has said why.
    fn log_has_ended(&mut self) -> bool {
        let length = std::fs::metadata(&self.log).map_or(0, |it| it.len());
        length > self.log_before && self.silent() > Self::LOG_ENDS
    }

    /// A server that was killed leaves its file.
    fn left_by_a_dead_one(&mut self) -> bool {
        if self.looked.elapsed() < Self::BETWEEN_LOOKS {
            return false;
        }
        self.looked = Instant::now();
        refuse_running(&self.data, &RunningServers::look()).is_ok()
            && self.data.join(PID_FILE).exists()
    }

    /// Whether the recovery is over and the server takes writes: the signal is gone, and the control file says so.
    pub(super) fn promoted(&self) -> bool {
        let signals = ["recovery.signal", "standby.signal"];
        let recovers = signals.iter().any(|name| self.data.join(name).exists());
        !recovers && in_production(&self.control_file())
    }

    /// For how long nothing has changed.
    fn silent(&mut self) -> Duration {
        let paths = ["global/pg_control", "pg_wal", PID_FILE].map(|name| self.data.join(name));
        let state = |path: &PathBuf| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        let now: Vec<_> = paths.iter().chain([&self.log]).map(state).collect();
        if now != self.state {
            (self.alive, self.state) = (Instant::now(), now);
        }
        self.alive.elapsed()
    }

    /// The limit, once nothing has changed for longer.
    pub(super) fn silent_for_good(&mut self) -> Option<Duration> {
        let limit = self.limits.silence;
        (self.silent() > limit).then_some(limit)
    }

    /// It has answered.
    pub(super) fn spoke(&mut self) {
        self.alive = Instant::now();
    }

    fn control_file(&self) -> Vec<u8> {
        fs::read(self.data.join("global/pg_control")).unwrap_or_default()
    }
}

/// A server that is asked for its progress answers at once, or it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server wrote about itself, and when it was started.
pub(super) struct ServerRecord {
    file: PidFile,
    /// Seconds since 1970.
    started: i64,
}

/// What came of an attempt to ask the server.
pub(super) enum ServerAnswer {
    Ours(PgConnection),
    /// It takes no connections yet.
    NotYet,
    /// It takes connections, but not this one.
    Refused(String),
    /// Another server is at the address that was named.
    Other,
}

impl ServerRecord {
    /// `None` while there is none, or not all of it.
    pub(super) fn read(data: &Path) -> Option<Self> {
        let file = PidFile::parse(&fs::read(data.join(PID_FILE)).ok()?);
        let started = file.started.filter(|_| !file.port.is_empty())?;
        Some(Self { file, started })
    }

    /// Whether it takes connections, be it for reading only.
    pub(super) fn is_ready(&self) -> bool {
        self.file.is_ready()
    }

    /// Asks the server at its own address, with what was `told` of user, password and TLS; else, as where it runs in a container, at
    /// the address that was told.
    pub(super) fn connect(&self, told: &str) -> ServerAnswer {
        let database = [("dbname", "postgres")];
        let first = if told.is_empty() { &database[..] } else { &[] };
        let own = [("host", self.file.host()), ("port", self.file.port.as_str())];
        match self.prove(open(told, first, &own)) {
            ServerAnswer::Ours(connection) => ServerAnswer::Ours(connection),
            own if told.is_empty() => own,
            own => match (self.prove(open(told, &[], &[])), own) {
                // What its own address says is said of it.
                (ServerAnswer::NotYet | ServerAnswer::Other, ServerAnswer::Refused(why)) => {
                    ServerAnswer::Refused(why)
                }
                (other, _) => other,
            },
        }
    }

    fn prove(&self, opened: Result<PgConnection>) -> ServerAnswer {
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(error) => return refused(&error),
        };
        match self.is_of(&mut connection) {
            Ok(true) => ServerAnswer::Ours(connection),
            Ok(false) => ServerAnswer::Other,
            Err(error) => refused(&error),
        }
    }

    /// The file that the server has in its own directory is this one. Who may not read it there is told by when the server was
    /// started, and its port.
    fn is_of(&self, connection: &mut PgConnection) -> Result<bool> {
        let first = |rows: Rows| rows.0.into_iter().flatten().flatten().next();
        match connection.query("SELECT pg_catalog.pg_read_file('postmaster.pid')") {
            Ok(rows) => {
                let its = first(rows).map(|text| PidFile::parse(text.as_bytes()).identity);
                return Ok(its.as_ref() == Some(&self.file.identity));
            }
            Err(error) if error.class() == Class::Unreachable => return Err(error),
            Err(_) => {}
        }
        let query = format!(
            "SELECT pg_catalog.current_setting('port') = '{}' \
             AND extract(epoch FROM pg_catalog.pg_postmaster_start_time()) BETWEEN {} AND {}",
            self.file.port.replace('\'', "''"),
            self.started - 1,
            self.started + 60
        );
        Ok(first(connection.query(&query)?).as_deref() == Some("t"))
    }
}

fn open(told: &str, first: &[(&str, &str)], last: &[(&str, &str)]) -> Result<PgConnection> {
    let more = [("fallback_application_name", "seawall"), ("connect_timeout", "2")];
    PgConnection::open_with(told, &[&more[..], first].concat(), last, PATIENCE)
}

fn refused(error: &Error) -> ServerAnswer {
    match error.kind() {
        Some(ErrorKind::NotUp) => ServerAnswer::NotYet,
        _ => ServerAnswer::Refused(error.message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_there_once_it_names_the_port() {
        let place = tempfile::tempdir().unwrap();
        let is_there = |text: &str| {
            fs::write(place.path().join(PID_FILE), text).unwrap();
            ServerRecord::read(place.path()).is_some()
        };
        assert_eq!(["", "812\n", "812\n/data\n1732307400\n"].map(is_there), [false, false, false]);
        assert!(is_there("812\n/data\n1732307400\n6001\n"));
    }

    #[test]
    fn a_server_that_never_comes_is_waited_for_so_long_only() {
        let place = tempfile::tempdir().unwrap();
        let gone = |start| {
            let limits = WatchLimits { start, silence: Duration::ZERO };
            Signs::new(place.path(), (Path::new("/nowhere"), 0), limits).gone()
        };
        assert_eq!(gone(Duration::from_secs(60)), None);
        assert_eq!(gone(Duration::ZERO), Some(Gone::NeverSeen));
        fs::write(place.path().join("postmaster.opts"), "").unwrap();
        assert_eq!(gone(Duration::from_secs(60)), Some(Gone::Failed));
    }

    #[test]
    fn the_end_of_a_recovery_shows_on_the_disk() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path();
        fs::create_dir(data.join("global")).unwrap();
        let mut control_file = vec![0; 8192];
        control_file[16] = 6;
        fs::write(data.join("global/pg_control"), &control_file).unwrap();
        fs::write(data.join("recovery.signal"), "").unwrap();
        let limits = WatchLimits { start: Duration::ZERO, silence: Duration::from_millis(10) };
        let mut signs = Signs::new(data, (Path::new("/nowhere"), 0), limits);
        assert!(!signs.promoted());
        fs::remove_file(data.join("recovery.signal")).unwrap();
        assert!(signs.promoted());
        assert!(signs.silent() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(signs.silent_for_good(), Some(limits.silence));
    }
}
