//! One file at a time, opened, read, created, removed: what `std::fs` does, but so that nothing waits for a
//! FIFO and what has to survive a power cut does. [`FileStamp`] tells whether a file is still the one that was
//! read, without reading it again.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::DirCursor;
use super::descent::{IfMissing, descend, is_gone};
use super::folders::sync_folder;
use super::temporary::Temporary;
use crate::error::{Error, Result};

/// Opens a file for reading and never waits: opening a FIFO would, until somebody writes into it.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Notes of ours are far smaller.
const SMALL_BYTES_MAX: u64 = 1 << 16;

/// The content of a small file of ours. Never waits, and reads nothing but a file, whatever has its name.
pub fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let file = open_to_read(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other(format!("expected a file, found {}", kind(&metadata))));
    }
    let mut content = Vec::new();
    file.take(SMALL_BYTES_MAX).read_to_end(&mut content)?;
    Ok(content)
}

/// Cuts a file to nothing, if there is anything in it. To cut an empty file is not for free: ext4 then
/// takes it for one that is being rewritten, and writes all of it to the disk as soon as it is closed
/// (`auto_da_alloc` in `ext4(5)`).
pub fn empty(file: &File) -> io::Result<()> {
    if file.metadata()?.len() == 0 { Ok(()) } else { file.set_len(0) }
}

/// What a person would call it, for messages that expected a file.
pub fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_file() {
        "a file"
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// Creates a file with this content, mode and group; false when there is one, which stays as it is. When it
/// returns, the file survives a power cut. Its folder must exist.
pub fn create_new(path: &Path, content: &[u8], mode: u32, group: Option<u32>) -> Result<bool> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut temporary = Temporary::create_in(folder)?;
    let file = temporary.file();
    let mut written = || {
        file.write_all(content)?;
        if group.is_some() {
            fchown(&*file, None, group)?;
        }
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()
    };
    written().map_err(|error| Error::file("write", path, &error))?;
    let created = temporary.publish_as(path);
    if !created.map_err(|error| Error::file("create", path, &error))? {
        return Ok(false);
    }
    sync_folder(folder).map(|()| true)
}

/// Removes a file, then the folders above it that are empty now, up to `root`, which stays. False when
/// there was no such file.
///
/// What has to survive a power cut is the order: the folder is synced before this returns, so of two files
/// that are removed one after the other, the second is never gone while the first is back. That the
/// empty folders are gone is not synced: one more or less means nothing.
///
/// Whoever created a folder here and has nothing in it yet may find it gone, fails and tries again.
pub fn remove(root: &Path, target: &Path) -> Result<bool> {
    let folder = target.parent().unwrap_or(root);
    let mut folders = match descend(root, folder, IfMissing::Fail) {
        Err(_) if is_gone(folder) => return Ok(false),
        folders => folders?,
    };
    let failed = |error: Errno| Error::file("remove", target, &error.into());
    let Some(inner) = folders.pop() else { return Ok(false) };
    match unlinkat(&inner, target.file_name().unwrap_or_default(), AtFlags::empty()) {
        Err(Errno::NOENT) => return Ok(false),
        removed => removed.map_err(failed)?,
    }
    let synced = File::from(inner).sync_all();
    synced.map_err(|error| Error::file("sync folder", folder, &error))?;
    let names = folder.ancestors().map(Path::file_name);
    for (above, name) in folders.iter().rev().zip(names) {
        let Some(name) = name else { break };
        if unlinkat(above, name, AtFlags::REMOVEDIR).is_err() {
            break;
        }
    }
    Ok(true)
}

/// Gives a file the second name `kept`, so that it outlives what is about to take its first name. Nothing
/// happens where there is no such file, or that name is taken: by an earlier run. On file systems without
/// links it is renamed. Not synced.
pub fn keep(cursor: &mut DirCursor<'_>, path: &[u8], kept: &[u8]) -> io::Result<()> {
    if cursor.stat(kept).is_ok() {
        return Ok(());
    }
    match cursor.link_beside(path, kept) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && cursor.stat(path).is_err() => {
            Ok(())
        }
        Err(error)
            if [io::ErrorKind::Unsupported, io::ErrorKind::PermissionDenied]
                .contains(&error.kind()) =>
        {
            cursor.rename(path, kept)
        }
        linked => linked,
    }
}

/// A write within this time of the last one may leave a file's times as they are: the kernel keeps
/// them in ticks of up to 10 ms.
const CLOCK_TICK: Duration = Duration::from_millis(20);

/// What identifies the content of a file without reading it: who has the same numbers has the same
/// bytes, because writing changes the times and copying changes the inode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    fresh: bool,
}

impl FileStamp {
    /// Looks at a file; do it before reading the content.
    pub fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let changed = SystemTime::UNIX_EPOCH
            + Duration::from_secs(metadata.ctime().unsigned_abs())
            + Duration::from_nanos(metadata.ctime_nsec().unsigned_abs());
        let age = SystemTime::now().duration_since(changed).unwrap_or_default();
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            fresh: age < CLOCK_TICK,
        })
    }

    /// Whether both were of one file that did not change between. When `other` is fresh, it may have.
    pub fn is_same_file(&self, other: &Self) -> bool {
        Self { fresh: false, ..self.clone() } == Self { fresh: false, ..other.clone() }
    }

    /// Whether the file had changed so shortly before that its times prove nothing against a writer
    /// who went on at that moment.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Beneath;
    use super::*;

    #[test]
    fn what_is_there_stays() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        assert!(create_new(&path, b"first", 0o640, None).unwrap());
        assert!(!create_new(&path, b"second", 0o600, None).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn folders_go_with_their_last_file_and_the_root_stays() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("repository");
        let (first, second) = (root.join("a/b/c/1"), root.join("a/2"));
        fs::create_dir_all(first.parent().unwrap()).unwrap();
        fs::write(&first, "1").unwrap();
        fs::write(&second, "2").unwrap();
        assert!(remove(&root, &first).unwrap());
        assert!(!root.join("a/b").exists() && second.exists());
        assert!(!remove(&root, &first).unwrap());
        assert!(remove(&root, &second).unwrap());
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_is_no_file() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a");
        fs::create_dir(&folder).unwrap();
        let error = remove(place.path(), &folder).unwrap_err().to_string();
        assert!(error.starts_with(&format!("could not remove {folder:?}: ")), "{error}");
        assert!(folder.exists());
    }

    #[test]
    fn a_file_is_kept_once() {
        let place = tempfile::tempdir().unwrap();
        let [path, kept] = ["file", "kept"].map(|name| place.path().join(name));
        let folder = Beneath::open(place.path()).unwrap();
        let keep = || keep(&mut folder.cursor(), b"file", b"kept").unwrap();
        keep();
        assert!(!kept.exists());
        fs::write(&path, "old").unwrap();
        keep();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "new").unwrap();
        keep();
        assert_eq!(fs::read_to_string(&kept).unwrap(), "old");
    }
}
