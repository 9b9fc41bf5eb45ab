//! What a file or a folder has besides its content, asked for and set through the open file, so that nobody can put
//! another one under its name meanwhile: owner, mode, time, extended attributes, and the names in a folder.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags, chownat,
    fchmod, fchown, fgetxattr, flistxattr, fsetxattr, fstat, futimens, utimensat,
};
use rustix::io::Errno;

/// Names of extended attributes take at most this much (`xattr(7)`), and so does a value.
const XATTR_BYTES_MAX: usize = 64 << 10;

/// Who a file belongs to, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}

impl Owner {
    /// Of what this process creates.
    pub fn ours() -> Self {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        Self { uid: uid.as_raw(), gid: gid.as_raw() }
    }

    pub fn of(file: impl AsFd) -> io::Result<Self> {
        let stat = fstat(file)?;
        Ok(Self { uid: stat.st_uid, gid: stat.st_gid })
    }

    pub fn give(self, file: impl AsFd) -> io::Result<()> {
        Ok(fchown(file, Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))?)
    }

    /// The same where it can be done. Not even root can everywhere: the right is missing in a container and on NFS with
    /// `root_squash`, a user namespace has no place for the number, FAT has no owners.
    pub fn give_where_possible(self, file: impl AsFd) -> io::Result<()> {
        or_refused(self.give(file))
    }

    pub(super) fn give_at(self, folder: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
        let (uid, gid) = (Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)));
        Ok(chownat(folder, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

/// As it is where a change of the owner was only refused.
pub fn or_refused(given: io::Result<()>) -> io::Result<()> {
    let refusals = [Errno::PERM, Errno::INVAL, Errno::NOTSUP];
    given.or_else(|error| {
        let refused = refusals.iter().any(|it| error.raw_os_error() == Some(it.raw_os_error()));
        if refused { Ok(()) } else { Err(error) }
    })
}

/// All permission bits.
pub fn set_mode(file: impl AsFd, mode: u32) -> io::Result<()> {
    Ok(fchmod(file, Mode::from_raw_mode(mode & 0o7777))?)
}

fn last_change(mtime: (i64, u32)) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: mtime.0, tv_nsec: mtime.1.into() },
    }
}

/// Time of the last change: seconds since 1970, and nanoseconds.
pub fn set_mtime(file: impl AsFd, mtime: (i64, u32)) -> io::Result<()> {
    Ok(futimens(file, &last_change(mtime))?)
}

pub(super) fn date_at(folder: BorrowedFd<'_>, name: &[u8], mtime: (i64, u32)) -> io::Result<()> {
    Ok(utimensat(folder, name, &last_change(mtime), AtFlags::SYMLINK_NOFOLLOW)?)
}

/// The names of all extended attributes; none where the file system has no such thing.
pub fn xattr_names(file: impl AsFd) -> io::Result<Vec<Vec<u8>>> {
    let mut names = [0_u8; 1024];
    let listed = match flistxattr(&file, &mut names[..]) {
        Err(Errno::RANGE) => {
            let mut large = vec![0; XATTR_BYTES_MAX];
            let length = flistxattr(&file, &mut large[..])?;
            large.truncate(length);
            large
        }
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        listed => names[..listed?].to_vec(),
    };
    let names = listed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(<[u8]>::to_vec).collect())
}

/// `None` when it is gone since it was listed.
pub fn xattr(file: impl AsFd, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut value = vec![0; XATTR_BYTES_MAX];
    match fgetxattr(file, name, &mut value[..]) {
        Err(Errno::NODATA) => Ok(None),
        length => {
            value.truncate(length?);
            Ok(Some(value))
        }
    }
}

pub fn set_xattr(file: impl AsFd, name: &[u8], value: &[u8]) -> io::Result<()> {
    Ok(fsetxattr(file, name, value, XattrFlags::empty())?)
}

pub fn remove_xattr(file: impl AsFd, name: &[u8]) -> io::Result<()> {
    Ok(rustix::fs::fremovexattr(file, name)?)
}

/// The names in a folder with what they are, as far as it says, in no order.
pub fn names_in(folder: impl AsFd) -> io::Result<Vec<(Vec<u8>, FileType)>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push((name.to_owned(), entry.file_type()));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn what_a_file_has_is_set_and_read() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        let file = File::create(&path).unwrap();
        set_xattr(&file, b"user.a", b"\0value").unwrap();
        set_xattr(&file, b"user.b", b"").unwrap();
        assert_eq!(xattr(&file, b"user.a").unwrap().unwrap(), b"\0value");
        assert_eq!(xattr(&file, b"user.c").unwrap(), None);
        remove_xattr(&file, b"user.b").unwrap();
        assert_eq!(xattr_names(&file).unwrap(), [b"user.a".to_vec()]);
        for mtime in [(1_700_000_000, 123_456_789), (-2, 5), (4_000_000_000, 0)] {
            set_mtime(&file, mtime).unwrap();
            let metadata = file.metadata().unwrap();
            assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (mtime.0, mtime.1.into()));
        }
        set_mode(&file, 0o640).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o640);
        let given = Owner { uid: 4321, gid: 4322 }.give(&file);
        if rustix::process::geteuid().is_root() {
            given.unwrap();
            let metadata = file.metadata().unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (4321, 4322));
        } else {
            assert_eq!(given.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        }
    }
}
