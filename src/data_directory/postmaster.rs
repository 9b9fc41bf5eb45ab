//! The server that runs on a data directory, as its lock file tells of it (`miscinit.c`: `AddToDataDirLockFile`).

use std::path::Path;

use rustix::process::{Pid, test_kill_process};

use crate::durable;

const LOCK_FILE: &str = "postmaster.pid";

/// A running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postmaster {
    pid: String,
    started: String,
    status: String,
}

impl Postmaster {
    /// `None` where none runs, as far as can be seen from here: a lock file may be left of one that died.
    pub fn of(data: &Path) -> Option<Self> {
        let text = String::from_utf8(durable::read_small(&data.join(LOCK_FILE)).ok()?).ok()?;
        let mut lines = text.lines().map(|line| line.trim().to_owned());
        let (pid, started) = (lines.next()?, lines.nth(1)?);
        let status = lines.nth(4).unwrap_or_default();
        let running = test_kill_process(Pid::from_raw(pid.parse().ok()?)?);
        let there = matches!(running, Ok(()) | Err(rustix::io::Errno::PERM));
        there.then_some(Self { pid, started, status })
    }

    /// Whether it is going down. Before it does, it waits for its archiver.
    pub fn is_stopping(&self) -> bool {
        self.status == "stopping"
    }

    /// What no other run of a server has.
    pub fn run(&self) -> String {
        format!("{} {}", self.pid, self.started)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn of(pid: u32, status: &str) -> Option<Postmaster> {
        let place = tempfile::tempdir().unwrap();
        let text = format!("{pid}\n/data\n1732307400\n5432\n/tmp\n*\n  123  456\n{status}\n");
        fs::write(place.path().join(LOCK_FILE), text).unwrap();
        Postmaster::of(place.path())
    }

    #[test]
    fn says_whether_a_server_runs_and_goes_down() {
        let me = std::process::id();
        assert!(!of(me, "ready   ").unwrap().is_stopping());
        assert!(of(me, "stopping").unwrap().is_stopping());
        assert_eq!(of(me, "stopping").unwrap().run(), format!("{me} 1732307400"));
        assert_eq!(of(i32::MAX.cast_unsigned(), "ready"), None);
        assert_eq!(Postmaster::of(Path::new("/nowhere")), None);
    }
}
