use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::folders::sync_folder;
use super::writeback::Writeback;
use crate::error::{Error, Result};

/// How much of a file is written before the disk is told to begin with it.
const WRITEBACK_BYTES: u64 = 4 << 20;

/// A file that is laid down with many others and worth nothing without them. It is not synced by itself:
/// [`super::Bulk`] syncs them all.
pub struct LaidFile {
    file: File,
    path: PathBuf,
    writeback: Writeback,
}

impl LaidFile {
    /// Creates the file in the place of another one. That one is removed, not written over: where it was
    /// a link, or has another name elsewhere, what that leads to stays as it is.
    pub fn create(path: PathBuf, mode: u32) -> Result<Self> {
        let open = || OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        let created = match open() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&path).and_then(|()| open())
            }
            other => other,
        };
        let file = created.map_err(|error| Error::file("create", &path, &error))?;
        // Bits for others than the owner may be held back by the umask.
        if mode & 0o077 != 0 {
            let set = file.set_permissions(Permissions::from_mode(mode));
            set.map_err(|error| Error::file("set the mode of", &path, &error))?;
        }
        Ok(Self { file, path, writeback: Writeback::from(0, WRITEBACK_BYTES) })
    }

    pub fn write(&mut self, content: &[u8]) -> Result<()> {
        let written = self.file.write_all(content);
        written.map_err(|error| Error::file("write", &self.path, &error))?;
        self.writeback.wrote(&self.file, content.len());
        Ok(())
    }
}

/// Creates a folder if there is none; its parent must exist. Not synced.
pub fn lay_folder(path: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        created => created.map_err(|error| {
            let failure = Error::file("create folder", path, &error);
            match error.kind() {
                io::ErrorKind::NotFound => {
                    failure.hint("Is the disk mounted? The folder above it must exist.")
                }
                _ => failure,
            }
        }),
    }
}

/// Creates a folder, whose parent must exist, so that its name survives a power cut. One that is there stays.
pub fn create_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    lay_folder(path)?;
    // A bare name has an empty folder before it.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    sync_folder(parent.unwrap_or(Path::new(".")))
}

/// Makes `link` a symbolic link to `folder`, in the place of another link. Not synced.
pub fn lay_link(link: &Path, folder: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|there| there == folder) {
        return Ok(());
    }
    let removed = match fs::remove_file(link) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    };
    let linked = removed.and_then(|()| symlink(folder, link));
    linked.map_err(|error| Error::file("create link", link, &error))
}

pub fn set_mode(path: &Path, mode: u32) -> Result<()> {
    let set = fs::set_permissions(path, Permissions::from_mode(mode));
    set.map_err(|error| Error::file("set the mode of", path, &error))
}

/// Gives it to a group, whose members then may do what its mode says.
pub fn give_group(path: &Path, group: u32) -> Result<()> {
    let given = std::os::unix::fs::chown(path, None, Some(group));
    given.map_err(|error| Error::file("change the group of", path, &error))
}

/// Removes a file, a link, or a folder with all that is in it. Not synced.
pub fn remove_all(path: &Path) -> Result<()> {
    let remove = || {
        let is_folder = fs::symlink_metadata(path)?.is_dir();
        if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }
    };
    remove().map_err(|error| Error::file("remove", path, &error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn lay(path: &Path, mode: u32, content: &[u8]) {
        let mut file = LaidFile::create(path.to_owned(), mode).unwrap();
        file.write(content).unwrap();
    }

    #[test]
    fn a_laid_file_leaves_other_names_of_its_predecessor_alone() {
        let place = tempfile::tempdir().unwrap();
        let [path, copy, link, elsewhere] =
            ["file", "copy", "link", "elsewhere"].map(|name| place.path().join(name));
        fs::write(&path, "old").unwrap();
        fs::hard_link(&path, &copy).unwrap();
        fs::write(&elsewhere, "other").unwrap();
        symlink(&elsewhere, &link).unwrap();
        lay(&path, 0o600, b"new");
        lay(&link, 0o640, &vec![7; 2 * WRITEBACK_BYTES as usize]);
        for (path, content) in [(&path, "new"), (&copy, "old"), (&elsewhere, "other")] {
            assert_eq!(fs::read_to_string(path).unwrap(), content);
        }
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(&link)), (0o600, 0o640));
        assert_eq!(fs::metadata(&link).unwrap().len(), 2 * WRITEBACK_BYTES);
    }

    #[test]
    fn folders_and_links_may_be_there_already() {
        let place = tempfile::tempdir().unwrap();
        let (folder, link) = (place.path().join("folder"), place.path().join("link"));
        lay_link(&link, Path::new("/nowhere")).unwrap();
        for _ in 0..2 {
            lay_folder(&folder).unwrap();
            lay_link(&link, &folder).unwrap();
        }
        assert_eq!(fs::read_link(&link).unwrap(), folder);
        lay(&folder.join("file"), 0o600, b"");
        remove_all(&link).unwrap();
        assert!(folder.join("file").exists());
        remove_all(&folder).unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let place = tempfile::tempdir().unwrap();
        let (file, folder) = (place.path().join("file"), place.path().join("none/folder"));
        lay(&file, 0o600, b"");
        assert_eq!(
            lay_folder(&file).unwrap_err().to_string(),
            format!("could not create folder {file:?}: File exists (os error 17)")
        );
        assert_eq!(
            lay_folder(&folder).unwrap_err().to_string(),
            format!(
                "could not create folder {folder:?}: No such file or directory (os error 2). \
                 HINT: Is the disk mounted? The folder above it must exist."
            )
        );
        assert_eq!(
            LaidFile::create(place.path().to_owned(), 0o600).err().unwrap().to_string(),
            format!("could not create {:?}: Is a directory (os error 21)", place.path())
        );
    }
}
