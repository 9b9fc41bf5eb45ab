//! Lays one file or link down. A file gets its name when its content and metadata are as they should be, so that a
//! restore that is cut short leaves no half file under it; with `--delta`, what is right already is not written again.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FileType, Stat};

use super::super::entry::{Content, Entry, Kind, modified, size};
use super::super::places::Hands;
use super::super::source::SourceFile;
use super::content::{Failure, write_content};
use super::{ContentSource, Existing};
use crate::durable::{DirCursor, split};
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;

/// What became of an entry.
pub enum Laid {
    /// It is as it should be; so many bytes were written, if any had to be.
    Done(Option<u64>),
    Failed(String),
}

/// One of the threads that lay files and links down.
pub struct Layer<'a> {
    pub content: &'a dyn ContentSource,
    pub existing: Existing,
    /// Whether a folder that is in the way of a file is removed.
    pub delete: bool,
    pub dresser: &'a super::Dresser,
    pub hands: Hands<'a>,
}

impl Layer<'_> {
    /// Fails only where going on is of no use, such as on a full disk.
    pub fn lay(&mut self, entry: &Entry) -> Result<Laid> {
        let shown = self.hands.shown(entry.path.as_bytes());
        let laid = match &entry.kind {
            Kind::File(content) | Kind::HardLink { content, .. } => self.lay_file(entry, content),
            Kind::Symlink { target } => self.lay_symlink(entry, target).map_err(Failure::Target),
            Kind::Directory { .. } => Ok(None),
        };
        match laid {
            Ok(written) => Ok(Laid::Done(written)),
            Err(Failure::Target(error)) if is_hopeless(&error) => {
                Err(Error::file("write", &shown, &error))
            }
            Err(Failure::Target(error)) => Ok(Laid::Failed(error.to_string())),
            // A repository that does not answer will not for the next file either.
            Err(Failure::Content(error)) if error.class() == Class::Unreachable => Err(error),
            Err(Failure::Content(error)) => Ok(Laid::Failed(error.to_string())),
        }
    }

    fn lay_file(&mut self, entry: &Entry, content: &Content) -> Result<Option<u64>, Failure> {
        let (cursor, path) = self.hands.at(entry.path.as_bytes()).map_err(Failure::Target)?;
        let metadata = &entry.metadata;
        if let Existing::Delta { checksum } = self.existing
            && let Ok(stat) = cursor.stat(&path)
            && is_there(&stat, entry, content, checksum)
            && let Ok(mut source) = SourceFile::open(cursor, &path)
            && (!checksum || source.read(&mut |_| Ok(())).is_ok_and(|it| it == content.digest))
        {
            self.dresser.dress(source.file(), metadata).map_err(Failure::Target)?;
            return Ok(None);
        }
        let mut file = cursor.begin_file(&path).map_err(Failure::Target)?;
        write_content(self.content, entry, content, &mut file)?;
        self.dresser.dress(file.file(), metadata).map_err(Failure::Target)?;
        make_room(cursor, &path, self.delete).map_err(Failure::Target)?;
        file.put_in_place(split(&path).1).map_err(Failure::Target)?;
        reach("media.file-laid");
        Ok(Some(content.size))
    }

    fn lay_symlink(&mut self, entry: &Entry, target: &[u8]) -> io::Result<Option<u64>> {
        let (cursor, path) = self.hands.at(entry.path.as_bytes())?;
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
    pub fn lay_hard_link(
        &mut self,
        entry: &Entry,
        to: &[u8],
        others: &mut Hands<'_>,
    ) -> io::Result<bool> {
        let (from, old) = others.at(to)?;
        let Ok(first) = from.stat(&old) else { return Ok(false) };
        let (cursor, path) = self.hands.at(entry.path.as_bytes())?;
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
fn is_there(stat: &Stat, entry: &Entry, content: &Content, checksum: bool) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        && size(stat) == content.size
        && (checksum || modified(stat) == entry.metadata.mtime)
}

/// A folder can't be replaced by anything else; it is emptied only for who asked to delete.
pub fn make_room(cursor: &mut DirCursor<'_>, path: &[u8], delete: bool) -> io::Result<()> {
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
    super::super::path::join(split(path).0, name.as_bytes())
}

/// The next file would meet the same.
fn is_hopeless(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    [StorageFull, QuotaExceeded, ReadOnlyFilesystem].contains(&error.kind())
}
