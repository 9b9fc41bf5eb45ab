//! A file that is written beside many others in a folder that is open: it gets its name at the end, or is gone.

use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{
    Advice, AtFlags, Mode, OFlags, fadvise, ioctl_ficlone, openat, renameat, unlinkat,
};

use super::abandoned::{PREFIX, hold};

/// How much of a file is written before the disk is told to begin with it.
const WRITEBACK_BYTES: u64 = 4 << 20;

/// A file that is being written with many others, mode 0600. Removed when dropped before it was kept. It is
/// not synced by itself: [`super::Bulk`] syncs them all.
pub struct NewFile {
    file: File,
    folder: OwnedFd,
    name: Vec<u8>,
    kept: bool,
    /// Bytes since the disk was told to write.
    waiting: u64,
}

impl NewFile {
    pub(super) fn create(folder: BorrowedFd<'_>, name: &[u8]) -> io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = File::from(openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?);
        let (folder, name) = (folder.try_clone_to_owned()?, name.to_owned());
        Ok(Self { file, folder, name, kept: false, waiting: 0 })
    }

    /// Under a name that nothing else uses, locked as [`super::Temporary`] is.
    pub(super) fn begin(folder: BorrowedFd<'_>) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{PREFIX}{}-{number}", std::process::id());
            match Self::create(folder, name.as_bytes()) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(new) if hold(&new.file)? => return Ok(new),
                Ok(_) => {}
            }
        }
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Shares the content of another file, where the file system can; false where it can't.
    pub fn share_content_of(&self, other: &File) -> bool {
        ioctl_ficlone(&self.file, other).is_ok()
    }

    pub fn write_at(&mut self, offset: u64, content: &[u8]) -> io::Result<()> {
        self.file.write_all_at(content, offset)?;
        self.waiting += content.len() as u64;
        if self.waiting >= WRITEBACK_BYTES {
            self.waiting = 0;
            let length = NonZeroU64::new(WRITEBACK_BYTES);
            let from = (offset + content.len() as u64).saturating_sub(WRITEBACK_BYTES);
            let _ = fadvise(&self.file, from, length, Advice::DontNeed);
        }
        Ok(())
    }

    /// What was not written reads as zeros and takes no room.
    pub fn set_length(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    /// It keeps the name under which it was created.
    pub fn keep(mut self) {
        self.kept = true;
    }

    /// Puts it in the place of whatever has the name `name` in its folder, unless that is a folder.
    pub fn put_in_place(mut self, name: &[u8]) -> io::Result<()> {
        renameat(&self.folder, &self.name, &self.folder, name)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Beneath;

    #[test]
    fn a_file_is_whole_or_absent() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("name"), "old").unwrap();
        let root = Beneath::open(place.path()).unwrap();
        let mut cursor = root.cursor();
        let mut file = cursor.begin_file(b"name").unwrap();
        file.write_at(2, b"new").unwrap();
        file.set_length(6).unwrap();
        assert_eq!(fs::read(place.path().join("name")).unwrap(), b"old");
        file.put_in_place(b"name").unwrap();
        assert_eq!(fs::read(place.path().join("name")).unwrap(), b"\0\0new\0");
        drop(cursor.begin_file(b"name").unwrap());
        drop(cursor.create_file(b"other").unwrap());
        cursor.create_file(b"third").unwrap().keep();
        let mut names: Vec<_> =
            fs::read_dir(place.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["name", "third"]);
    }
}
