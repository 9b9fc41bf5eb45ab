//! Hands out the work of a snapshot to the threads, in the order of the paths: what is found in the set, or what a tree
//! in another repository has got already. Folders are made here, before other threads put something into them.

use std::io::{Read, Write};

use super::super::description::SnapshotTotals;
use super::super::entry::{Entry, FileKind, InodeState};
use super::super::index::{IndexReader, Previous};
use super::super::path::EntryPath;
use super::super::problems::Problems;
use super::super::scan::{FoundEntry, FoundKind, Scan};
use super::keeping::{TakeJob, TakeOutcome};
use super::{Keep, KeptTree, Results, Taking};
use crate::codec::Digest;
use crate::error::Result;
use crate::threads::OrderedLane;

/// A job is so many entries, or fewer of this length together.
const ENTRIES_A_JOB: usize = 64;
const BYTES_A_JOB: u64 = 4 << 20;

pub(crate) struct Driver<'a, 'l, K: Keep + 'a, R: Read, W: Write> {
    taking: &'a Taking<'a, K>,
    tool: K::Tool<'a>,
    lane: &'l mut OrderedLane<Vec<TakeJob>, Vec<TakeOutcome>>,
    previous: Option<Previous<R>>,
    results: Results<'l, W>,
    jobs: Vec<TakeJob>,
    size: u64,
}

impl<'a, 'l, K: Keep, R: Read, W: Write> Driver<'a, 'l, K, R, W> {
    pub(crate) fn new(
        taking: &'a Taking<'a, K>,
        lane: &'l mut OrderedLane<Vec<TakeJob>, Vec<TakeOutcome>>,
        previous: Option<Previous<R>>,
        results: Results<'l, W>,
    ) -> Self {
        let tool = taking.keep.tool();
        Self { taking, tool, lane, previous, results, jobs: Vec::new(), size: 0 }
    }

    pub(crate) fn run(mut self) -> Result<(SnapshotTotals, Problems)> {
        let problems = match self.taking.copy_of {
            Some(kept) => self.add_all_of(kept)?,
            None => self.add_all_found()?,
        };
        self.finish(problems)
    }

    fn add_all_found(&mut self) -> Result<Problems> {
        let Taking { set, places, leave_out, .. } = self.taking;
        let mut scan = Scan::begin(set, places, leave_out)?;
        let mut problems = Problems::default();
        while let Some(found) = scan.next_found(&mut problems)? {
            self.add(found)?;
        }
        Ok(problems)
    }

    fn add(&mut self, found: FoundEntry) -> Result<()> {
        match &found.kind {
            FoundKind::Directory { implied } => {
                let entry = found.entry(FileKind::Directory { implied: *implied });
                // At once: other threads are about to put things into it.
                self.taking.keep.directory(&mut self.tool, &entry)?;
                self.push(TakeJob::Done(Box::new(entry)), 0)
            }
            FoundKind::Symlink { target } => {
                let entry = found.entry(FileKind::Symlink { target: target.clone() });
                self.push(TakeJob::Link(Box::new(entry)), 0)
            }
            FoundKind::File { names: 2.., .. } => self.add_linked(found),
            FoundKind::File { .. } => self.add_file(found),
        }
    }

    fn add_file(&mut self, found: FoundEntry) -> Result<()> {
        let size = if let FoundKind::File { size, .. } = found.kind { size } else { 0 };
        let previous = self.find_previous(&found.path);
        self.push(TakeJob::File { found: Box::new(found), previous: previous.map(Box::new) }, size)
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
    fn add_linked(&mut self, found: FoundEntry) -> Result<()> {
        self.wait_for(&found.seen)?;
        match self.results.links.find(&found.seen) {
            Some(first) => {
                let (to, content) = (first.path.clone(), first.content().cloned());
                let mut entry = Entry { path: found.path.clone(), ..first.clone() };
                let Some(content) = content else { return self.add_file(found) };
                entry.kind = FileKind::HardLink { to, content };
                self.push(TakeJob::Link(Box::new(entry)), 0)
            }
            None => {
                self.results.links.wait(found.seen);
                self.add_file(found)
            }
        }
    }

    /// Until the first name of this file is through.
    fn wait_for(&mut self, seen: &InodeState) -> Result<()> {
        if !self.results.links.is_waiting(seen) {
            return Ok(());
        }
        self.flush()?;
        let results = &mut self.results;
        self.lane.drain(&mut |outcomes| results.take(outcomes))
    }

    fn push(&mut self, job: TakeJob, size: u64) -> Result<()> {
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

    fn finish(mut self, problems: Problems) -> Result<(SnapshotTotals, Problems)> {
        self.flush()?;
        let results = &mut self.results;
        self.lane.drain(&mut |outcomes| results.take(outcomes))?;
        let mut all = std::mem::take(&mut self.results.problems);
        all.add(problems);
        self.results.totals.sum = Digest::of_hasher(&self.results.sum).to_string();
        Ok((std::mem::take(&mut self.results.totals), all))
    }
}

impl<K: Keep, R: Read, W: Write> Driver<'_, '_, K, R, W> {
    fn add_all_of(&mut self, kept: &KeptTree) -> Result<Problems> {
        let mut entries = IndexReader::open(kept.index.reader())?;
        while let Some(entry) = entries.next_entry()? {
            self.add_kept(Box::new(entry))?;
        }
        Ok(kept.problems.clone())
    }

    fn add_kept(&mut self, entry: Box<Entry>) -> Result<()> {
        match &entry.kind {
            FileKind::Directory { .. } => {
                // At once: other threads are about to put things into it.
                self.taking.keep.directory(&mut self.tool, &entry)?;
                self.push(TakeJob::Done(entry), 0)
            }
            FileKind::Symlink { .. } => self.push(TakeJob::Link(entry), 0),
            FileKind::HardLink { .. } => {
                self.wait_for(&entry.seen)?;
                self.push(TakeJob::Link(entry), 0)
            }
            FileKind::File(content) => {
                let size = content.size;
                if content.linked {
                    self.results.links.wait(entry.seen);
                }
                let previous = self.find_previous(&entry.path).map(Box::new);
                self.push(TakeJob::Copy { entry, previous }, size)
            }
        }
    }
}
