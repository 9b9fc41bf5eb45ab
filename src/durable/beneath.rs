//! Work below a folder that may belong to somebody else, as media files do: no path leads out of it, whatever links
//! are put in the way while the work goes on. The kernel looks after that (`openat2(2)`), or we do, a step at a time.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Mode, OFlags, ResolveFlags, Stat, linkat, mkdirat, open, openat, openat2, readlinkat,
    renameat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::inode::{Owner, names_in};
use super::new_file::NewFile;
use crate::error::{Error, Result};

/// Another process renames folders just now; the kernel asks for another try (`openat2(2)`, `EAGAIN`).
const TRIES_WHILE_RENAMED: u32 = 20;

/// A folder that is open, and all that lies below it. Paths are relative to it, and no link in them is
/// followed, so none leads out, even when somebody swaps a folder for a link meanwhile.
pub struct Beneath {
    folder: OwnedFd,
    path: PathBuf,
}

impl Beneath {
    /// Opens the folder itself; its own path was named by somebody who may name it, so links in that are
    /// followed.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = open(path, flags, Mode::empty());
        let folder =
            opened.map_err(|error| Error::file("open folder", path, &io::Error::from(error)))?;
        Ok(Self { folder, path: path.to_owned() })
    }

    /// One that is open already. `path` is for messages.
    pub(super) fn of(folder: OwnedFd, path: &Path) -> Self {
        Self { folder, path: path.to_owned() }
    }

    /// Makes the names in it survive a power cut.
    pub fn sync(&self) -> Result<()> {
        let synced = rustix::fs::fsync(&self.folder);
        synced.map_err(|error| Error::file("sync folder", &self.path, &error.into()))
    }

    pub fn owner(&self) -> Result<Owner> {
        Owner::of(&self.folder).map_err(|error| Error::file("look at", &self.path, &error))
    }

    /// The path of something in it, for messages.
    pub fn shown(&self, path: &[u8]) -> PathBuf {
        self.path.join(OsStr::from_bytes(path))
    }

    /// Work in it, which remembers the folder where the last thing was: the next is mostly beside it.
    pub fn cursor(&self) -> DirCursor<'_> {
        DirCursor { root: self, last: None }
    }

    fn open_below(&self, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
        let path = if path.is_empty() { b"." } else { path };
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        for _ in 0..TRIES_WHILE_RENAMED {
            match openat2(&self.folder, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN) => {}
                // Before Linux 5.6, or forbidden by the rules of an old container.
                Err(Errno::NOSYS | Errno::PERM) => return self.open_stepwise(path, flags),
                opened => return Ok(opened?),
            }
        }
        Err(Errno::AGAIN.into())
    }

    /// The same, a component at a time.
    fn open_stepwise(&self, path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
        let step = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut here = self.folder.try_clone()?;
        let mut names = path.split(|byte| *byte == b'/').peekable();
        while let Some(name) = names.next() {
            if name == b".." {
                return Err(Errno::XDEV.into());
            }
            let flags = if names.peek().is_some() { step } else { flags };
            here = openat(&here, name, flags, Mode::empty())?;
        }
        Ok(here)
    }
}

/// The folder that something lies in, and its name there.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

pub struct DirCursor<'a> {
    root: &'a Beneath,
    last: Option<(Vec<u8>, OwnedFd)>,
}

impl DirCursor<'_> {
    pub fn shown(&self, path: &[u8]) -> PathBuf {
        self.root.shown(path)
    }

    /// Forgets what was open: it may have been replaced.
    pub fn forget(&mut self) {
        self.last = None;
    }

    fn folder(&mut self, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        if self.last.as_ref().is_none_or(|(last, _)| last != path) {
            let opened = self.root.open_below(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
            self.last = Some((path.to_owned(), opened));
        }
        let last = self.last.as_ref().map(|(_, folder)| folder.as_fd());
        Ok(last.unwrap_or(self.root.folder.as_fd()))
    }

    fn at<'p>(&mut self, path: &'p [u8]) -> io::Result<(BorrowedFd<'_>, &'p [u8])> {
        let (folder, name) = split(path);
        let name: &[u8] = if name.is_empty() { b"." } else { name };
        Ok((self.folder(folder)?, name))
    }

    /// Opens a file for reading; never waits for a FIFO.
    pub fn open_file(&mut self, path: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let (folder, name) = self.at(path)?;
        Ok(File::from(openat(folder, name, flags, Mode::empty())?))
    }

    /// Opens a folder, to list it or to set what it has.
    pub fn open_folder(&mut self, path: &[u8]) -> io::Result<OwnedFd> {
        self.root.open_below(path, OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// What is there itself, not where it leads.
    pub fn stat(&mut self, path: &[u8]) -> io::Result<Stat> {
        let (folder, name) = self.at(path)?;
        Ok(statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    pub fn read_link(&mut self, path: &[u8]) -> io::Result<Vec<u8>> {
        let (folder, name) = self.at(path)?;
        Ok(readlinkat(folder, name, Vec::new())?.into_bytes())
    }

    /// Mode 0700.
    pub fn make_folder(&mut self, path: &[u8]) -> io::Result<()> {
        let (folder, name) = self.at(path)?;
        Ok(mkdirat(folder, name, Mode::RWXU)?)
    }

    pub fn make_link(&mut self, path: &[u8], target: &[u8]) -> io::Result<()> {
        let (folder, name) = self.at(path)?;
        Ok(symlinkat(target, folder, name)?)
    }

    /// Gives a file that `from` knows a second name here.
    pub fn hard_link(
        &mut self,
        from: &mut DirCursor<'_>,
        old: &[u8],
        new: &[u8],
    ) -> io::Result<()> {
        let (old_folder, old_name) = from.at(old)?;
        let (folder, name) = self.at(new)?;
        Ok(linkat(old_folder, old_name, folder, name, AtFlags::empty())?)
    }

    /// Gives a file a second name here.
    pub fn link_beside(&mut self, old: &[u8], new: &[u8]) -> io::Result<()> {
        let mut from = self.root.cursor();
        self.hard_link(&mut from, old, new)
    }

    /// A new file under its own name, which must be free.
    pub fn create_file(&mut self, path: &[u8]) -> io::Result<NewFile> {
        let (folder, name) = self.at(path)?;
        NewFile::create(folder, name)
    }

    /// A new file that gets its name at the end, in the place of what is there.
    pub fn begin_file(&mut self, path: &[u8]) -> io::Result<NewFile> {
        let (folder, _) = self.at(path)?;
        NewFile::begin(folder)
    }

    /// Owner of a symbolic link.
    pub fn give_link(&mut self, path: &[u8], owner: Owner) -> io::Result<()> {
        let (folder, name) = self.at(path)?;
        owner.give_at(folder, name)
    }

    /// Time of the last change of a symbolic link.
    pub fn date_link(&mut self, path: &[u8], mtime: (i64, u32)) -> io::Result<()> {
        let (folder, name) = self.at(path)?;
        super::inode::date_at(folder, name, mtime)
    }

    /// Puts one thing in the place of another, unless that is a folder.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> io::Result<()> {
        let (old_folder, old_name) = split(from);
        let old = self.root.open_below(old_folder, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let (folder, name) = self.at(to)?;
        Ok(renameat(&old, old_name, folder, name)?)
    }

    /// A folder in it as a root of its own.
    pub fn sub(&mut self, path: &[u8]) -> io::Result<Beneath> {
        Ok(Beneath { folder: self.open_folder(path)?, path: self.root.shown(path) })
    }

    /// Removes anything but a folder.
    pub fn remove(&mut self, path: &[u8]) -> io::Result<()> {
        let (folder, name) = self.at(path)?;
        Ok(unlinkat(folder, name, AtFlags::empty())?)
    }

    /// Removes a folder that is empty.
    pub fn remove_folder(&mut self, path: &[u8]) -> io::Result<()> {
        if self.last.as_ref().is_some_and(|(last, _)| last == path) {
            self.forget();
        }
        let (folder, name) = self.at(path)?;
        Ok(unlinkat(folder, name, AtFlags::REMOVEDIR)?)
    }

    /// Lets the owner of a folder, and nobody else, into it. It can't be opened before, so it is changed through
    /// a handle on its path (`open(2)`, `O_PATH`), which no link that takes its place leads astray.
    pub fn open_up(&mut self, path: &[u8]) -> io::Result<()> {
        let (folder, name) = self.at(path)?;
        let path_only = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(folder, name, path_only, Mode::empty())?;
        let here = format!("/proc/self/fd/{}", opened.as_raw_fd());
        Ok(rustix::fs::chmod(here, Mode::RWXU)?)
    }

    /// Removes whatever is there, folders with all in them; that there is nothing is fine.
    pub fn remove_tree(&mut self, path: &[u8]) -> io::Result<()> {
        match self.remove(path) {
            Err(error) if is_folder_error(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            removed => return removed,
        }
        // Folders that are closed to their owner can't be emptied before they are opened.
        let folder = self.open_folder(path).or_else(|error| {
            self.open_up(path).map_err(|_| error)?;
            self.open_folder(path)
        })?;
        let _ = super::inode::set_mode(&folder, 0o700);
        for (name, _) in names_in(&folder)? {
            self.remove_tree(&[path, b"/", &name].concat())?;
        }
        self.remove_folder(path)
    }
}

/// `EISDIR` on Linux, `EPERM` by POSIX.
fn is_folder_error(error: &io::Error) -> bool {
    [Errno::ISDIR, Errno::PERM].map(|it| Some(it.raw_os_error())).contains(&error.raw_os_error())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_path_leads_out() {
        let place = tempfile::tempdir().unwrap();
        let inside = place.path().join("inside");
        fs::create_dir_all(inside.join("a/b")).unwrap();
        fs::write(place.path().join("secret"), "x").unwrap();
        fs::write(inside.join("a/b/file"), "x").unwrap();
        symlink("..", inside.join("up")).unwrap();
        symlink("a", inside.join("link")).unwrap();
        let root = Beneath::open(&inside).unwrap();
        for path in ["../secret", "up/secret", "a/../../secret", "link/b/file", "/etc/passwd", "up"]
        {
            let error = root.cursor().open_file(path.as_bytes()).map(drop).unwrap_err();
            assert_ne!(error.kind(), io::ErrorKind::NotFound, "{path}");
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW;
            assert!(root.open_stepwise(path.as_bytes(), flags).is_err(), "{path}");
        }
        root.cursor().open_file(b"a/b/file").unwrap();
        root.open_stepwise(b"a/b/file", OFlags::RDONLY).unwrap();
        assert!(root.cursor().stat(b"up").unwrap().st_mode & 0o170_000 == 0o120_000);
    }

    #[test]
    fn a_tree_is_removed_with_closed_folders_and_links_are_not_followed() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("tree/a/b")).unwrap();
        fs::write(place.path().join("kept"), "x").unwrap();
        symlink("../kept", place.path().join("tree/link")).unwrap();
        symlink("../..", place.path().join("tree/a/up")).unwrap();
        super::super::set_mode(&place.path().join("tree/a/b"), 0).unwrap();
        super::super::set_mode(&place.path().join("tree/a"), 0o500).unwrap();
        let root = Beneath::open(place.path()).unwrap();
        for _ in 0..2 {
            root.cursor().remove_tree(b"tree").unwrap();
        }
        let left: Vec<_> = fs::read_dir(place.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
    }
}
