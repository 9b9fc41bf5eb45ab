//! Taking a snapshot: everything that is found goes to whoever keeps it, several files at the same time, and its entry
//! into the index, in order.
//!
//! `driver` hands out what is found, or what another repository has got already; `keeping` is what a thread does with
//! a file, and `copying` with one whose content is known. Here is what comes back: counted, and the names of one file
//! joined.

mod copying;
mod driver;
mod keeping;

use std::collections::HashMap;
use std::fmt;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::path::Path;

pub(crate) use self::copying::known_file;
use self::driver::Driver;
use self::keeping::{TakeJob, TakeOutcome, TakeWorker};
use super::description::{PathSums, SnapshotTotals};
use super::entry::{Entry, FileKind, InodeState};
use super::index::{IndexWriter, Previous};
use super::open_places::Places;
use super::problems::{MediaProgress, Problems};
use super::scan::FoundEntry;
use super::source_file::SourceFile;
use super::spool::Spool;
use crate::codec::Digest;
use crate::config::MediaSet;
use crate::durable::Beneath;
use crate::error::Result;
use crate::threads::ordered;

/// Keeps the content of a snapshot somewhere. Errors of these end the snapshot.
pub(crate) trait Keep: Sync {
    /// What one thread works with.
    type Tool<'k>
    where
        Self: 'k;

    fn tool(&self) -> Self::Tool<'_>;
    /// A directory; called in order, before anything that lies in it.
    fn directory(&self, tool: &mut Self::Tool<'_>, entry: &Entry) -> Result<()>;
    /// A symbolic or hard link; what a hard link is for was kept before.
    fn link(&self, tool: &mut Self::Tool<'_>, entry: &Entry) -> Result<()>;
    /// A file with the content and metadata that it had in the previous snapshot. False when that is not there
    /// any more: then it is read.
    fn again(&self, tool: &mut Self::Tool<'_>, entry: &Entry, previous: &Entry) -> Result<bool>;
    /// A file's content, read with [`SourceFile::read`]; returns its digest, and whether it was kept anew because
    /// nothing had it yet. An error after trouble with the source is told and got over.
    fn file(
        &self,
        tool: &mut Self::Tool<'_>,
        found: &FoundEntry,
        source: &mut SourceFile,
    ) -> Result<(Digest, bool)>;
    /// What was kept last under this path does not count: the file changed while it was read.
    fn forget(&self, tool: &mut Self::Tool<'_>, found: &FoundEntry) -> Result<()>;
}

/// A snapshot, about to be taken.
pub(crate) struct Taking<'a, K> {
    pub set: &'a MediaSet,
    pub places: &'a Places,
    pub keep: &'a K,
    /// Read all files, whatever their times say.
    pub checksum: bool,
    /// Folders that are not entered, such as a repository below a path of the set.
    pub leave_out: &'a [&'a Path],
    /// Where the same snapshot is kept already: this is a copy of that, and nothing is looked for once more.
    pub copy_of: Option<&'a KeptTree>,
    pub threads: NonZeroUsize,
    pub progress: &'a (dyn Fn(MediaProgress) + Sync),
}

/// A snapshot as it was kept in a tree.
pub struct KeptTree {
    /// Open since it was made, as the index is: who owns the repository can exchange what their paths name.
    pub tree: Beneath,
    pub index: Spool,
    pub problems: Problems,
}

impl fmt::Debug for KeptTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("problems", &self.problems).finish_non_exhaustive()
    }
}

impl<K: Keep> Taking<'_, K> {
    /// Memory: some 10,000 entries under way, a buffer for each thread, and an entry for each file with more
    /// than one name.
    pub(crate) fn run<R: Read, W: Write>(
        &self,
        previous: Option<Previous<R>>,
        index: &mut IndexWriter<W>,
    ) -> Result<(SnapshotTotals, Problems)> {
        let began = previous.as_ref().map_or(i64::MIN, Previous::began);
        let worker = || TakeWorker::new(self, began);
        let work = |worker: &mut TakeWorker<'_, K>, jobs: Vec<TakeJob>| worker.work_all(jobs);
        ordered(self.threads, worker, work, |lane| {
            let results = Results {
                index,
                links: Links::default(),
                totals: SnapshotTotals {
                    paths: vec![PathSums::default(); self.places.all().len()],
                    ..SnapshotTotals::default()
                },
                places: self.places,
                sum: blake3::Hasher::new(),
                problems: Problems::default(),
                progress: self.progress,
            };
            Driver::new(self, lane, previous, results).run()
        })
    }
}

/// What comes back from the threads goes here, in order.
struct Results<'a, W: Write> {
    index: &'a mut IndexWriter<W>,
    links: Links,
    totals: SnapshotTotals,
    places: &'a Places,
    sum: blake3::Hasher,
    problems: Problems,
    progress: &'a (dyn Fn(MediaProgress) + Sync),
}

impl<W: Write> Results<'_, W> {
    fn take(&mut self, outcomes: Vec<TakeOutcome>) -> Result<()> {
        for outcome in outcomes {
            match outcome {
                TakeOutcome::Kept { entry, read, new } => self.kept(&entry, read, new)?,
                TakeOutcome::Grew { entry, read, new, path } => {
                    self.kept(&entry, read, new)?;
                    self.problems.grew(&path);
                }
                TakeOutcome::Failed { path, verb, reason, seen } => {
                    self.links.settle(&seen, Link::Failed);
                    self.problems.failed(verb, &path, &reason);
                }
            }
        }
        let SnapshotTotals { entries, size, .. } = self.totals.clone();
        (self.progress)(MediaProgress { entries, size, of: None });
        Ok(())
    }

    fn kept(&mut self, entry: &Entry, read: bool, new: bool) -> Result<()> {
        self.index.write(entry)?;
        self.totals.entries += 1;
        add_to(&mut self.sum, entry);
        if entry.content().is_some()
            && let Some(at) = self.places.number_of(entry.path.as_bytes())
        {
            self.totals.paths[at].files += 1;
        }
        if let FileKind::File(content) = &entry.kind {
            self.totals.files += 1;
            self.totals.size += content.size;
            if read {
                self.totals.read_files += 1;
                self.totals.read_size += content.size;
            }
            if new {
                self.totals.new_files += 1;
                self.totals.new_size += content.size;
            }
            if content.linked {
                self.links.settle(&entry.seen, Link::Known(Box::new(entry.clone())));
            }
        }
        Ok(())
    }
}

fn add_to(sum: &mut blake3::Hasher, entry: &Entry) {
    sum.update(entry.path.as_bytes()).update(b"\0");
    match (&entry.kind, entry.content()) {
        (_, Some(content)) => sum.update(content.digest.as_bytes()),
        (FileKind::Symlink { target }, None) => sum.update(target),
        _ => sum,
    };
    sum.update(b"\0");
}

/// What became of the first name of a file that has more.
enum Link {
    /// It is under way.
    Waiting,
    Known(Box<Entry>),
    /// It could not be kept; the next name may.
    Failed,
}

/// Files with more than one name, by device and inode.
#[derive(Default)]
struct Links(HashMap<(u64, u64), Link>);

impl Links {
    fn is_waiting(&self, seen: &InodeState) -> bool {
        matches!(self.0.get(&key(seen)), Some(Link::Waiting))
    }

    /// The entry of its first name. One that was changed since is another file.
    fn find(&self, seen: &InodeState) -> Option<&Entry> {
        match self.0.get(&key(seen)) {
            Some(Link::Known(entry)) if entry.seen == *seen => Some(entry),
            _ => None,
        }
    }

    fn wait(&mut self, seen: InodeState) {
        self.0.insert(key(&seen), Link::Waiting);
    }

    /// Nothing happens where nobody waits for it.
    fn settle(&mut self, seen: &InodeState, link: Link) {
        if let Some(waiting) = self.0.get_mut(&key(seen)) {
            *waiting = link;
        }
    }
}

fn key(seen: &InodeState) -> (u64, u64) {
    (seen.device, seen.inode)
}
