//! What a recovery shows of itself on the disk, without a word of the server.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::answering::ServerRecord;
use super::running::{RunningServers, refuse_running};
use crate::postgres::{in_production, shut_down_in_recovery};

/// How a server that recovers went down. A short recovery is over before anybody could ask the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
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

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What the server that runs has written about itself.
    pub fn record(&mut self) -> Option<ServerRecord> {
        ServerRecord::read(&self.data)
    }

    /// `None` as long as it runs, or may be about to.
    pub fn gone(&mut self) -> Option<Gone> {
        let there = self.data.join("postmaster.pid").exists();
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
            && self.data.join("postmaster.pid").exists()
    }

    /// Whether the recovery is over and the server takes writes: the signal is gone, and the control file says so.
    pub fn promoted(&self) -> bool {
        let signals = ["recovery.signal", "standby.signal"];
        let recovers = signals.iter().any(|name| self.data.join(name).exists());
        !recovers && in_production(&self.control_file())
    }

    /// For how long nothing has changed.
    pub fn silent(&mut self) -> Duration {
        let paths =
            ["global/pg_control", "pg_wal", "postmaster.pid"].map(|name| self.data.join(name));
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
    pub fn silent_for_good(&mut self) -> Option<Duration> {
        let limit = self.limits.silence;
        (self.silent() > limit).then_some(limit)
    }

    /// It has answered.
    pub fn spoke(&mut self) {
        self.alive = Instant::now();
    }

    fn control_file(&self) -> Vec<u8> {
        fs::read(self.data.join("global/pg_control")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
