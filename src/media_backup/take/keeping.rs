//! What a thread does with one file of a snapshot: shares it with the previous one where it did not change, reads it
//! otherwise, and reads it again where it changed meanwhile. A file that only grows, such as a log, is kept as long as
//! it was when it was opened.
//!
//! A file did not change where it has, without reading it, the length of the previous snapshot, the same times to the
//! nanosecond and the same inode. What was changed in the second in which that snapshot began, or later, may have been
//! changed once more after it was read, within one tick of the clock of the file system; so it does not count as
//! unchanged (git calls such files racy).

use std::path::PathBuf;
use std::time::Duration;

use super::super::entry::{
    Entry, FileContent, FileKind, FileMetadata, InodeState, is_sparse, names,
};
use super::super::open_places::PlaceCursors;
use super::super::scan::{FoundEntry, FoundKind};
use super::super::source_file::SourceFile;
use super::{Keep, Taking};
use crate::codec::Digest;
use crate::durable::DirCursor;
use crate::error::Result;

/// How often a file is read that changes while it is read, and how long it is left in peace in between.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) enum TakeJob {
    /// Nothing is left to be done.
    Done(Box<Entry>),
    Link(Box<Entry>),
    File {
        found: Box<FoundEntry>,
        previous: Option<Box<Entry>>,
    },
    /// A file of a snapshot that is kept elsewhere already.
    Copy {
        entry: Box<Entry>,
        previous: Option<Box<Entry>>,
    },
}

pub(crate) enum TakeOutcome {
    /// `read`: content was read; `new`: it was kept anew.
    Kept {
        entry: Box<Entry>,
        read: bool,
        new: bool,
    },
    /// The same of a file that is written to all the time: what was read of it is what it began with, twice.
    Grew {
        entry: Box<Entry>,
        read: bool,
        new: bool,
        path: PathBuf,
    },
    Failed {
        path: PathBuf,
        verb: &'static str,
        reason: String,
        seen: InodeState,
    },
}

/// One of the threads.
pub(crate) struct TakeWorker<'a, K: Keep> {
    pub(super) taking: &'a Taking<'a, K>,
    pub(super) tool: K::Tool<'a>,
    pub(super) sources: PlaceCursors<'a>,
    /// What this is a copy of.
    pub(super) tree: Option<DirCursor<'a>>,
    began: i64,
}

impl<'a, K: Keep> TakeWorker<'a, K> {
    pub(crate) fn new(taking: &'a Taking<'a, K>, began: i64) -> Self {
        let tree = taking.copy_of.map(|it| it.tree.cursor());
        Self { taking, tool: taking.keep.tool(), sources: taking.places.cursors(), tree, began }
    }

    pub(crate) fn work_all(&mut self, jobs: Vec<TakeJob>) -> Result<Vec<TakeOutcome>> {
        jobs.into_iter().map(|job| self.work(job)).collect()
    }

    fn work(&mut self, job: TakeJob) -> Result<TakeOutcome> {
        match job {
            TakeJob::Done(entry) => Ok(TakeOutcome::Kept { entry, read: false, new: false }),
            TakeJob::Link(entry) => {
                self.taking.keep.link(&mut self.tool, &entry)?;
                Ok(TakeOutcome::Kept { entry, read: false, new: true })
            }
            TakeJob::Copy { entry, previous } => self.copy(entry, previous.as_deref()),
            TakeJob::File { found, previous } => {
                if let Some(previous) = previous.as_deref()
                    && let Some(entry) = self.unread(&found, previous)?
                {
                    return Ok(TakeOutcome::Kept { entry, read: false, new: false });
                }
                self.read(*found, previous.as_deref())
            }
        }
    }

    /// A file that need not be read, if it is one.
    fn unread(&mut self, found: &FoundEntry, previous: &Entry) -> Result<Option<Box<Entry>>> {
        let Some(content) = previous.content() else { return Ok(None) };
        if self.taking.checksum || !is_unchanged(found, previous, self.began) {
            return Ok(None);
        }
        let FoundKind::File { names, .. } = found.kind else { return Ok(None) };
        let content = FileContent { linked: names > 1, ..content.clone() };
        let mut entry = found.entry(FileKind::File(content));
        entry.metadata.xattrs.clone_from(&previous.metadata.xattrs);
        let again = self.taking.keep.again(&mut self.tool, &entry, previous)?;
        Ok(again.then(|| Box::new(entry)))
    }

    fn read(&mut self, mut found: FoundEntry, previous: Option<&Entry>) -> Result<TakeOutcome> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let opened = self.sources.at(found.path.as_bytes());
            let opened = opened.and_then(|(cursor, path)| {
                let source = SourceFile::open(cursor, &path)?;
                let xattrs = source.xattrs()?;
                Ok((source, xattrs))
            });
            let (mut source, xattrs) = match opened {
                Ok(opened) => opened,
                Err(error) => return Ok(failed(&self.sources, &found, &error)),
            };
            found = again_found(found, &source, xattrs);
            if attempt == TRIES {
                source.never_rests();
            }
            match self.keep(&found, &mut source, previous) {
                Ok(kept) => {
                    if source.is_same().unwrap_or(false) {
                        return Ok(kept);
                    }
                    // A log is appended to, and a copy of it up to its length at the beginning is one of that moment.
                    if attempt == TRIES && reads_again(&kept, &mut source) {
                        return Ok(grew(kept, self.sources.shown(found.path.as_bytes())));
                    }
                }
                Err(error) => match source.trouble() {
                    None => return Err(error),
                    Some(_) if attempt < TRIES && !source.is_same().unwrap_or(false) => {}
                    Some(trouble) => {
                        self.taking.keep.forget(&mut self.tool, &found)?;
                        return Ok(failed(&self.sources, &found, &trouble));
                    }
                },
            }
            self.taking.keep.forget(&mut self.tool, &found)?;
            if attempt == TRIES {
                return Ok(failed(&self.sources, &found, &"it keeps changing while it is read"));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Keeps a file that is open: shares it with the previous snapshot where it is the same after all.
    fn keep(
        &mut self,
        found: &FoundEntry,
        source: &mut SourceFile,
        previous: Option<&Entry>,
    ) -> Result<TakeOutcome> {
        let keep = self.taking.keep;
        let like = |it: &&Entry| {
            let content = it.content();
            content.is_some_and(|content| content.size == source.size())
                && it.metadata.is_same_inode(&found.metadata)
        };
        if let Some(previous) = previous.filter(like) {
            let digest = source.read(&mut |_| Ok(()))?;
            let entry = entry_of(found, source, digest);
            let same = previous.content().is_some_and(|content| content.digest == digest);
            if same && keep.again(&mut self.tool, &entry, previous)? {
                return Ok(TakeOutcome::Kept { entry: Box::new(entry), read: true, new: false });
            }
        }
        let (digest, new) = keep.file(&mut self.tool, found, source)?;
        let entry = Box::new(entry_of(found, source, digest));
        Ok(TakeOutcome::Kept { entry, read: true, new })
    }
}

fn reads_again(kept: &TakeOutcome, source: &mut SourceFile) -> bool {
    let TakeOutcome::Kept { entry, .. } = kept else { return false };
    let digest = source.read(&mut |_| Ok(())).ok();
    digest.is_some() && digest == entry.content().map(|content| content.digest)
}

fn grew(kept: TakeOutcome, path: PathBuf) -> TakeOutcome {
    match kept {
        TakeOutcome::Kept { entry, read, new } => TakeOutcome::Grew { entry, read, new, path },
        other => other,
    }
}

fn failed(
    sources: &PlaceCursors<'_>,
    found: &FoundEntry,
    error: &dyn std::fmt::Display,
) -> TakeOutcome {
    TakeOutcome::Failed {
        path: sources.shown(found.path.as_bytes()),
        verb: "read",
        reason: error.to_string(),
        seen: found.seen,
    }
}

/// As it is now that it is open, which may be another file than the one that was found.
fn again_found(
    found: FoundEntry,
    source: &SourceFile,
    xattrs: Vec<(String, Vec<u8>)>,
) -> FoundEntry {
    let stat = source.stat();
    let same_owner = (stat.st_uid, stat.st_gid) == (found.metadata.uid, found.metadata.gid);
    let name = |name: Option<String>| name.filter(|_| same_owner);
    let kind = FoundKind::File { size: source.size(), sparse: is_sparse(stat), names: names(stat) };
    let metadata = FileMetadata {
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        user: name(found.metadata.user),
        group: name(found.metadata.group),
        mtime: source.modified(),
        xattrs,
    };
    FoundEntry { path: found.path, kind, metadata, seen: InodeState::of(stat) }
}

fn entry_of(found: &FoundEntry, source: &SourceFile, digest: Digest) -> Entry {
    let (sparse, names) = match found.kind {
        FoundKind::File { sparse, names, .. } => (sparse, names),
        _ => (false, 1),
    };
    let content = FileContent { size: source.size(), digest, sparse, linked: names > 1 };
    found.entry(FileKind::File(content))
}

impl FoundEntry {
    pub(super) fn entry(&self, kind: FileKind) -> Entry {
        Entry { path: self.path.clone(), kind, metadata: self.metadata.clone(), seen: self.seen }
    }
}

/// `began` is the second in which the previous snapshot began.
fn is_unchanged(found: &FoundEntry, previous: &Entry, began: i64) -> bool {
    let (
        FoundKind::File { size, .. },
        FileKind::File(content) | FileKind::HardLink { content, .. },
    ) = (&found.kind, &previous.kind)
    else {
        return false;
    };
    let settled = found.seen.changed.second() < began && found.metadata.mtime.second() != began;
    settled
        && *size == content.size
        && found.metadata.mtime == previous.metadata.mtime
        && found.seen == previous.seen
}

#[cfg(test)]
mod tests {
    use super::super::super::entry::Time;
    use super::super::super::samples::{entry, found};
    use super::*;

    #[test]
    fn any_difference_counts() {
        let began = 2_000;
        assert!(is_unchanged(&found("a", 5), &entry("a", 5), began));
        assert!(!is_unchanged(&found("a", 6), &entry("a", 5), began));
        let changes: [fn(&mut FoundEntry); 4] = [
            |it| it.metadata.mtime = Time::new(1000, 2),
            |it| it.seen.changed = Time::new(1000, 3),
            |it| it.seen.inode += 1,
            |it| it.seen.device += 1,
        ];
        for change in changes {
            let mut found = found("a", 5);
            change(&mut found);
            assert!(!is_unchanged(&found, &entry("a", 5), began));
        }
    }

    #[test]
    fn the_second_of_the_last_snapshot_proves_nothing() {
        let (mut found, mut entry) = (found("a", 5), entry("a", 5));
        let changed = found.seen.changed.second();
        assert!(is_unchanged(&found, &entry, changed + 1));
        assert!(!is_unchanged(&found, &entry, changed));
        assert!(!is_unchanged(&found, &entry, changed - 1));
        for metadata in [&mut found.metadata, &mut entry.metadata] {
            metadata.mtime = Time::new(5_000, 1);
        }
        assert!(!is_unchanged(&found, &entry, 5_000));
        assert!(is_unchanged(&found, &entry, 6_000));
    }

    #[test]
    fn what_was_no_file_is_new() {
        let mut entry = entry("a", 5);
        entry.kind = FileKind::Directory { implied: false };
        assert!(!is_unchanged(&found("a", 5), &entry, 2_000));
    }
}
