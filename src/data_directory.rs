//! A PostgreSQL data directory as the WAL commands see it: whose it is, whether it recovers, what
//! waits to be archived, and where Seawall keeps its own notes.

mod archive_status;
mod asked;
mod cut;
mod histories;
mod postmaster;
mod restored;
mod state;

use std::fs;
use std::path::{Path, PathBuf};

pub use archive_status::ready_files;
pub use asked::{Asked, tell_absent_history};
pub use cut::CutSegment;
pub use histories::KeptHistories;
pub use postmaster::Postmaster;
pub use restored::{NOT_ARCHIVING, refuse_restored, without_mark};
pub use state::{PREFETCHED, StateFolder, remove_prefetched};

use crate::error::{Class, Error, Result};
use crate::postgres::{
    Malformed, SystemIdentifier, WalSegmentSize, system_identifier_of_control_file,
    wal_segment_size_of_control_file,
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
        self.0.join("postmaster.pid").exists()
    }

    pub fn exists(&self) -> bool {
        self.0.join(CONTROL_FILE).exists()
    }
}
