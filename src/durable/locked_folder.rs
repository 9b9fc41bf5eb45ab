use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::error::{Error, Result};

/// A new folder of mode 0700 for work that is thrown away, and a lock on it for as long as this value lives.
/// As with a [`super::Temporary`], that is how the next run tells the leavings of a dead process from the
/// work of a living one. It is not removed when dropped.
#[derive(Debug)]
pub struct LockedFolder {
    path: PathBuf,
    _lock: File,
}

impl LockedFolder {
    /// Its name is `prefix` and some letters that nobody else has.
    pub fn create_in(parent: &Path, prefix: &str) -> Result<Self> {
        let failed = |error| Error::file("create a folder in", parent, &error);
        loop {
            let mut builder = tempfile::Builder::new();
            let builder = builder.prefix(prefix).permissions(Permissions::from_mode(0o700));
            let path = builder.tempdir_in(parent).map_err(failed)?.keep();
            // A cleaner may have taken it between its creation and our lock.
            match lock(&path) {
                Some(folder) => return Ok(folder),
                None => fs::remove_dir(&path).or_else(gone_is_well).map_err(failed)?,
            }
        }
    }

    /// Those of this user that lie there and whose process is dead. They are ours now. What can't be looked
    /// at is left out.
    pub fn abandoned_in(parent: &Path, prefix: &str) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
        let ours = entries.flatten().map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            name.starts_with(prefix.as_bytes())
        });
        ours.filter_map(|path| lock(&path)).collect()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// `None` when somebody else holds the lock, when it is not a folder of ours, or when it is gone.
fn lock(path: &Path) -> Option<LockedFolder> {
    // Anybody may put anything into a folder like /var/tmp: a link is not followed.
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    let folder = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    let locked = folder.metadata().ok()?;
    if locked.uid() != rustix::process::geteuid().as_raw() {
        return None;
    }
    folder.try_lock().ok()?;
    let named = fs::symlink_metadata(path).ok()?;
    let same = (named.dev(), named.ino()) == (locked.dev(), locked.ino());
    same.then(|| LockedFolder { path: path.to_owned(), _lock: folder })
}

fn gone_is_well(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_dead_processes_are_abandoned() {
        let place = tempfile::tempdir().unwrap();
        let place = place.path();
        let alive = LockedFolder::create_in(place, "work-").unwrap();
        assert_eq!(fs::metadata(alive.path()).unwrap().mode() & 0o777, 0o700);
        for folder in ["work-dead", "other"] {
            fs::create_dir(place.join(folder)).unwrap();
        }
        fs::write(place.join("work-file"), "").unwrap();
        std::os::unix::fs::symlink(place.join("other"), place.join("work-link")).unwrap();
        let found = LockedFolder::abandoned_in(place, "work-");
        let paths: Vec<&Path> = found.iter().map(LockedFolder::path).collect();
        assert_eq!(paths, [place.join("work-dead")]);
        assert!(LockedFolder::abandoned_in(place, "work-").is_empty());
        drop(found);
        drop(alive);
        assert_eq!(LockedFolder::abandoned_in(place, "work-").len(), 2);
    }
}
