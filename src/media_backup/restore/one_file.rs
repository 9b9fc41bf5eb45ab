//! Lays one file or link down. A file gets its name when its content is written and proved by length and BLAKE3, and its
//! metadata is as it should be, so that a restore that is cut short leaves no half file under it; with `--delta`, what
//! is right already is not written again.
//!
//! Trouble with the content is kept apart from trouble with the target, because a full disk ends the restore and a
//! damaged file does not.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FileType, Stat};

use super::super::entry::{Entry, FileContent, FileKind, modified, size};
use super::super::open_places::PlaceCursors;
use super::super::path::join;
use super::super::source_file::SourceFile;
use super::dress::Dresser;
use super::{ContentSource, Existing};
use crate::backup::damaged;
use crate::codec::{Digest, read_failed};
use crate::durable::{DirCursor, NewFile, split};
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;

/// What became of an entry.
pub(crate) enum Laid {
    /// It is as it should be; so many bytes were written, if any had to be.
    Done(Option<u64>),
    Failed(String),
}

/// One of the threads that lay files and links down.
pub(crate) struct Layer<'a> {
    pub content: &'a dyn ContentSource,
    pub existing: Existing,
    /// Whether a folder that is in the way of a file is removed.
    pub delete: bool,
    pub dresser: &'a Dresser,
    pub cursors: PlaceCursors<'a>,
}

impl Layer<'_> {
    /// Fails only where going on is of no use, such as on a full disk.
    pub(crate) fn lay(&mut self, entry: &Entry) -> Result<Laid> {
        let shown = self.cursors.shown(entry.path.as_bytes());
        let laid = match &entry.kind {
            FileKind::File(content) | FileKind::HardLink { content, .. } => {
                self.lay_file(entry, content)
            }
            FileKind::Symlink { target } => {
                self.lay_symlink(entry, target).map_err(LayFailure::Target)
            }
            FileKind::Directory { .. } => Ok(None),
        };
        match laid {
            Ok(written) => Ok(Laid::Done(written)),
            Err(LayFailure::Target(error)) if is_hopeless(&error) => {
                Err(Error::file("write", &shown, &error))
            }
            Err(LayFailure::Target(error)) => Ok(Laid::Failed(error.to_string())),
            // A repository that does not answer will not for the next file either.
            Err(LayFailure::Source(error)) if error.class() == Class::Unreachable => Err(error),
            Err(LayFailure::Source(error)) => Ok(Laid::Failed(error.to_string())),
        }
    }

    fn lay_file(
        &mut self,
        entry: &Entry,
        content: &FileContent,
    ) -> Result<Option<u64>, LayFailure> {
        let (cursor, path) = self.cursors.at(entry.path.as_bytes()).map_err(LayFailure::Target)?;
        let metadata = &entry.metadata;
        if let Existing::Delta { checksum } = self.existing
            && let Ok(stat) = cursor.stat(&path)
            && is_there(&stat, entry, content, checksum)
            && let Ok(mut source) = SourceFile::open(cursor, &path)
            && (!checksum || source.read(&mut |_| Ok(())).is_ok_and(|it| it == content.digest))
        {
            self.dresser.dress(source.file(), metadata).map_err(LayFailure::Target)?;
            return Ok(None);
        }
        let mut file = cursor.begin_file(&path).map_err(LayFailure::Target)?;
        write_content(self.content, entry, content, &mut file)?;
        self.dresser.dress(file.file(), metadata).map_err(LayFailure::Target)?;
        make_room(cursor, &path, self.delete).map_err(LayFailure::Target)?;
        file.put_in_place(split(&path).1).map_err(LayFailure::Target)?;
        reach("media.file-laid");
        Ok(Some(content.size))
    }

    fn lay_symlink(&mut self, entry: &Entry, target: &[u8]) -> io::Result<Option<u64>> {
        let (cursor, path) = self.cursors.at(entry.path.as_bytes())?;
        if !cursor.read_link(&path).is_ok_and(|there| there == target) {
            make_room(cursor, &path, self.delete)?;
            let temporary = temporary_beside(&path);
            cursor.make_link(&temporary, target)?;
            cursor.rename(&temporary, &path).inspect_err(|_| {
                let _ = cursor.remove(&temporary);
            })?;
        }
        self.dresser.dress_link(cursor, &path, &entry.metadata)?;
        Ok(None)
    }

    /// Gives a file that was laid down one more name. False when it can't have one.
    pub(crate) fn lay_hard_link(
        &mut self,
        entry: &Entry,
        to: &[u8],
        others: &mut PlaceCursors<'_>,
    ) -> io::Result<bool> {
        let (from, old) = others.at(to)?;
        let Ok(first) = from.stat(&old) else { return Ok(false) };
        let (cursor, path) = self.cursors.at(entry.path.as_bytes())?;
        let identity = |stat: &Stat| (stat.st_dev, stat.st_ino);
        if cursor.stat(&path).is_ok_and(|stat| identity(&stat) == identity(&first)) {
            return Ok(true);
        }
        let temporary = temporary_beside(&path);
        if cursor.hard_link(from, &old, &temporary).is_err() {
            return Ok(false);
        }
        make_room(cursor, &path, self.delete)?;
        cursor.rename(&temporary, &path).inspect_err(|_| {
            let _ = cursor.remove(&temporary);
        })?;
        Ok(true)
    }
}

/// Whether what is there can be kept, if its content is right.
fn is_there(stat: &Stat, entry: &Entry, content: &FileContent, checksum: bool) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        && size(stat) == content.size
        && (checksum || modified(stat) == entry.metadata.mtime)
}

/// A folder can't be replaced by anything else; it is emptied only for who asked to delete.
pub(crate) fn make_room(cursor: &mut DirCursor<'_>, path: &[u8], delete: bool) -> io::Result<()> {
    let is_folder = cursor
        .stat(path)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
    if !is_folder {
        return Ok(());
    }
    if delete {
        return cursor.remove_tree(path);
    }
    cursor
        .remove_folder(path)
        .map_err(|_| io::Error::other("a folder is in its place, which --delete would remove"))
}

fn temporary_beside(path: &[u8]) -> Vec<u8> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!(".seawall-tmp-link-{}-{number}", std::process::id());
    join(split(path).0, name.as_bytes())
}

/// The next file would meet the same.
fn is_hopeless(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    [StorageFull, QuotaExceeded, ReadOnlyFilesystem].contains(&error.kind())
}

const BUFFER_BYTES: usize = 256 << 10;

/// A hole is a multiple of this long, as on most file systems.
const BLOCK_BYTES: usize = 4096;

/// Why a file could not be written.
enum LayFailure {
    /// Its content is not what it should be, or can't be had.
    Source(Error),
    /// The target refuses.
    Target(io::Error),
}

/// Fails where the content is not what the entry says.
fn write_content(
    source: &dyn ContentSource,
    entry: &Entry,
    content: &FileContent,
    file: &mut NewFile,
) -> Result<(), LayFailure> {
    let reader = source.open(entry).map_err(LayFailure::Source)?;
    // One byte more tells that there is too much.
    let mut reader = reader.take(content.size.saturating_add(1));
    let length = usize::try_from(content.size).unwrap_or(usize::MAX).saturating_add(1);
    let mut buffer = vec![0; BUFFER_BYTES.min(length)];
    let (mut hasher, mut at) = (blake3::Hasher::new(), 0_u64);
    loop {
        let length = fill(&mut reader, &mut buffer)
            .map_err(|error| LayFailure::Source(read_failed(&error)))?;
        if length == 0 {
            break;
        }
        hasher.update(&buffer[..length]);
        if at + length as u64 > content.size {
            at += length as u64;
            break;
        }
        write(file, at, &buffer[..length], content.sparse).map_err(LayFailure::Target)?;
        at += length as u64;
    }
    if at != content.size {
        let found = if at > content.size { "more".to_owned() } else { at.to_string() };
        let message = format!("expected {} bytes of content, found {found}", content.size);
        return Err(LayFailure::Source(damaged(message)));
    }
    let digest = Digest::of_hasher(&hasher);
    if digest != content.digest {
        let message = format!("expected content with BLAKE3 {}, found {digest}", content.digest);
        return Err(LayFailure::Source(damaged(message)));
    }
    if content.sparse {
        file.set_length(content.size).map_err(LayFailure::Target)?;
    }
    Ok(())
}

/// Until the buffer is full or nothing is left, so that blocks stay blocks.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Blocks of zeros of a file that had holes stay holes.
fn write(file: &mut NewFile, at: u64, bytes: &[u8], sparse: bool) -> io::Result<()> {
    if !sparse {
        return file.write_at(at, bytes);
    }
    let mut offset = at;
    for block in bytes.chunks(BLOCK_BYTES) {
        if block.iter().any(|byte| *byte != 0) {
            file.write_at(offset, block)?;
        }
        offset += block.len() as u64;
    }
    Ok(())
}
