use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::keep::share;
use crate::error::{Error, Result};

/// Creates the folders on the way from `root` down to `folder`, and makes them survive a power cut before
/// anything is published in them.
pub fn create_folders(root: &Path, folder: &Path) -> Result<()> {
    Way::to(root, folder).map(|_| ())
}

/// A folder in which a file is about to get its name, whose own way up to the root survives a power cut.
pub(super) struct Way {
    root: PathBuf,
    path: PathBuf,
    /// Open, so that no other folder can have its number.
    folder: File,
}

impl Way {
    /// Creates what is missing of it.
    ///
    /// The rule that saves most syncs: a folder that holds a file was synced by whoever put that there,
    /// because all do it in this order. So only one without files, new or left by a process that died,
    /// has its way up synced.
    pub fn to(root: &Path, path: &Path) -> Result<Self> {
        create_unsynced(root, path)?;
        let folder = File::open(path).map_err(|error| Error::file("open folder", path, &error))?;
        let way = Self { root: root.to_owned(), path: path.to_owned(), folder };
        let entries = fs::read_dir(path);
        let mut entries =
            entries.map_err(|error| Error::file("read folder", path, &error))?.flatten();
        if !entries.any(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())) {
            way.sync_up()?;
        }
        Ok(way)
    }

    fn sync_up(&self) -> Result<()> {
        let above = self.path.ancestors().skip(1);
        above.take_while(|path| path.starts_with(&self.root)).try_for_each(sync_folder)?;
        sync_parent(&self.root)
    }

    /// Makes the names in the folder survive a power cut. Meanwhile somebody may have removed the last file
    /// from it, and with that the folder, and somebody else may have made a new one, whose own name is not synced.
    pub fn sync(&self) -> Result<()> {
        let failed = |error| Error::file("sync folder", &self.path, &error);
        let found = File::open(&self.path).map_err(failed)?;
        found.sync_all().map_err(failed)?;
        let number = |folder: &File| folder.metadata().map(|it| (it.dev(), it.ino()));
        if number(&found).map_err(failed)? != number(&self.folder).map_err(failed)? {
            self.sync_up()?;
        }
        Ok(())
    }
}

/// Creates the folders without a sync, mode 0700: for what may be lost, such as temporary files. `root`
/// itself may be new, its parent must exist: a path that is missing further up is more likely a disk
/// that is not mounted than a wish.
///
/// What root creates belongs to the owner of `root`: users share these folders, as the one that takes snapshots
/// of media files and the one that runs PostgreSQL do.
pub(super) fn create_unsynced(root: &Path, folder: &Path) -> Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|path| path.starts_with(root) && !path.is_dir()).collect();
    for path in missing.into_iter().rev() {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::file("create folder", path, &error)
                    .hint("Is the disk mounted? The folder above it must exist."));
            }
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::file("create folder", path, &error));
            }
            Ok(()) if path != root => share(root, path)?,
            _ => {}
        }
    }
    Ok(())
}

/// Makes the names in a folder survive a power cut.
pub fn sync_folder(folder: &Path) -> Result<()> {
    let sync = || File::open(folder)?.sync_all();
    sync().map_err(|error| Error::file("sync folder", folder, &error))
}

/// The repository's parent belongs to somebody else and may be closed to us (`/var/backups`); then
/// `root` was not created by us either.
fn sync_parent(root: &Path) -> Result<()> {
    let Some(parent) = root.parent() else { return Ok(()) };
    match File::open(parent) {
        Ok(parent_file) => {
            parent_file.sync_all().map_err(|error| Error::file("sync folder", parent, &error))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(Error::file("open folder", parent, &error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown};

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
}
