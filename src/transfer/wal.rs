//! The WAL of one system: histories first, then each timeline by itself, the oldest segment first.
//!
//! A segment comes only behind one that is the same in both repositories, if the target has any before it. So two servers of
//! one name never become one line: the first other content stops its timeline.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::backups::BackupPlan;
use super::session::{AT_ONCE, CopySession};
use super::{CopiedAmount, CopiedLine, since};
use crate::basebackup::Description;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::{Lsn, SystemIdentifier, TimelineId, WalFileName, WalSegmentSize};
use crate::repository::{
    Carried, Carrying, DroppedWal, Repository, StoredBeyond, StoredWal, WalFolder,
};
use crate::threads::in_threads;

/// Files that are read at the same time take no more memory than this together, unless one does.
const BYTES_AT_ONCE: u64 = 64 << 20;

/// What the target lacks of the WAL of one system.
pub(super) struct WalPlan {
    pub(super) line: CopiedLine,
    folder: WalFolder,
    histories: Vec<PlannedFile>,
    timelines: BTreeMap<TimelineId, Vec<PlannedFile>>,
    beyond: Vec<StoredBeyond>,
    /// What a human gave up.
    dropped: Vec<DroppedWal>,
}

#[derive(Clone, Copy)]
struct PlannedFile {
    stored: StoredWal,
    /// Whether the target has something under this name.
    there: bool,
}

impl WalPlan {
    pub(super) fn of(
        session: &CopySession<'_>,
        cluster: &str,
        system: SystemIdentifier,
        backups: &BackupPlan<Description>,
    ) -> Result<Self> {
        let (folder, to) = (WalFolder::new(cluster, system), session.to());
        let needed = first_needed(session, backups, system);
        let wanted = |name: WalFileName| is_needed(name, needed);
        let there = to.stored_wal(&folder, &wanted)?;
        let there: HashSet<WalFileName> = there.into_iter().map(|it| it.name).collect();
        let what = format!("WAL of {cluster}, system {system}");
        let (lacked, stored) = Default::default();
        let mut plan = Self {
            line: CopiedLine { what, lacked, stored },
            folder,
            histories: Vec::new(),
            timelines: BTreeMap::new(),
            beyond: Vec::new(),
            dropped: Vec::new(),
        };
        for stored in session.from().stored_wal(&plan.folder, &wanted)? {
            let files = match stored.name {
                WalFileName::History(_) => &mut plan.histories,
                name => plan.timelines.entry(name.timeline()).or_default(),
            };
            let file = PlannedFile { stored, there: there.contains(&stored.name) };
            // In the clear and encrypted: rather as the target has it.
            match files.last_mut().filter(|last| last.stored.name == stored.name) {
                Some(last) if stored.encrypted == to.encrypts() => *last = file,
                Some(_) => {}
                None => files.push(file),
            }
        }
        plan.look_beyond(session, needed)?;
        plan.look_dropped(session)?;
        let all = plan.histories.iter().chain(plan.timelines.values().flatten());
        let lacking = all.filter(|it| !it.there).map(|it| it.stored.size);
        let mut lacked = CopiedAmount::default();
        lacking.chain(plan.beyond.iter().map(|it| it.size)).for_each(|size| lacked.add(size));
        for dropped in &plan.dropped {
            lacked.add(dropped.to_json()?.len() as u64);
        }
        plan.line.lacked = lacked;
        Ok(plan)
    }

    fn look_beyond(
        &mut self,
        session: &CopySession<'_>,
        needed: Option<FirstNeeded>,
    ) -> Result<()> {
        let stem = |it: &StoredBeyond| it.key.trim_end_matches(".age").to_owned();
        let there = session.to().stored_beyond(&self.folder)?;
        let there: BTreeSet<String> = there.iter().map(stem).collect();
        let mut all = session.from().stored_beyond(&self.folder)?;
        all.retain(|it| {
            !there.contains(&stem(it)) && is_needed(WalFileName::Segment(it.segment), needed)
        });
        self.beyond = all;
        Ok(())
    }

    fn look_dropped(&mut self, session: &CopySession<'_>) -> Result<()> {
        let all = |repository: &Repository| repository.dropped(&self.folder, &|_, _| true);
        let there: BTreeSet<String> = all(session.to())?.iter().map(DroppedWal::object).collect();
        let mut dropped = all(session.from())?;
        dropped.retain(|it| !there.contains(&it.object()));
        self.dropped = dropped;
        Ok(())
    }

    fn note_dropped(&mut self, session: &CopySession<'_>) -> Result<()> {
        for dropped in &self.dropped {
            session.to().store_dropped(&self.folder, dropped)?;
            self.line.stored.add(dropped.to_json()?.len() as u64);
        }
        Ok(())
    }

    pub(super) fn run(&mut self, session: &CopySession<'_>) {
        let folder = self.folder.clone();
        let source = session.source(&folder);
        let run = WalRun { session, carrying: session.carrying(&source) };
        if self.line.lacked.objects == 0 || session.is_stopped() {
            return;
        }
        if let Some(first) = self.histories.iter().chain(self.timelines.values().flatten()).next()
            && let Err(error) = run.carrying.check_target(first.stored.name)
        {
            return session.failed(error);
        }
        if let Err(error) = self.note_dropped(session) {
            return session.failed(error);
        }
        let mut stopped = BTreeSet::new();
        for file in &self.histories {
            if let Some(error) = run.one(file, &mut self.line.stored) {
                if error.class() == Class::Conflict {
                    stopped.insert(file.stored.name.timeline());
                }
                session.failed(error);
            }
        }
        for (timeline, files) in &self.timelines {
            if !stopped.contains(timeline)
                && let Err(error) = run.timeline(files, &mut self.line.stored)
            {
                let timeline = timeline.number();
                session
                    .failed(error.adding(format_args!(
                        "; no further WAL of timeline {timeline} was copied"
                    )));
            }
        }
        for stored in &self.beyond {
            if session.is_stopped() {
                return;
            }
            match run.carrying.carry_beyond(stored) {
                Ok(carried) => count(&mut self.line.stored, carried),
                Err(error) => session.failed(error),
            }
            session.advance(stored.size);
        }
    }
}

struct WalRun<'a> {
    session: &'a CopySession<'a>,
    carrying: Carrying<'a>,
}

impl WalRun<'_> {
    /// A small file by itself.
    fn one(&self, file: &PlannedFile, stored: &mut CopiedAmount) -> Option<Error> {
        if self.session.is_stopped() {
            return None;
        }
        let carried = self.carrying.carry(file.stored.name, None);
        if !file.there {
            self.session.advance(file.stored.size);
        }
        carried.map(|carried| count(stored, carried)).err()
    }

    /// An error ends this timeline.
    fn timeline(&self, files: &[PlannedFile], stored: &mut CopiedAmount) -> Result<()> {
        // What is the same in both, as far as it was compared.
        let mut compared = HashSet::new();
        let mut at = 0;
        while at < files.len() && !self.session.is_stopped() {
            if files[at].there {
                at += 1;
                continue;
            }
            let end = files[at..].iter().position(|it| it.there).map_or(files.len(), |it| at + it);
            self.compare_around(files, (at, end), &mut compared)?;
            self.stretch(&files[at..end], stored)?;
            at = end;
        }
        Ok(())
    }

    /// Whether the last segment before a stretch that is lacking, and the first one behind it, are the same in both.
    fn compare_around(
        &self,
        files: &[PlannedFile],
        (start, end): (usize, usize),
        compared: &mut HashSet<WalFileName>,
    ) -> Result<()> {
        let both = |it: &&PlannedFile| it.there && is_segment(it);
        let before = files[..start].iter().rev().find(both);
        let behind = files[end..].iter().find(both);
        for file in before.into_iter().chain(behind) {
            if compared.insert(file.stored.name) {
                self.carrying.carry(file.stored.name, None)?;
            }
        }
        Ok(())
    }

    /// Files that follow each other and are lacking: several are read at the same time, and stored in order.
    fn stretch(&self, mut files: &[PlannedFile], stored: &mut CopiedAmount) -> Result<()> {
        while !files.is_empty() && !self.session.is_stopped() {
            let (some, rest) = files.split_at(together(files));
            files = rest;
            let read = in_threads(AT_ONCE, some, |file| self.carrying.read_or_refer(&file.stored));
            for (file, read) in some.iter().zip(read) {
                let name = file.stored.name;
                let stores = read.and_then(|carriage| {
                    failpoint::reach("copy.wal-read");
                    self.carrying.store(carriage)
                });
                self.session.advance(file.stored.size);
                match stores.map_err(|error| self.carrying.not_carried(name, error)) {
                    Ok(carried) => {
                        failpoint::reach("copy.wal-stored");
                        count(stored, carried);
                    }
                    Err(error) if ends_timeline(file, &error) => return Err(error),
                    Err(error) => self.session.failed(error),
                }
            }
        }
        Ok(())
    }
}

/// Other content under a segment's name is another line. What is damaged leaves a gap, of which `wal-fetch` tells.
fn ends_timeline(file: &PlannedFile, error: &Error) -> bool {
    match error.class() {
        Class::Damaged => false,
        Class::Conflict => is_segment(file),
        _ => true,
    }
}

fn is_segment(file: &PlannedFile) -> bool {
    matches!(file.stored.name, WalFileName::Segment(_))
}

/// How many of the first files fit into memory together; at least one.
fn together(files: &[PlannedFile]) -> usize {
    let mut bytes = 0;
    let fits = files.iter().take(16 * AT_ONCE.get()).take_while(|it| {
        bytes += it.stored.size;
        bytes <= BYTES_AT_ONCE
    });
    fits.count().max(1)
}

fn count(stored: &mut CopiedAmount, carried: Carried) {
    if let Carried::New { bytes } = carried {
        stored.add(bytes);
    }
}

/// The first WAL that is needed, and how long segments are.
type FirstNeeded = (Lsn, WalSegmentSize);

fn first_needed(
    session: &CopySession<'_>,
    backups: &BackupPlan<Description>,
    system: SystemIdentifier,
) -> Option<FirstNeeded> {
    let since = session.transfer.wanted.since?;
    let of_system = backups.catalogue.backups.iter().filter(|it| it.system == system);
    let needed = since::needed(of_system, Some(since)).into_iter();
    needed.map(|it| (it.facts.start.lsn, it.facts.segment_size)).min_by_key(|(lsn, _)| *lsn)
}

/// A history always is.
fn is_needed(name: WalFileName, needed: Option<FirstNeeded>) -> bool {
    let (Some(segment), Some((first, size))) = (name.segment(), needed) else { return true };
    segment.start(size).map_or(true, |start| start.0 + size.bytes() > first.0)
}
