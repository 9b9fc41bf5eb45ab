//! Gives restored files their owners, modes, extended attributes and times. What this user may not set, or this file
//! system not hold, is counted; setuid and setgid are left off without the right owner, whose rights they lend.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Stat, fstat};

use super::super::entry::{FileMetadata, modified};
use super::super::source_file::xattrs_of;
use crate::accounts::Accounts;
use crate::durable::{DirCursor, Owner, remove_xattr, set_mode_of, set_mtime, set_xattr};

/// Bits that lend the rights of the owner: of use with that owner only.
const SETUID_SETGID: u32 = 0o6000;

/// Gives files and folders what their entries say.
pub(crate) struct Dresser {
    accounts: Accounts,
    owners_not_set: AtomicU64,
    xattrs_not_set: AtomicU64,
}

impl Dresser {
    /// Owners go by name where `accounts` knows them, else by number.
    pub(crate) fn new(accounts: Accounts) -> Self {
        Self { accounts, owners_not_set: AtomicU64::new(0), xattrs_not_set: AtomicU64::new(0) }
    }

    /// How many owners and extended attributes could not be set.
    pub(crate) fn missed(&self) -> (u64, u64) {
        let count = |it: &AtomicU64| it.load(Ordering::Relaxed);
        (count(&self.owners_not_set), count(&self.xattrs_not_set))
    }

    fn owner(&self, metadata: &FileMetadata) -> Owner {
        let uid = metadata.user.as_deref().and_then(|user| self.accounts.uid(user));
        let gid = metadata.group.as_deref().and_then(|group| self.accounts.gid(group));
        Owner { uid: uid.unwrap_or(metadata.uid), gid: gid.unwrap_or(metadata.gid) }
    }

    /// The order matters: changing the owner takes setuid and capabilities away, an attribute of users needs the
    /// right to write, a list of rights changes the mode, and all of it before the time.
    pub(crate) fn dress(&self, file: impl AsFd, metadata: &FileMetadata) -> io::Result<()> {
        let file = file.as_fd();
        let stat = fstat(file)?;
        let owned = self.give(file, &stat, self.owner(metadata))?;
        let there = xattrs_of(file)?;
        self.set_xattrs(file, &there, metadata, |name| name.starts_with("user."))?;
        let mode = if owned { metadata.mode } else { metadata.mode & !SETUID_SETGID };
        if is_other_owner(&stat, self.owner(metadata)) || stat.st_mode & 0o7777 != mode {
            set_mode_of(file, mode)?;
        }
        self.set_xattrs(file, &there, metadata, |name| !name.starts_with("user."))?;
        if modified(&stat) != metadata.mtime {
            set_mtime(file, metadata.mtime.parts())?;
        }
        Ok(())
    }

    /// False when only somebody else may do that.
    fn give(&self, file: impl AsFd, stat: &Stat, owner: Owner) -> io::Result<bool> {
        if !is_other_owner(stat, owner) {
            return Ok(true);
        }
        self.given(owner.give(file))
    }

    fn given(&self, given: io::Result<()>) -> io::Result<bool> {
        match given {
            Ok(()) => Ok(true),
            Err(error) if is_not_allowed(&error) => {
                self.owners_not_set.fetch_add(1, Ordering::Relaxed);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Of a symbolic link, which has no mode.
    pub(crate) fn dress_link(
        &self,
        cursor: &mut DirCursor<'_>,
        path: &[u8],
        metadata: &FileMetadata,
    ) -> io::Result<()> {
        let (stat, owner) = (cursor.stat(path)?, self.owner(metadata));
        if is_other_owner(&stat, owner) {
            self.given(cursor.give_link(path, owner))?;
        }
        if modified(&stat) == metadata.mtime {
            Ok(())
        } else {
            cursor.date_link(path, metadata.mtime.parts())
        }
    }

    /// Also takes away what is there and should not be, such as what a folder hands down to new files.
    fn set_xattrs(
        &self,
        file: BorrowedFd<'_>,
        there: &[(String, Vec<u8>)],
        metadata: &FileMetadata,
        of_interest: impl Fn(&str) -> bool,
    ) -> io::Result<()> {
        let outcome = |outcome: io::Result<()>| match outcome {
            Err(error) if is_not_allowed(&error) => {
                self.xattrs_not_set.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            other => other,
        };
        for (name, _) in there.iter().filter(|(name, _)| of_interest(name)) {
            if metadata.xattrs.iter().all(|(wanted, _)| wanted != name) {
                outcome(remove_xattr(file, name.as_bytes()))?;
            }
        }
        for wanted in metadata.xattrs.iter().filter(|(name, _)| of_interest(name)) {
            if !there.contains(wanted) {
                outcome(set_xattr(file, wanted.0.as_bytes(), &wanted.1))?;
            }
        }
        Ok(())
    }
}

fn is_other_owner(stat: &Stat, owner: Owner) -> bool {
    (stat.st_uid, stat.st_gid) != (owner.uid, owner.gid)
}

/// The right is missing, or the file system has no such thing or no room for it.
fn is_not_allowed(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let known =
        [Errno::PERM, Errno::ACCESS, Errno::NOTSUP, Errno::INVAL, Errno::NOSPC, Errno::RANGE];
    known.iter().any(|it| error.raw_os_error() == Some(it.raw_os_error()))
}
