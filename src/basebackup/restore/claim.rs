//! Two restores into one directory would undo each other's work: each locks the folders that it writes to.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::error::{Class, Error, Result};

/// Folders that are this process's for as long as it lives. The kernel lets go of them when it dies.
#[derive(Debug, Default)]
pub struct FolderLocks(Vec<File>);

impl FolderLocks {
    /// Locks a folder that is there. One that this process has already stays its own.
    pub fn take(&mut self, folder: &Path) -> Result<()> {
        let failed = |error: io::Error| Error::file("open", folder, &error);
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(folder, flags, Mode::empty());
        let opened = File::from(opened.map_err(|error| failed(error.into()))?);
        let identity = identity(&opened.metadata().map_err(failed)?);
        let ours = |file: &File| file.metadata().is_ok_and(|it| self::identity(&it) == identity);
        if self.0.iter().any(ours) {
            return Ok(());
        }
        match opened.try_lock() {
            // Where there are no locks, as on some network file systems, there is only the user's word.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(folder)),
        }
        // Another restore may have moved it aside in between.
        if !fs::metadata(folder).is_ok_and(|it| self::identity(&it) == identity) {
            return Err(taken(folder));
        }
        self.0.push(opened);
        Ok(())
    }
}

fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn taken(folder: &Path) -> Error {
    let message = format!("another restore is at work on {folder:?}");
    Error::new(Class::Input, message)
        .hint("Wait for its end, or stop it; the same command goes on then.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_of_one_restore_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (FolderLocks::default(), FolderLocks::default());
        assert_eq!([one.take(place.path()), one.take(place.path())], [Ok(()), Ok(())]);
        let said = format!(
            "another restore is at work on {:?}. HINT: Wait for its end, or stop it; the same command goes \
             on then.",
            place.path()
        );
        assert_eq!(other.take(place.path()).unwrap_err().to_string(), said);
        drop(one);
        assert_eq!(other.take(place.path()), Ok(()));
    }
}
