//! Looks at one name: what it is, its metadata, and whether a folder is entered. A socket, FIFO or device is left out,
//! trouble is told, and the scan goes on.

use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Stat, statat};

use super::super::entry::{FileMetadata, InodeState, is_sparse, names, size};
use super::super::path::{EntryPath, join, shown};
use super::super::problems::Problems;
use super::super::source_file::xattrs_of;
use super::{Scan, ScanPlace, SetNode};
use crate::error::Result;

/// Something that is in the set, as it was found. What is in a file was not read yet.
#[derive(Debug, Clone)]
pub(crate) struct FoundEntry {
    pub path: EntryPath,
    pub kind: FoundKind,
    /// A file's extended attributes are read with its content.
    pub metadata: FileMetadata,
    pub seen: InodeState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FoundKind {
    /// Length in bytes, whether there are holes in it, and how many names it has.
    File {
        size: u64,
        sparse: bool,
        names: u64,
    },
    Directory {
        implied: bool,
    },
    Symlink {
        target: Vec<u8>,
    },
}

pub(crate) fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

impl Scan<'_> {
    /// `None` when it is not for a snapshot, or could not be looked at; that was told.
    pub(super) fn look(
        &mut self,
        name: &[u8],
        problems: &mut Problems,
    ) -> Result<Option<FoundEntry>> {
        let Some(frame) = self.frames.last() else { return Ok(None) };
        let path = join(&frame.path, name);
        let full = Path::new("/").join(shown(&path));
        let outcome = match &frame.at {
            ScanPlace::Implied(children) => match children.get(name) {
                Some(SetNode::Place(place)) => self.look_at_place(*place, path),
                _ => match self.look_at_implied(path, &full) {
                    // The path of the set that it leads to is missing, and that is told.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    found => found.map(ScanOutcome::Found),
                },
            },
            ScanPlace::Folder { place, below, device, .. } => {
                let (place, below, device) = (*place, join(below, name), *device);
                self.look_in_folder(place, &below, path, device)
            }
        };
        match outcome {
            Ok(ScanOutcome::Found(found)) => Ok(Some(found)),
            Ok(ScanOutcome::LeftOut(what)) => {
                problems.left_out(&full, what);
                Ok(None)
            }
            Err(error) => {
                problems.failed("look at", &full, &error);
                Ok(None)
            }
        }
    }

    fn look_at_implied(&self, path: Vec<u8>, full: &Path) -> io::Result<FoundEntry> {
        let stat = statat(CWD, full, AtFlags::empty())?;
        let found = self.found(path, FoundKind::Directory { implied: true }, &stat);
        found.map_err(io::Error::other)
    }

    fn look_at_place(&mut self, place: usize, path: Vec<u8>) -> io::Result<ScanOutcome> {
        let it = &self.places.all()[place];
        match it.name.clone() {
            Some(name) if it.is_missing => {
                self.cursors[place].stat(&name)?;
                // Nobody would enter it now.
                Err(io::Error::other("it was not there when the snapshot began"))
            }
            Some(name) => self.look_in_folder(place, &name, path, u64::MAX),
            None => {
                let folder = self.cursors[place].open_folder(b"")?;
                let stat = rustix::fs::fstat(&folder)?;
                self.found_folder(&stat, &folder, path).map(ScanOutcome::Found)
            }
        }
    }

    fn look_in_folder(
        &mut self,
        place: usize,
        below: &[u8],
        path: Vec<u8>,
        device: u64,
    ) -> io::Result<ScanOutcome> {
        let stat = self.cursors[place].stat(below)?;
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                FoundKind::File { size: size(&stat), sparse: is_sparse(&stat), names: names(&stat) }
            }
            FileType::Symlink => {
                FoundKind::Symlink { target: self.cursors[place].read_link(below)? }
            }
            FileType::Directory => {
                return self.look_at_folder(place, below, path, device).map(ScanOutcome::Found);
            }
            FileType::Socket => return Ok(ScanOutcome::LeftOut("a socket")),
            FileType::Fifo => return Ok(ScanOutcome::LeftOut("a FIFO")),
            _ => return Ok(ScanOutcome::LeftOut("a device")),
        };
        self.found(path, kind, &stat).map(ScanOutcome::Found).map_err(io::Error::other)
    }

    /// A folder that can't be opened is there all the same; entering it will fail, and tell.
    fn look_at_folder(
        &mut self,
        place: usize,
        below: &[u8],
        path: Vec<u8>,
        device: u64,
    ) -> io::Result<FoundEntry> {
        let before = self.cursors[place].stat(below)?;
        let opened = self.cursors[place].open_folder(below);
        let stat = opened.as_ref().map_or(Ok(before), rustix::fs::fstat)?;
        let identity = (stat.st_dev, stat.st_ino);
        let enter =
            (!self.one_file_system || stat.st_dev == device) && !self.closed.contains(&identity);
        if enter
            && let Some(ScanPlace::Folder { found, .. }) =
                self.frames.last_mut().map(|frame| &mut frame.at)
        {
            let name = crate::durable::split(below).1;
            found.insert(name.to_vec(), identity);
        }
        match opened {
            Ok(folder) => self.found_folder(&stat, &folder, path),
            Err(_) => {
                let kind = FoundKind::Directory { implied: false };
                self.found(path, kind, &stat).map_err(io::Error::other)
            }
        }
    }

    fn found_folder(
        &self,
        stat: &Stat,
        folder: &std::os::fd::OwnedFd,
        path: Vec<u8>,
    ) -> io::Result<FoundEntry> {
        let kind = FoundKind::Directory { implied: false };
        let mut found = self.found(path, kind, stat).map_err(io::Error::other)?;
        found.metadata.xattrs = xattrs_of(folder)?;
        Ok(found)
    }
}

enum ScanOutcome {
    Found(FoundEntry),
    LeftOut(&'static str),
}
