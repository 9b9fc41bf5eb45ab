//! How the leavings of a dead process are told from the work of a living one: a file under way has a name that begins
//! with [`PREFIX`], and its writer holds a lock on it for as long as it lives. Both kinds of files under way,
//! [`super::Temporary`] and [`super::NewFile`], use this, and it uses neither.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, Stat, flock, fstat, openat, statat, unlinkat,
};
use rustix::io::Errno;

use super::inode::names_in;

pub(super) const PREFIX: &str = ".seawall-tmp-";

/// Whether a file of this name is one that is being written, or was when its writer died.
pub fn is_temporary(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

/// Locks a file that was just created, so that no cleaner takes it for the leavings of a dead process. False where one
/// was faster: the file has no name any more.
pub(super) fn hold(file: &File) -> io::Result<bool> {
    lock(file)?;
    Ok(file.metadata()?.nlink() > 0)
}

/// Some network file systems have no locks. There a file is written all the same, and leavings stay until
/// somebody removes them: a cleaner removes nothing that it could not lock.
fn lock(file: &File) -> io::Result<()> {
    let unsupported = |error: &io::Error| {
        let no_locks = rustix::io::Errno::NOLCK.raw_os_error();
        error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(no_locks)
    };
    file.lock().or_else(|error| if unsupported(&error) { Ok(()) } else { Err(error) })
}

/// Removes what a dead process left in a folder while it wrote files there.
pub fn remove_abandoned_in(folder: impl AsFd) -> io::Result<()> {
    // A symbolic link: it is renamed as soon as it is made.
    remove_of_the_dead(folder.as_fd(), &|error| error == Errno::LOOP)
}

/// The same where links are nobody's leavings.
pub(super) fn remove_abandoned_files(folder: impl AsFd) -> io::Result<()> {
    remove_of_the_dead(folder.as_fd(), &|_| false)
}

fn remove_of_the_dead(folder: BorrowedFd<'_>, goes: &dyn Fn(Errno) -> bool) -> io::Result<()> {
    for (name, _) in names_in(folder)? {
        if is_temporary(OsStr::from_bytes(&name)) {
            remove_if_abandoned(folder, &name, goes);
        }
    }
    Ok(())
}

/// The folder may be another user's, and what lies in it anything: a FIFO would keep us waiting for ever, a link leads
/// elsewhere, and to open a device may do harm.
fn remove_if_abandoned(folder: BorrowedFd<'_>, name: &[u8], goes: &dyn Fn(Errno) -> bool) {
    let is_file = |stat: &Stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    let is_link = |stat: &Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
    let looked = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    if !looked.is_ok_and(|stat| is_file(&stat) || is_link(&stat)) {
        return;
    }
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    // Network file systems lock only what is open for writing.
    let opened = match openat(folder, name, flags | OFlags::WRONLY, Mode::empty()) {
        Err(Errno::ACCESS) => openat(folder, name, flags | OFlags::RDONLY, Mode::empty()),
        opened => opened,
    };
    let is_free = |file: &OwnedFd| {
        fstat(file).is_ok_and(|stat| is_file(&stat))
            && flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
    };
    // It stays open, and with that locked, until its name is gone: its writer may be about to lock it, and sees then
    // that it was taken.
    let abandoned = match &opened {
        Ok(file) => is_free(file),
        Err(error) => goes(*error),
    };
    if abandoned {
        let _ = unlinkat(folder, name, AtFlags::empty());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Beneath;
    use super::*;

    #[test]
    fn only_leavings_of_the_dead_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let dead = place.path().join(format!("{PREFIX}1-1"));
        fs::write(&dead, "").unwrap();
        let root = Beneath::open(place.path()).unwrap();
        let mut cursor = root.cursor();
        let alive = cursor.begin_file(b"x").unwrap();
        remove_abandoned_in(cursor.open_folder(b"").unwrap()).unwrap();
        assert!(!dead.exists());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        drop(alive);
    }
}
