//! The least of a data directory that an archive or restore command looks at.

use std::fs;
use std::path::{Path, PathBuf};

use super::WalFiles;
use crate::support::place::Place;
use crate::support::user::{hand_over, write_as_server_user};

/// A folder that looks like the data directory of a stopped server, owned by the server user.
pub struct DataDirectory {
    path: PathBuf,
}

impl DataDirectory {
    /// A data directory of the cluster that wrote `wal`, with an empty `pg_wal`.
    pub fn new(place: &Place, wal: &WalFiles) -> DataDirectory {
        let path = place.folder(&format!("fake{}", place.next_number()));
        fs::create_dir_all(path.join("pg_wal/archive_status")).expect("our own folder");
        fs::create_dir_all(path.join("global")).expect("our own folder");
        fs::write(path.join("global/pg_control"), &wal.control).expect("our own folder");
        fs::write(path.join("PG_VERSION"), format!("{}\n", wal.version)).expect("our own folder");
        hand_over(&path);
        DataDirectory { path }
    }

    /// The same, with every segment in `pg_wal` and marked ready.
    pub fn with_ready_segments(place: &Place, wal: &WalFiles) -> DataDirectory {
        let directory = DataDirectory::new(place, wal);
        for (name, bytes) in &wal.segments {
            directory.put(name, bytes);
            directory.mark_ready(name);
        }
        directory
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The full path of a file in `pg_wal`; PostgreSQL itself passes `pg_wal/NAME`.
    pub fn wal(&self, name: &str) -> PathBuf {
        self.path.join("pg_wal").join(name)
    }

    /// Writes a file into `pg_wal`.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        write_as_server_user(&self.wal(name), bytes);
    }

    /// Marks a file as waiting to be archived.
    pub fn mark_ready(&self, name: &str) {
        write_as_server_user(&self.status(name, "ready"), "");
    }

    /// What the archiver does after the command said yes.
    pub fn mark_done(&self, name: &str) {
        fs::rename(self.status(name, "ready"), self.status(name, "done")).expect("was ready");
    }

    /// Puts `recovery.signal` or `standby.signal` there.
    pub fn signal(&self, name: &str) {
        write_as_server_user(&self.path.join(name), "");
    }

    fn status(&self, name: &str, state: &str) -> PathBuf {
        self.path.join(format!("pg_wal/archive_status/{name}.{state}"))
    }
}
