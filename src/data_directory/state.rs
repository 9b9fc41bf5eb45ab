use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::DataDirectory;
use crate::error::{Error, Result};

/// `pg_wal/seawall/`: notes of what was pushed ahead, prefetched segments, findings about stores. All
/// of it may be lost at any time; base backups leave it out, as they do everything in `pg_wal`.
#[derive(Debug, Clone)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// Creates it if need be.
    pub fn of(data_directory: &DataDirectory) -> Result<Self> {
        let path = data_directory.pg_wal().join("seawall");
        create(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A folder in it, created if need be.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        create(&path)?;
        Ok(path)
    }

    /// Takes the lock of that name for as long as the file lives; `None` when another process has it.
    pub fn lock(&self, name: &str) -> Result<Option<File>> {
        let path = self.0.join(name);
        let failed = |error: &io::Error| Error::file("lock", &path, error);
        // Nothing that has this name keeps us waiting.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let mut options = File::options();
        let options = options.create(true).write(true).truncate(false).custom_flags(flags);
        let file = options.open(&path);
        let file = file.map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(&error)),
        }
    }
}

fn create(path: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error)
            if error.kind() != io::ErrorKind::AlreadyExists
                || !fs::exists(path).is_ok_and(|it| it) =>
        {
            Err(Error::file("create folder", path, &error))
        }
        _ => Ok(()),
    }
}

/// Folders of prefetched segments are called this, and a fingerprint of what they are for.
pub const PREFETCHED: &str = "prefetch-";

/// Removes what the prefetching of a recovery left behind, once the server archives for itself.
pub fn remove_prefetched(data_directory: &DataDirectory) {
    let Ok(entries) = fs::read_dir(data_directory.pg_wal().join("seawall")) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFETCHED) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
