//! A PostgreSQL data directory as the WAL commands see it: whose it is, whether it recovers, which server runs
//! on it, and what waits to be archived.
//!
//! `state` is Seawall's own folder in it, `asked` what recovery asked for last, `not_archived` what must
//! never go into the archive under a name that it does not deserve, and `dropped` what a human gave up.

mod asked;
mod dropped;
mod not_archived;
mod state;

pub use asked::{AskedSegment, tell_absent_history};
pub use dropped::DroppedFiles;
pub use not_archived::{CutSegment, NOT_ARCHIVING, refuse_restored, without_mark};
pub use state::{KeptHistories, PREFETCHED, StateFolder, remove_prefetched};

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, test_kill_process};

use crate::durable;
use crate::error::{Class, Error, Result};
use crate::postgres::{
    Malformed, PID_FILE, PidFile, SystemIdentifier, WalFileName, WalSegmentSize,
    system_identifier_of_control_file, wal_segment_size_of_control_file,
};

const CONTROL_FILE: &str = "global/pg_control";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDirectory(PathBuf);

impl DataDirectory {
    /// The data directory that `path`, a file in some `pg_wal`, lies in; else the working directory, if
    /// it is one. PostgreSQL calls its commands in the data directory with a relative path;
    /// `pg_rewind` calls them elsewhere, with the path of its target.
    pub fn find(path: &Path) -> Option<Self> {
        // An empty path has no absolute one.
        let path = std::path::absolute(path).ok();
        let of_path = path.as_deref().and_then(Path::parent).and_then(Path::parent);
        let of_path = of_path.map(Path::to_owned);
        let working = std::env::current_dir().ok();
        let mut candidates = of_path.into_iter().chain(working);
        candidates.find(|folder| folder.join(CONTROL_FILE).is_file()).map(Self)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn pg_wal(&self) -> PathBuf {
        self.0.join("pg_wal")
    }

    pub fn system_identifier(&self) -> Result<SystemIdentifier> {
        self.control_file(system_identifier_of_control_file)
    }

    /// The length of its WAL segments.
    pub fn segment_size(&self) -> Result<WalSegmentSize> {
        self.control_file(wal_segment_size_of_control_file)
    }

    fn control_file<T>(&self, read: impl Fn(&[u8]) -> Result<T, Malformed>) -> Result<T> {
        let path = self.0.join(CONTROL_FILE);
        let bytes = fs::read(&path).map_err(|error| Error::file("read", &path, &error))?;
        read(&bytes)
            .map_err(|error| Error::new(Class::Input, format!("could not use {path:?}: {error}")))
    }

    /// Whether the server is, or will start as, a standby. Where both signal files exist, PostgreSQL
    /// goes by this one.
    pub fn is_standby(&self) -> bool {
        self.0.join("standby.signal").exists()
    }

    /// Whether the server recovers from the archive. `pg_rewind` fetches WAL in a directory that does
    /// not.
    pub fn is_in_recovery(&self) -> bool {
        self.is_standby() || self.0.join("recovery.signal").exists()
    }

    /// The server that runs on it, as far as can be seen from here.
    pub fn postmaster(&self) -> Option<Postmaster> {
        Postmaster::of(&self.0)
    }

    /// Whether a server runs on it, or died without cleaning up.
    pub fn has_server(&self) -> bool {
        self.0.join(PID_FILE).exists()
    }

    pub fn exists(&self) -> bool {
        self.0.join(CONTROL_FILE).exists()
    }
}

/// A running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postmaster(PidFile);

impl Postmaster {
    /// `None` where none runs, as far as can be seen from here: a lock file may be left of one that died.
    pub fn of(data: &Path) -> Option<Self> {
        let file = PidFile::parse(&durable::read_small(&data.join(PID_FILE)).ok()?);
        file.started?;
        let running = test_kill_process(Pid::from_raw(i32::try_from(file.process).ok()?)?);
        let there = matches!(running, Ok(()) | Err(rustix::io::Errno::PERM));
        there.then_some(Self(file))
    }

    /// Whether it is going down. Before it does, it waits for its archiver.
    pub fn is_stopping(&self) -> bool {
        self.0.is_stopping()
    }

    /// What no other run of a server has.
    pub fn run(&self) -> String {
        format!("{} {}", self.0.process, self.0.started.unwrap_or_default())
    }
}

/// The files that PostgreSQL has marked as ready to be archived (`pg_wal/archive_status/*.ready`), in
/// the order in which it will ask for them: histories first, then by name (`ready_file_comparator`
/// in `pgarch.c`). A folder that can't be read gives none: they are asked for one by one then.
pub fn ready_files(pg_wal: &Path) -> Vec<WalFileName> {
    let Ok(entries) = fs::read_dir(pg_wal.join("archive_status")) else { return Vec::new() };
    let name = |entry: fs::DirEntry| {
        entry.file_name().to_str()?.strip_suffix(".ready")?.parse::<WalFileName>().ok()
    };
    let mut ready: Vec<WalFileName> = entries.flatten().filter_map(name).collect();
    ready.sort_by_cached_key(|name| (!matches!(name, WalFileName::History(_)), name.to_string()));
    ready
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pid: u32, status: &str) -> Option<Postmaster> {
        let place = tempfile::tempdir().unwrap();
        let text = format!("{pid}\n/data\n1732307400\n5432\n/tmp\n*\n  123  456\n{status}\n");
        fs::write(place.path().join(PID_FILE), text).unwrap();
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

    #[test]
    fn histories_come_first_and_strangers_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let status = place.path().join("archive_status");
        fs::create_dir(&status).unwrap();
        for name in [
            "000000020000000000000004.ready",
            "000000010000000000000003.ready",
            "000000010000000000000002.done",
            "00000002.history.ready",
            "000000010000000000000003.00000028.backup.ready",
            "junk.ready",
        ] {
            fs::write(status.join(name), "").unwrap();
        }
        let names: Vec<String> =
            ready_files(place.path()).iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "00000002.history",
                "000000010000000000000003",
                "000000010000000000000003.00000028.backup",
                "000000020000000000000004",
            ]
        );
    }
}
