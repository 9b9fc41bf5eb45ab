//! Reading a file of a set: data and holes in order, as long as the file was when it was opened, and BLAKE3 over all of
//! it. Trouble with the file is kept apart from trouble with where its content goes: only the first is told and got
//! over.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{FileType, SeekFrom, Stat, fstat, seek};
use rustix::io::Errno;

use super::entry::{InodeState, Time, is_sparse, modified, size};
use crate::codec::Digest;
use crate::durable::{DirCursor, xattr, xattr_names};
use crate::error::Result;

const BUFFER_BYTES: usize = 256 << 10;

/// Which extended attributes are of use elsewhere: those of users, capabilities and access control lists.
const XATTRS: [&str; 4] =
    ["security.capability", "system.posix_acl_access", "system.posix_acl_default", "user."];

/// A piece of a file's content.
pub(crate) enum FilePiece<'a> {
    /// At this offset.
    Data(u64, &'a [u8]),
    /// So many bytes that read as zeros and take no room.
    Hole(u64),
}

/// A file of the set that is being read.
pub(crate) struct SourceFile {
    file: File,
    before: Stat,
    restless: bool,
    trouble: Option<io::Error>,
}

impl SourceFile {
    pub(crate) fn open(cursor: &mut DirCursor<'_>, path: &[u8]) -> io::Result<Self> {
        let file = cursor.open_file(path)?;
        let before = fstat(&file)?;
        if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("it was replaced meanwhile"));
        }
        Ok(Self { file, before, restless: false, trouble: None })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// As it was when it was opened.
    pub(crate) fn stat(&self) -> &Stat {
        &self.before
    }

    pub(crate) fn size(&self) -> u64 {
        size(&self.before)
    }

    pub(crate) fn xattrs(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
        xattrs_of(&self.file)
    }

    /// Why it could not be read, after something failed; `None` when it was not the fault of this file.
    pub(crate) fn trouble(&mut self) -> Option<io::Error> {
        self.trouble.take()
    }

    /// It changes whenever it is read: what is kept of it has to be the very bytes that were read.
    pub(crate) fn never_rests(&mut self) {
        self.restless = true;
    }

    pub(crate) fn is_restless(&self) -> bool {
        self.restless
    }

    /// Whether nothing about it changed since it was opened.
    pub(crate) fn is_same(&self) -> io::Result<bool> {
        let now = fstat(&self.file)?;
        let state = |stat: &Stat| (size(stat), modified(stat), InodeState::of(stat));
        Ok(state(&now) == state(&self.before))
    }

    /// Reads all of the length that it had when it was opened, in order, and tells its digest.
    pub(crate) fn read(
        &mut self,
        each: &mut dyn FnMut(FilePiece<'_>) -> Result<()>,
    ) -> Result<Digest> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; BUFFER_BYTES.min(self.capacity())];
        let (size, sparse) = (self.size(), is_sparse(&self.before));
        let (mut at, mut data_end) = (0, if sparse { 0 } else { size });
        while at < size {
            if at == data_end {
                let (start, end) = self.next_data(at)?;
                if start > at {
                    hash_zeros(&mut hasher, start - at);
                    each(FilePiece::Hole(start - at))?;
                }
                (at, data_end) = (start, end);
                continue;
            }
            let left = usize::try_from(data_end - at).unwrap_or(usize::MAX).min(buffer.len());
            let length = self.read_at(&mut buffer[..left], at)?;
            hasher.update(&buffer[..length]);
            each(FilePiece::Data(at, &buffer[..length]))?;
            at += length as u64;
        }
        Ok(Digest::of_hasher(&hasher))
    }

    fn capacity(&self) -> usize {
        usize::try_from(self.size()).unwrap_or(usize::MAX).max(1)
    }

    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> Result<usize> {
        loop {
            match self.file.read_at(buffer, at) {
                Ok(0) => return Err(self.failed(io::Error::other("it became shorter"))),
                Ok(length) => return Ok(length),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }

    /// Where the next data begin and end; both the end of the file where only a hole is left. All is data
    /// where the file system can't tell.
    fn next_data(&mut self, at: u64) -> Result<(u64, u64)> {
        let size = self.size();
        let found = match seek(&self.file, SeekFrom::Data(at)) {
            Ok(start) if start >= size => Ok((size, size)),
            Ok(start) => match seek(&self.file, SeekFrom::Hole(start)) {
                Ok(end) => Ok((start, end.min(size))),
                Err(error) => Err(error),
            },
            Err(Errno::NXIO) => Ok((size, size)),
            Err(Errno::INVAL | Errno::NOTSUP) => Ok((at, size)),
            Err(error) => Err(error),
        };
        found.map_err(|error| self.failed(error.into()))
    }

    /// Trouble with this file.
    pub(crate) fn failed(&mut self, error: io::Error) -> crate::error::Error {
        let message = format!("could not read a file of the set: {error}");
        self.trouble = Some(error);
        crate::error::Error::new(crate::error::Class::LocalFile, message)
    }

    /// Time of the last change of its content.
    pub(crate) fn modified(&self) -> Time {
        modified(&self.before)
    }
}

fn hash_zeros(hasher: &mut blake3::Hasher, mut length: u64) {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    while length > 0 {
        let now = usize::try_from(length).unwrap_or(usize::MAX).min(ZEROS.len());
        hasher.update(&ZEROS[..now]);
        length -= now as u64;
    }
}

/// Extended attributes that are worth keeping, by name.
pub(crate) fn xattrs_of(file: impl AsFd) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    for name in xattr_names(&file)? {
        let Ok(name) = String::from_utf8(name) else { continue };
        let wanted =
            XATTRS.iter().any(|it| name == *it || it.ends_with('.') && name.starts_with(it));
        if wanted && let Some(value) = xattr(&file, name.as_bytes())? {
            all.push((name, value));
        }
    }
    all.sort_unstable();
    Ok(all)
}
