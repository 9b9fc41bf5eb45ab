use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

const PREFIX: &str = ".seawall-tmp-";

/// A file that is being written, under a name that nothing else uses. It is removed when dropped,
/// unless it was published. Its writer holds a lock on it for as long as it lives: that is how the
/// next run tells the leavings of a dead process from the work of a living one, also from another
/// host on a shared file system.
pub struct Temporary {
    file: File,
    path: PathBuf,
    published: bool,
}

impl Temporary {
    pub fn create_in(folder: &Path) -> Result<Self> {
        loop {
            let path = folder.join(format!("{PREFIX}{:016x}", random()?));
            match open_locked(&path) {
                Ok(Some(file)) => return Ok(Self { file, path, published: false }),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::file("create", &path, &error)),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Puts the file in the place of whatever is at `target`. Atomic, but not synced: for files that
    /// can be had again, such as a segment on its way into a data directory.
    pub fn replace(mut self, target: &Path) -> Result<()> {
        fs::rename(&self.path, target).map_err(|error| Error::file("create", target, &error))?;
        self.published = true;
        Ok(())
    }

    /// Gives the file the name `target`, or says that the name is taken; what is there stays.
    pub(super) fn publish_as(mut self, target: &Path) -> io::Result<bool> {
        let created = rename_no_replace(&self.path, target)?;
        self.published = created;
        Ok(created)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Puts `content` in the place of `target`: whole or not at all, but not synced. For notes that may be
/// lost.
pub fn replace(target: &Path, content: &[u8]) -> Result<()> {
    let mut temporary = Temporary::create_in(target.parent().unwrap_or(Path::new(".")))?;
    let written = temporary.file().write_all(content);
    written.map_err(|error| Error::file("write", target, &error))?;
    temporary.replace(target)
}

/// `None` when a cleaner took the file between its creation and our lock.
fn open_locked(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().write(true).read(true).create_new(true).mode(0o600).open(path)?;
    file.lock()?;
    Ok((file.metadata()?.nlink() > 0).then_some(file))
}

/// `renameat2(RENAME_NOREPLACE)`; where the file system does not know it (NFS), `link` and `unlink`,
/// which refuses a taken name just as surely.
fn rename_no_replace(from: &Path, to: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;

    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(Errno::INVAL | Errno::NOSYS) => match fs::hard_link(from, to) {
            Ok(()) => fs::remove_file(from).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        },
        Err(error) => Err(error.into()),
    }
}

/// Removes temporary files whose writer is dead. What cannot be looked at stays: it does no harm.
pub fn remove_abandoned(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            remove_if_abandoned(&entry.path());
        }
    }
}

fn remove_if_abandoned(path: &Path) {
    let Ok(file) = OpenOptions::new().write(true).open(path) else { return };
    match file.try_lock() {
        Ok(()) => {
            let _ = fs::remove_file(path);
        }
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
    }
}

fn random() -> Result<u64> {
    let mut bytes = [0; 8];
    let open = |error| Error::file("read", Path::new("/dev/urandom"), &error);
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(_) => Ok(u64::from_ne_bytes(bytes)),
        Err(error) => Err(open(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_without_a_living_writer_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let alive = Temporary::create_in(place.path()).unwrap();
        let dead = place.path().join(format!("{PREFIX}dead"));
        let foreign = place.path().join("000000010000000000000001.zst");
        fs::write(&dead, "x").unwrap();
        fs::write(&foreign, "x").unwrap();
        remove_abandoned(place.path());
        assert!(alive.path().exists() && foreign.exists() && !dead.exists());
        let path = alive.path().to_owned();
        drop(alive);
        assert!(!path.exists());
    }
}
