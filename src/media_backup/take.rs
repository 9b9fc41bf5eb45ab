//! Taking a snapshot: everything that is found goes to whoever keeps it, several files at the same time, and its entry
//! into the index, in order.
//!
//! `keeping` is what a thread does with a file, `links` joins the names of one file, and `copying` takes what another
//! repository has got already.

mod copying;
mod keeping;
mod links;

use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::path::Path;

use self::keeping::{Job, Outcome, Worker};
use self::links::{Link, Links};
use super::description::PathSums;
use super::entry::{Entry, Kind, Seen};
use super::index::IndexWriter;
use super::ordered::{Lane, ordered};
use super::path::EntryPath;
use super::places::Places;
use super::previous::Previous;
use super::problems::Problems;
use super::scan::{Found, FoundKind, Scan};
use super::source::SourceFile;
use crate::codec::Digest;
use crate::config::MediaSet;
use crate::error::Result;

/// A job is so many entries, or fewer of this length together.
const ENTRIES_A_JOB: usize = 64;
const BYTES_A_JOB: u64 = 4 << 20;

/// Keeps the content of a snapshot somewhere. Errors of these end the snapshot.
pub trait Keep: Sync {
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
        found: &Found,
        source: &mut SourceFile,
    ) -> Result<(Digest, bool)>;
    /// What was kept last under this path does not count: the file changed while it was read.
    fn forget(&self, tool: &mut Self::Tool<'_>, found: &Found) -> Result<()>;
}

pub use copying::Kept;

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Of all kinds.
    pub entries: u64,
    /// Length of the files so far, in bytes.
    pub size: u64,
    /// What it comes to, as far as that is known or was so the last time: entries and bytes.
    pub of: Option<(u64, u64)>,
}

/// What a snapshot took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    pub entries: u64,
    pub files: u64,
    /// Length of the files in bytes, each content once.
    pub size: u64,
    /// Files that were read, and their length in bytes.
    pub read_files: u64,
    pub read_size: u64,
    /// Files that were kept anew; the others are shared with the previous snapshot, or in packs with each other.
    pub new_files: u64,
    pub new_size: u64,
    /// What lies below each path of the set.
    pub paths: Vec<PathSums>,
    /// BLAKE3 of all names with their contents: two snapshots with the same one hold the same.
    pub sum: String,
}

/// A snapshot, about to be taken.
pub struct Taking<'a, K> {
    pub set: &'a MediaSet,
    pub places: &'a Places,
    pub keep: &'a K,
    /// Read all files, whatever their times say.
    pub checksum: bool,
    /// Folders that are not entered, such as a repository below a path of the set.
    pub leave_out: &'a [&'a Path],
    /// Where the same snapshot is kept already: this is a copy of that, and nothing is looked for once more.
    pub copy_of: Option<&'a Kept>,
    pub threads: NonZeroUsize,
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

impl<K: Keep> Taking<'_, K> {
    /// Memory: some 10,000 entries under way, a buffer for each thread, and an entry for each file with more
    /// than one name.
    pub fn run<R: Read, W: Write>(
        &self,
        previous: Option<Previous<R>>,
        index: &mut IndexWriter<W>,
    ) -> Result<(Totals, Problems)> {
        let began = previous.as_ref().map_or(i64::MIN, Previous::began);
        let worker = || Worker::new(self, began);
        let work = |worker: &mut Worker<'_, K>, jobs: Vec<Job>| worker.work_all(jobs);
        ordered(self.threads, worker, work, |lane| {
            let results = Results {
                index,
                links: Links::default(),
                totals: Totals {
                    paths: vec![PathSums::default(); self.places.all().len()],
                    ..Totals::default()
                },
                places: self.places,
                sum: blake3::Hasher::new(),
                problems: Problems::default(),
                progress: self.progress,
            };
            let tool = self.keep.tool();
            let mut driver =
                Driver { taking: self, tool, lane, previous, results, jobs: Vec::new(), size: 0 };
            let problems = match self.copy_of {
                Some(kept) => driver.add_all_of(kept)?,
                None => driver.add_all_found()?,
            };
            driver.finish(problems)
        })
    }
}

/// What comes back from the threads goes here, in order.
struct Results<'a, W: Write> {
    index: &'a mut IndexWriter<W>,
    links: Links,
    totals: Totals,
    places: &'a Places,
    sum: blake3::Hasher,
    problems: Problems,
    progress: &'a (dyn Fn(Progress) + Sync),
}

impl<W: Write> Results<'_, W> {
    fn take(&mut self, outcomes: Vec<Outcome>) -> Result<()> {
        for outcome in outcomes {
            match outcome {
                Outcome::Kept { entry, read, new } => self.kept(&entry, read, new)?,
                Outcome::Grew { entry, read, new, path } => {
                    self.kept(&entry, read, new)?;
                    self.problems.grew(&path);
                }
                Outcome::Failed { path, verb, reason, seen } => {
                    self.links.settle(&seen, Link::Failed);
                    self.problems.failed(verb, &path, &reason);
                }
            }
        }
        let Totals { entries, size, .. } = self.totals.clone();
        (self.progress)(Progress { entries, size, of: None });
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
        if let Kind::File(content) = &entry.kind {
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
        (Kind::Symlink { target }, None) => sum.update(target),
        _ => sum,
    };
    sum.update(b"\0");
}

struct Driver<'a, 'l, K: Keep + 'a, R: Read, W: Write> {
    taking: &'a Taking<'a, K>,
    tool: K::Tool<'a>,
    lane: &'l mut Lane<Vec<Job>, Vec<Outcome>>,
    previous: Option<Previous<R>>,
    results: Results<'l, W>,
    jobs: Vec<Job>,
    size: u64,
}

impl<K: Keep, R: Read, W: Write> Driver<'_, '_, K, R, W> {
    fn add_all_found(&mut self) -> Result<Problems> {
        let Taking { set, places, leave_out, .. } = self.taking;
        let mut scan = Scan::begin(set, places, leave_out)?;
        let mut problems = Problems::default();
        while let Some(found) = scan.next_found(&mut problems)? {
            self.add(found)?;
        }
        Ok(problems)
    }

    fn add(&mut self, found: Found) -> Result<()> {
        match &found.kind {
            FoundKind::Directory { implied } => {
                let entry = found.entry(Kind::Directory { implied: *implied });
                // At once: other threads are about to put things into it.
                self.taking.keep.directory(&mut self.tool, &entry)?;
                self.push(Job::Done(Box::new(entry)), 0)
            }
            FoundKind::Symlink { target } => {
                let entry = found.entry(Kind::Symlink { target: target.clone() });
                self.push(Job::Link(Box::new(entry)), 0)
            }
            FoundKind::File { names: 2.., .. } => self.add_linked(found),
            FoundKind::File { .. } => self.add_file(found),
        }
    }

    fn add_file(&mut self, found: Found) -> Result<()> {
        let size = if let FoundKind::File { size, .. } = found.kind { size } else { 0 };
        let previous = self.find_previous(&found.path);
        self.push(Job::File { found: Box::new(found), previous: previous.map(Box::new) }, size)
    }

    /// A damaged index of the previous snapshot must not keep anybody from taking the next.
    fn find_previous(&mut self, path: &EntryPath) -> Option<Entry> {
        match self.previous.as_mut()?.find(path) {
            Ok(previous) => previous,
            Err(error) => {
                tracing::warn!("could not read the index of the previous snapshot: {error}");
                self.previous = None;
                None
            }
        }
    }

    /// The first name of a file is a file, the others are links to it.
    fn add_linked(&mut self, found: Found) -> Result<()> {
        self.wait_for(&found.seen)?;
        match self.results.links.find(&found.seen) {
            Some(first) => {
                let (to, content) = (first.path.clone(), first.content().cloned());
                let mut entry = Entry { path: found.path.clone(), ..first.clone() };
                let Some(content) = content else { return self.add_file(found) };
                entry.kind = Kind::HardLink { to, content };
                self.push(Job::Link(Box::new(entry)), 0)
            }
            None => {
                self.results.links.wait(found.seen);
                self.add_file(found)
            }
        }
    }

    /// Until the first name of this file is through.
    fn wait_for(&mut self, seen: &Seen) -> Result<()> {
        if !self.results.links.is_waiting(seen) {
            return Ok(());
        }
        self.flush()?;
        let results = &mut self.results;
        self.lane.drain(&mut |outcomes| results.take(outcomes))
    }

    fn push(&mut self, job: Job, size: u64) -> Result<()> {
        self.jobs.push(job);
        self.size += size;
        if self.jobs.len() >= ENTRIES_A_JOB || self.size >= BYTES_A_JOB {
            return self.flush();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.size = 0;
        let (jobs, results) = (std::mem::take(&mut self.jobs), &mut self.results);
        self.lane.push(jobs, &mut |outcomes| results.take(outcomes))
    }

    fn finish(mut self, problems: Problems) -> Result<(Totals, Problems)> {
        self.flush()?;
        let results = &mut self.results;
        self.lane.drain(&mut |outcomes| results.take(outcomes))?;
        let mut all = std::mem::take(&mut self.results.problems);
        all.add(problems);
        self.results.totals.sum = Digest::of_hasher(&self.results.sum).to_string();
        Ok((std::mem::take(&mut self.results.totals), all))
    }
}
