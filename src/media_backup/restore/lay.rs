//! The main steps of a restore. One thread makes folders in the order of the index, and several lay files and symbolic
//! links down in them. Further names of files wait until all of that is done, and so do the metadata of folders, the
//! inner ones first: a folder is dressed when nothing is written into it any more, because writing changes its time.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::PathBuf;

use rustix::fs::FileType;

use super::super::entry::{Entry, FileKind, FileMetadata};
use super::super::open_places::PlaceCursors;
use super::super::path::{EntryPath, Nested, shown};
use super::super::problems::MediaProgress;
use super::one_file::{Laid, Layer};
use super::{Existing, Restoring};
use crate::durable::{DirCursor, remove_abandoned_in, set_mode_of, split};
use crate::error::Result;
use crate::threads::{OrderedLane, ordered};

/// A job is so many entries, or fewer of this length together.
const ENTRIES_A_JOB: usize = 64;
const BYTES_A_JOB: u64 = 4 << 20;

type LayJob = Vec<Entry>;
type LayOutcome = Vec<(Entry, Laid)>;

/// Files with more names that were not restored: their other names are not to lead to whatever is there.
pub(crate) type FailedNames = HashSet<EntryPath>;

impl<R: Read> Restoring<'_, R> {
    fn layer(&self) -> Layer<'_> {
        let restore = self.restore;
        Layer {
            content: restore.content,
            existing: restore.existing,
            delete: restore.delete,
            dresser: &self.dresser,
            cursors: self.target.places().cursors(),
        }
    }

    /// Folders, files and symbolic links. Folders get what they need to be written to, for now.
    pub(super) fn lay(&self) -> Result<FailedNames> {
        let mut failed = FailedNames::new();
        let (restore, target, dresser) = (self.restore, &self.target, &self.dresser);
        let (content, existing, delete) = (restore.content, restore.existing, restore.delete);
        let layer =
            || Layer { content, existing, delete, dresser, cursors: target.places().cursors() };
        let work = |layer: &mut Layer<'_>, entries: LayJob| {
            let lay = |entry: Entry| layer.lay(&entry).map(|laid| (entry, laid));
            entries.into_iter().map(lay).collect::<Result<LayOutcome>>()
        };
        ordered(restore.threads, layer, work, |lane| {
            let mut feed = Feed { of: self, lane, failed: &mut failed, jobs: Vec::new(), size: 0 };
            let mut folders =
                Folders { of: self, above: Nested::default(), cursors: target.places().cursors() };
            restore.each_entry(&mut |entry| {
                folders.come_to(&entry);
                match entry.kind {
                    FileKind::Directory { .. } => Ok(()),
                    FileKind::HardLink { .. } => Ok(()),
                    _ if restore.wants(&entry) => feed.push(entry),
                    _ => Ok(()),
                }
            })?;
            feed.finish()
        })?;
        Ok(failed)
    }

    fn take(&self, outcome: LayOutcome, failed: &mut FailedNames) {
        let cursors = self.target.places().cursors();
        for (entry, laid) in outcome {
            self.count(&entry, laid, failed, &cursors);
        }
        let restored = self.restored.borrow();
        let (entries, size) = (restored.entries, restored.written_size);
        (self.restore.progress)(MediaProgress { entries, size, of: None });
    }

    fn count(
        &self,
        entry: &Entry,
        laid: Laid,
        failed: &mut FailedNames,
        cursors: &PlaceCursors<'_>,
    ) {
        let mut restored = self.restored.borrow_mut();
        match laid {
            Laid::Done(written) => {
                restored.entries += 1;
                restored.written_files += u64::from(written.is_some());
                restored.written_size += written.unwrap_or(0);
            }
            Laid::Failed(reason) => {
                let path = cursors.shown(entry.path.as_bytes());
                restored.problems.failed("restore", &path, &reason);
                if entry.content().is_some_and(|content| content.linked) {
                    failed.insert(entry.path.clone());
                }
            }
        }
    }
}

/// Entries on their way to the threads.
struct Feed<'r, 'a, R: Read> {
    of: &'r Restoring<'a, R>,
    lane: &'r mut OrderedLane<LayJob, LayOutcome>,
    failed: &'r mut FailedNames,
    jobs: LayJob,
    size: u64,
}

impl<R: Read> Feed<'_, '_, R> {
    fn push(&mut self, entry: Entry) -> Result<()> {
        self.size += entry.content().map_or(0, |content| content.size);
        self.jobs.push(entry);
        if self.jobs.len() >= ENTRIES_A_JOB || self.size >= BYTES_A_JOB {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.size = 0;
        let (of, failed) = (self.of, &mut *self.failed);
        let jobs = std::mem::take(&mut self.jobs);
        self.lane.push(jobs, &mut |outcome| {
            of.take(outcome, failed);
            Ok(())
        })
    }

    fn finish(mut self) -> Result<()> {
        self.flush()?;
        let (of, failed) = (self.of, &mut *self.failed);
        self.lane.drain(&mut |outcome| {
            of.take(outcome, failed);
            Ok(())
        })
    }
}

/// The folders on the way, made when something that is wanted comes for them.
struct Folders<'r, 'a, R: Read> {
    of: &'r Restoring<'a, R>,
    /// What is remembered: what the folder is to have, and whether it was made.
    above: Nested<(FileMetadata, bool)>,
    cursors: PlaceCursors<'r>,
}

impl<R: Read> Folders<'_, '_, R> {
    fn come_to(&mut self, entry: &Entry) {
        let path = entry.path.as_bytes();
        self.above.advance(path);
        let wanted = self.of.restore.wants(entry);
        if wanted {
            let waiting = self.above.above(path).filter(|(_, (_, made))| !made);
            let waiting: Vec<(Vec<u8>, FileMetadata)> = waiting
                .map(|(folder, (metadata, made))| {
                    *made = true;
                    (folder.clone(), metadata.clone())
                })
                .collect();
            for (folder, metadata) in waiting {
                self.make(&folder, Some(&metadata));
            }
        }
        if entry.is_directory() {
            if wanted {
                self.make(path, None);
                self.of.restored.borrow_mut().entries += 1;
            }
            self.above.push(path, (entry.metadata.clone(), wanted));
        }
    }

    /// Trouble with a folder is trouble with all that is in it, which will be told; the folder is too.
    /// `metadata` is for one that is not itself wanted: it gets that if it is new.
    fn make(&mut self, path: &[u8], metadata: Option<&FileMetadata>) {
        let (cursor, below) = match self.cursors.at(path) {
            Ok((cursor, below)) => (cursor, below.into_owned()),
            Err(_) if metadata.is_some() => match self.cursors.above(path) {
                Some(above) => above,
                // It was there before: it is not ours.
                None => return,
            },
            Err(error) => return self.of.tell("create folder", shown(path), &error),
        };
        let existing = self.of.restore.existing;
        let made = make_folders(cursor, &below, existing).and_then(|new| match metadata {
            Some(metadata) if new => self.of.dresser.dress(cursor.open_folder(&below)?, metadata),
            _ => Ok(()),
        });
        if let Err(error) = made {
            let shown = self.cursors.shown(path);
            self.of.tell("create folder", &shown, &error);
        }
    }
}

/// Makes a folder, with those above it where a path of the set is to be made anew. True when it is new.
fn make_folders(cursor: &mut DirCursor<'_>, path: &[u8], existing: Existing) -> io::Result<bool> {
    let is_folder = |cursor: &mut DirCursor<'_>| {
        let stat = cursor.stat(path);
        stat.map(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    };
    match is_folder(cursor) {
        Ok(true) => {
            open_for_us(cursor, path)?;
            return Ok(false);
        }
        Ok(false) if existing == Existing::Refuse => {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(false) => cursor.remove(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = split(path).0;
            if !above.is_empty() && cursor.stat(above).is_err() {
                make_folders(cursor, above, existing)?;
            }
        }
        Err(error) => return Err(error),
    }
    cursor.make_folder(path)?;
    Ok(true)
}

/// A folder that was there: what a dead process left in it goes, and we must be able to write to it.
fn open_for_us(cursor: &mut DirCursor<'_>, path: &[u8]) -> io::Result<()> {
    let stat = cursor.stat(path)?;
    let folder = match cursor.open_folder(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            cursor.open_up(path)?;
            cursor.open_folder(path)?
        }
        opened => opened?,
    };
    if stat.st_mode & 0o700 != 0o700 {
        // Of somebody else: then writing to it will tell.
        let _ = set_mode_of(&folder, stat.st_mode & 0o7777 | 0o700);
    }
    remove_abandoned_in(&folder)
}

impl<R: Read> Restoring<'_, R> {
    /// Returns the folders.
    pub(super) fn settle(&self, failed: &FailedNames) -> Result<Vec<PathBuf>> {
        let (mut nested, mut layer) = (Nested::default(), self.layer());
        let mut failed = failed.clone();
        let mut folders = Vec::new();
        let mut done = |layer: &mut Layer<'_>, path: Vec<u8>, metadata: &FileMetadata| {
            if self.dress_folder(layer, &path, metadata) {
                folders.push(layer.cursors.shown(&path));
            }
        };
        self.restore.each_entry(&mut |entry| {
            for (path, metadata) in nested.advance(entry.path.as_bytes()) {
                done(&mut layer, path, &metadata);
            }
            if !self.restore.wants(&entry) {
                return Ok(());
            }
            match &entry.kind {
                FileKind::Directory { .. } => {
                    nested.push(entry.path.as_bytes(), entry.metadata.clone());
                }
                FileKind::HardLink { .. } => self.settle_link(&mut layer, &entry, &mut failed)?,
                _ => {}
            }
            Ok(())
        })?;
        for (path, metadata) in nested.finish() {
            done(&mut layer, path, &metadata);
        }
        Ok(folders)
    }

    /// Where its first name is not restored, or can't have another one, it becomes a file of its own.
    fn settle_link(
        &self,
        layer: &mut Layer<'_>,
        entry: &Entry,
        failed: &mut FailedNames,
    ) -> Result<()> {
        let FileKind::HardLink { to, .. } = &entry.kind else { return Ok(()) };
        let first = !failed.contains(to) && self.restore.selection.selects(to, false);
        let mut others = self.target.places().cursors();
        let laid = match first.then(|| layer.lay_hard_link(entry, to.as_bytes(), &mut others)) {
            Some(Ok(true)) => Laid::Done(None),
            Some(Err(error)) => Laid::Failed(error.to_string()),
            Some(Ok(false)) | None => layer.lay(entry)?,
        };
        self.count(entry, laid, failed, &others);
        Ok(())
    }

    /// False when the folder is not there: why, was told when it could not be made.
    fn dress_folder(&self, layer: &mut Layer<'_>, path: &[u8], metadata: &FileMetadata) -> bool {
        let opened = layer.cursors.at(path).and_then(|(cursor, path)| cursor.open_folder(&path));
        let Ok(folder) = opened else { return false };
        if let Err(error) = self.dresser.dress(folder, metadata) {
            let shown = layer.cursors.shown(path);
            self.tell("set owner, mode and time of", &shown, &error);
        }
        true
    }
}
