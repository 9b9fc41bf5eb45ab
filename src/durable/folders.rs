//! Folders: made so that a file which is published in them survives a power cut, which means that the way up to the
//! root is synced too; and folders for work that is thrown away, with a lock that tells whether their owner lives.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, open};

use super::descent::{IfMissing, descend};
use super::inode::names_in;
use crate::error::{Error, Result};

/// Creates the folders on the way from `root` down to `folder`, and makes them survive a power cut before
/// anything is published in them.
pub fn create_folders(root: &Path, folder: &Path) -> Result<()> {
    PublishFolder::to(root, folder).map(|_| ())
}

/// A folder in which a file is about to get its name, whose own way up to the root survives a power cut.
pub(super) struct PublishFolder {
    root: PathBuf,
    path: PathBuf,
    /// Open, so that no other folder can have its number.
    folder: File,
}

impl PublishFolder {
    /// Creates what is missing of it.
    ///
    /// The rule that saves most syncs: a folder that holds a file was synced by whoever put that there,
    /// because all do it in this order. So only one without files, new or left by a process that died,
    /// has its way up synced.
    pub(super) fn to(root: &Path, path: &Path) -> Result<Self> {
        let folder = File::from(create_unsynced(root, path)?);
        let way = Self { root: root.to_owned(), path: path.to_owned(), folder };
        let names = names_in(&way.folder);
        let names = names.map_err(|error| Error::file("read folder", path, &error))?;
        if !names.iter().any(|(name, kind)| way.is_file(name, *kind)) {
            way.sync_up()?;
        }
        Ok(way)
    }

    /// Some file systems do not tell with the name what it is.
    fn is_file(&self, name: &[u8], kind: FileType) -> bool {
        let looked =
            || rustix::fs::statat(&self.folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
        let known = match kind {
            FileType::Unknown => {
                looked().map_or(kind, |stat| FileType::from_raw_mode(stat.st_mode))
            }
            known => known,
        };
        known == FileType::RegularFile
    }

    fn sync_up(&self) -> Result<()> {
        let above = self.path.ancestors().skip(1);
        above.take_while(|path| path.starts_with(&self.root)).try_for_each(sync_folder)?;
        sync_parent(&self.root)
    }

    /// The folder that has the path now. Meanwhile somebody may have removed the last file from ours, and with that the
    /// folder, and somebody else may have made a new one.
    pub(super) fn again(&self) -> Result<File> {
        let mut folders = descend(&self.root, &self.path, IfMissing::Fail)?;
        Ok(File::from(folders.pop().ok_or_else(|| {
            Error::file("open folder", &self.path, &io::ErrorKind::NotFound.into())
        })?))
    }

    /// Makes the names in `found`, the folder as it was found again, survive a power cut. The name of a new one is not
    /// synced yet.
    pub(super) fn sync(&self, found: &File) -> Result<()> {
        let failed = |error| Error::file("sync folder", &self.path, &error);
        found.sync_all().map_err(failed)?;
        let number = |folder: &File| folder.metadata().map(|it| (it.dev(), it.ino()));
        if number(found).map_err(failed)? != number(&self.folder).map_err(failed)? {
            self.sync_up()?;
        }
        Ok(())
    }
}

/// Creates the folders without a sync, mode 0700: for what may be lost, such as temporary files. Returns the last,
/// open.
pub(super) fn create_unsynced(root: &Path, folder: &Path) -> Result<OwnedFd> {
    let mut folders = descend(root, folder, IfMissing::Make)?;
    folders.pop().ok_or_else(|| Error::file("open folder", folder, &io::ErrorKind::NotFound.into()))
}

/// Makes the names in a folder survive a power cut.
pub fn sync_folder(folder: &Path) -> Result<()> {
    let sync = || open_folder(folder)?.sync_all();
    sync().map_err(|error| Error::file("sync folder", folder, &error))
}

/// Never waits, as the opening of a FIFO that took the place of a folder would.
pub(super) fn open_folder(folder: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(File::from(open(folder, flags, Mode::empty())?))
}

/// The repository's parent belongs to somebody else and may be closed to us (`/var/backups`); then
/// `root` was not created by us either.
fn sync_parent(root: &Path) -> Result<()> {
    let Some(parent) = root.parent() else { return Ok(()) };
    match open_folder(parent) {
        Ok(parent_file) => {
            parent_file.sync_all().map_err(|error| Error::file("sync folder", parent, &error))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(Error::file("open folder", parent, &error)),
    }
}

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

/// The only one of its kind as long as what it returns lives: `None` when another process holds the lock. The folder is not
/// changed.
pub fn lock_folder(path: &Path) -> Result<Option<File>> {
    let failed = |error: &io::Error| Error::file("lock folder", path, error);
    let folder = File::open(path).map_err(|error| failed(&error))?;
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(failed(&error)),
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
    use std::os::unix::fs::chown;

    use super::*;

    #[test]
    fn new_folders_are_for_their_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("repository");
        create_folders(&root, &root.join("a/b")).unwrap();
        for folder in [root.clone(), root.join("a"), root.join("a/b")] {
            assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        }
        create_folders(&root, &root.join("a/b")).unwrap();
    }

    #[test]
    fn what_root_creates_belongs_to_the_owner_of_the_repository() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("repository");
        fs::create_dir(&root).unwrap();
        // Anybody else owns what he makes, whatever is done here.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        chown(&root, Some(4321), Some(4321)).unwrap();
        create_folders(&root, &root.join("a/b")).unwrap();
        let owner = |path: &str| fs::metadata(root.join(path)).unwrap().uid();
        assert_eq!((owner("a"), owner("a/b")), (4321, 4321));
    }

    #[test]
    fn a_missing_parent_of_the_root_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("not-mounted/repository");
        let error = create_folders(&root, &root.join("a")).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "could not create folder {root:?}: No such file or directory (os error 2). \
                 HINT: Is the disk mounted? The folder above it must exist."
            )
        );
    }

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
