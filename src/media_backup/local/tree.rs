//! How a tree keeps files (`Keep`): an unchanged file is a hard link to that of the tree before, any other one is a
//! copy, with shared blocks where the file system can do that. A file is compared with its entry before it gets a link,
//! so that damage does not go on into the next snapshot.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use super::super::entry::{Entry, FileKind, FileMetadata, Time, is_sparse, modified, size};
use super::super::problems::Damage;
use super::super::scan::{FoundEntry, FoundKind};
use super::super::source_file::{FilePiece, SourceFile};
use super::super::take::Keep;
use crate::codec::Digest;
use crate::durable::{
    Beneath, DirCursor, NewFile, Owner, or_refused, set_mode_of, set_mtime, set_xattr,
};
use crate::error::{Error, Result};
use crate::failpoint::reach;
use crate::storage::pace;

/// The tree of a snapshot that is being taken, and that of the one before.
pub(crate) struct Tree<'a> {
    new: &'a Beneath,
    old: Option<&'a Beneath>,
    is_root: bool,
    /// Whether the file system shares blocks between files, as far as is known.
    shares: AtomicBool,
    /// What the one before has, and is damaged.
    damage: Damage,
    /// Whether what it has is read before it is shared.
    prove: bool,
}

pub(crate) struct TreeCursors<'a> {
    new: DirCursor<'a>,
    old: Option<DirCursor<'a>>,
}

impl<'a> Tree<'a> {
    pub(crate) fn new(
        new: &'a Beneath,
        old: Option<&'a Beneath>,
        damage: Damage,
        prove: bool,
    ) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        Self { new, old, is_root, shares: AtomicBool::new(true), damage, prove }
    }

    /// Whether a file of the one before is what was stored: going by its length and time, by what a verification
    /// said, and by its content where that is asked for.
    fn is_sound(&self, old: &mut DirCursor<'_>, previous: &Entry) -> bool {
        let Some(content) = previous.content() else { return false };
        let path = previous.path.as_bytes();
        // Somebody may have worked in the tree, or cut a file short.
        if self.damage.all
            || self.damage.contents.contains(&content.digest)
            || !old.stat(path).is_ok_and(|stat| is_as_told(&stat, previous))
        {
            return false;
        }
        let read =
            |old: &mut DirCursor<'_>| SourceFile::open(old, path).ok()?.read(&mut |_| Ok(())).ok();
        !self.prove || read(old) == Some(content.digest)
    }

    fn failed(&self, verb: &str, path: &[u8], error: &io::Error) -> Error {
        Error::file(verb, &self.new.shown(path), error)
    }

    fn fill(&self, file: &mut NewFile, path: &[u8], source: &mut SourceFile) -> Result<Digest> {
        let failed = |error: io::Error| self.failed("write", path, &error);
        if source.size() > 0 && !source.is_restless() && self.shares.load(Ordering::Relaxed) {
            if file.share_content_of(source.file()) {
                return source.read(&mut |_| Ok(()));
            }
            self.shares.store(false, Ordering::Relaxed);
        }
        let digest = source.read(&mut |piece| match piece {
            FilePiece::Data(at, bytes) => {
                pace(bytes.len());
                file.write_at(at, bytes).map_err(failed)
            }
            FilePiece::Hole(_) => Ok(()),
        })?;
        if is_sparse(source.stat()) {
            // Nobody writes a hole at the end.
            file.set_length(source.size()).map_err(failed)?;
        }
        Ok(digest)
    }

    fn symlink(&self, tool: &mut TreeCursors<'_>, entry: &Entry, target: &[u8]) -> io::Result<()> {
        let (path, metadata) = (entry.path.as_bytes(), &entry.metadata);
        tool.new.make_link(path, target)?;
        if self.is_root {
            let owner = Owner { uid: metadata.uid, gid: metadata.gid };
            or_refused(tool.new.give_link(path, owner))?;
        }
        tool.new.date_link(path, metadata.mtime.parts())
    }

    /// A file of the tree once more, where it can't have another name.
    fn copy(&self, tool: &mut TreeCursors<'_>, entry: &Entry, from: &[u8]) -> Result<()> {
        let path = entry.path.as_bytes();
        let failed = |error: io::Error| self.failed("create", path, &error);
        let mut source = SourceFile::open(&mut tool.new, from).map_err(failed)?;
        let mut file = tool.new.create_file(path).map_err(failed)?;
        self.fill(&mut file, path, &mut source)?;
        self.dress(&file, &entry.metadata).map_err(failed)?;
        file.keep();
        Ok(())
    }

    /// What a file in the tree has of its metadata; all of it stands in the index. Setuid and the like are
    /// for the system it came from, so are capabilities and lists of who may do what.
    fn dress(&self, file: &NewFile, metadata: &FileMetadata) -> io::Result<()> {
        for (name, value) in metadata.xattrs.iter().filter(|(name, _)| name.starts_with("user.")) {
            // The file system of the repository may have less room for them, or none.
            let _ = set_xattr(file.file(), name.as_bytes(), value);
        }
        if self.is_root {
            let owner = Owner { uid: metadata.uid, gid: metadata.gid };
            owner.give_where_possible(file.file())?;
        }
        set_mode_of(file.file(), file_mode(metadata.mode))?;
        set_mtime(file.file(), metadata.mtime.parts())
    }
}

/// The mode of a file in the tree: who owns the repository can read it.
pub(crate) fn file_mode(mode: u32) -> u32 {
    mode & 0o777 | 0o400
}

/// Whether a file of a tree is, going by its length and time, what the entry says.
pub(crate) fn is_as_told(stat: &Stat, entry: &Entry) -> bool {
    let told = entry.content().is_some_and(|content| content.size == size(stat));
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    told && is_file && is_held_as(entry.metadata.mtime, modified(stat))
}

/// The first and the last seconds that file systems hold: of 32 bits, of ext4, of XFS.
const FIRST: i64 = i32::MIN as i64;
const LAST: [i64; 3] = [i32::MAX as i64, 0x3_7fff_ffff, 16_299_260_424];

/// Whether a file system that is given the first time has the second one then: it may not reach that far.
fn is_held_as(given: Time, held: Time) -> bool {
    let (second, nanoseconds) = held.parts();
    let is_end = nanoseconds == 0
        && (given < held && second == FIRST || given > held && LAST.contains(&second));
    given == held || is_end
}

impl Keep for Tree<'_> {
    type Tool<'k>
        = TreeCursors<'k>
    where
        Self: 'k;

    fn tool(&self) -> TreeCursors<'_> {
        TreeCursors { new: self.new.cursor(), old: self.old.map(Beneath::cursor) }
    }

    /// For nobody else until all is in it.
    fn directory(&self, tool: &mut TreeCursors<'_>, entry: &Entry) -> Result<()> {
        let path = entry.path.as_bytes();
        let made = tool.new.make_folder(path);
        made.map_err(|error| self.failed("create folder", path, &error))
    }

    fn link(&self, tool: &mut TreeCursors<'_>, entry: &Entry) -> Result<()> {
        let path = entry.path.as_bytes();
        let made = match &entry.kind {
            FileKind::HardLink { to, .. } => {
                match tool.new.hard_link(&mut self.new.cursor(), to.as_bytes(), path) {
                    Err(error) if is_too_many_links(&error) => {
                        return self.copy(tool, entry, to.as_bytes());
                    }
                    linked => linked,
                }
            }
            FileKind::Symlink { target } => self.symlink(tool, entry, target),
            _ => Ok(()),
        };
        made.map_err(|error| self.failed("create link", path, &error))
    }

    fn again(&self, tool: &mut TreeCursors<'_>, entry: &Entry, previous: &Entry) -> Result<bool> {
        let Some(old) = &mut tool.old else { return Ok(false) };
        let (from, to) = (previous.path.as_bytes(), entry.path.as_bytes());
        if !self.is_sound(old, previous) {
            return Ok(false);
        }
        match tool.new.hard_link(old, from, to) {
            Ok(()) => Ok(true),
            Err(error) if is_too_many_links(&error) => Ok(false),
            Err(error) => Err(self.failed("create link", to, &error)),
        }
    }

    fn file(
        &self,
        tool: &mut TreeCursors<'_>,
        found: &FoundEntry,
        source: &mut SourceFile,
    ) -> Result<(Digest, bool)> {
        let path = found.path.as_bytes();
        let created = tool.new.create_file(path);
        let mut file = created.map_err(|error| self.failed("create", path, &error))?;
        let digest = self.fill(&mut file, path, source)?;
        let dressed = self.dress(&file, &found.metadata);
        dressed.map_err(|error| self.failed("set owner, mode and time of", path, &error))?;
        file.keep();
        reach("media.file-kept");
        Ok((digest, true))
    }

    fn forget(&self, tool: &mut TreeCursors<'_>, found: &FoundEntry) -> Result<()> {
        debug_assert!(matches!(found.kind, FoundKind::File { .. }), "only files are read");
        let path = found.path.as_bytes();
        match tool.new.remove(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(|error| self.failed("remove", path, &error)),
        }
    }
}

/// No more names for this file here, or none at all: it is copied.
fn is_too_many_links(error: &io::Error) -> bool {
    let known = [Errno::MLINK, Errno::XDEV, Errno::PERM, Errno::NOTSUP];
    known.iter().any(|it| error.raw_os_error() == Some(it.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_beyond_the_file_system_is_its_first_or_last() {
        let held = |given: (i64, u32), held: (i64, u32)| {
            is_held_as(Time::new(given.0, given.1), Time::new(held.0, held.1))
        };
        assert!(held((5, 7), (5, 7)) && !held((5, 7), (5, 0)) && !held((6, 0), (5, 0)));
        let (year_1850, year_2500) = (-3_786_825_600, 16_725_225_600);
        assert!(held((year_1850, 3), (FIRST, 0)) && !held((year_2500, 0), (FIRST, 0)));
        for last in LAST {
            assert!(held((year_2500, 3), (last, 0)), "{last}");
            assert!(!held((year_2500, 3), (last, 3)) && !held((year_1850, 0), (last, 0)));
        }
    }
}
