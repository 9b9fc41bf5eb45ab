//! Reads the WAL that recoveries from the base backups read, in every repository, and reports files that are wrong. What is
//! not there at all is told by `gaps`.
//!
//! Second contents of segments are read too: what a server had behind the place where its timeline was left. No recovery
//! reads them, and somebody may look for transactions in them some day.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::effects::Effects;
use super::session::{Judged, Meter, Session};
use crate::backup::{Fault, VerifyReport};
use crate::basebackup::catalogue::SystemWal;
use crate::postgres::{Lsn, TimelineId, WalFileName, WalSegment, WalSegmentSize};
use crate::repository::{Repository, Source, StoredBeyond, StoredWal, WalFolder};

/// The WAL of one system in one repository that is to be read.
pub(super) struct WalToRead {
    pub(super) repository: usize,
    folder: WalFolder,
    pub(super) files: Vec<StoredWal>,
}

/// The same when it was read.
pub(super) struct WalRead {
    pub(super) repository: usize,
    folder: WalFolder,
    /// Files that are as they should be.
    pub(super) good: HashSet<WalFileName>,
    faults: Vec<(StoredWal, String)>,
}

impl WalRead {
    /// The same without faults of files that are not there any more: gaps tell where they are missed.
    pub(super) fn without_deleted(&self, now: &SystemWal) -> Self {
        let inventory = now.inventories.get(self.repository).and_then(Option::as_ref);
        let is_there = |name: WalFileName| match name {
            WalFileName::Segment(segment) => inventory.is_none_or(|it| {
                it.ranges.iter().any(|range| range.first <= segment && segment <= range.last)
            }),
            _ => true,
        };
        let faults = self.faults.iter().filter(|(stored, _)| is_there(stored.name));
        Self {
            repository: self.repository,
            folder: self.folder.clone(),
            good: self.good.clone(),
            faults: faults.cloned().collect(),
        }
    }
}

/// WAL by timeline, in ranges that begin with a segment.
type WantedWal = BTreeMap<TimelineId, Vec<Range<Lsn>>>;

/// What recoveries from the backups read, and all histories.
pub(super) fn shelves(session: &Session<'_>, system: &SystemWal) -> Vec<WalToRead> {
    let verify = session.verify;
    let wanted = wanted(&Effects::new(verify, system));
    let is_wanted = |name: WalFileName| match name {
        WalFileName::Segment(segment) => is_within(&wanted, segment, system.segment_size),
        WalFileName::History(_) => true,
        WalFileName::Partial(_) | WalFileName::Backup { .. } => false,
    };
    let mut shelves = Vec::new();
    for (number, repository) in verify.repositories.iter().enumerate() {
        if !session.is_up(number) {
            continue;
        }
        let folder = WalFolder::new(&verify.config.cluster, system.system);
        match repository.stored_wal(&folder, &is_wanted) {
            Ok(files) => shelves.push(WalToRead { repository: number, folder, files }),
            Err(error) => drop(session.judge::<()>(number, error)),
        }
    }
    shelves
}

fn wanted(effects: &Effects<'_>) -> WantedWal {
    let mut wanted = WantedWal::new();
    for backup in &effects.backups {
        let recoveries = effects.system.timelines.recoveries(&backup.span());
        for piece in recoveries.into_iter().flat_map(|recovery| recovery.pieces) {
            let ranges = wanted.entry(piece.timeline).or_default();
            // Most begin within one that another backup leads to.
            let joins =
                |one: &&mut Range<Lsn>| one.start <= piece.wal.end && piece.wal.start <= one.end;
            match ranges.iter_mut().find(joins) {
                Some(one) => *one = one.start.min(piece.wal.start)..one.end.max(piece.wal.end),
                None => ranges.push(piece.wal),
            }
        }
    }
    wanted
}

fn is_within(wanted: &WantedWal, segment: WalSegment, size: WalSegmentSize) -> bool {
    let Ok(start) = segment.start(size) else { return false };
    let end = Lsn(start.0.saturating_add(size.bytes()));
    let ranges = wanted.get(&segment.timeline).map(Vec::as_slice).unwrap_or_default();
    ranges.iter().any(|range| range.start < end && start < range.end)
}

pub(super) fn prove(
    session: &Session<'_>,
    shelves: Vec<WalToRead>,
    report: &mut VerifyReport,
) -> Vec<WalRead> {
    shelves.into_iter().map(|shelf| prove_one(session, shelf, report)).collect()
}

fn prove_one(session: &Session<'_>, shelf: WalToRead, report: &mut VerifyReport) -> WalRead {
    let WalToRead { repository, folder, files } = shelf;
    let outcomes = session.in_threads(&files, |stored| {
        let _meter = (!session.verify.quick).then(|| Meter::new(session, 1, stored.size));
        prove_file(session, repository, &folder, stored)
    });
    let (mut good, mut faults, mut locked) = (HashSet::new(), Vec::new(), 0);
    for (stored, outcome) in files.into_iter().zip(outcomes) {
        match outcome {
            Judged::Good(opened) => {
                good.insert(stored.name);
                locked += u64::from(!opened);
                report.read.wal_files += 1;
                report.read.wal_bytes += if opened { stored.size } else { 0 };
            }
            Judged::Fault(found) => faults.push((stored, found)),
            Judged::Unknown => {}
        }
    }
    if locked > 0 {
        let name = session.verify.repositories[repository].name();
        report.remarks.push(format!(
            "of {locked} WAL files in repository {name} that are encrypted only the labels were checked, not \
             what is inside: there is no identity file"
        ));
    }
    WalRead { repository, folder, good, faults }
}

fn prove_file(
    session: &Session<'_>,
    repository: usize,
    folder: &WalFolder,
    stored: &StoredWal,
) -> Judged<bool> {
    let verify = session.verify;
    if !session.is_up(repository) {
        return Judged::Unknown;
    }
    if verify.quick && matches!(stored.name, WalFileName::Segment(_)) {
        return by_length(stored.size);
    }
    let source = Source { folder, identities: verify.identities, limits: verify.config.limits };
    let proved = verify.repositories[repository].prove_wal(&source, stored);
    proved.map_or_else(|error| session.judge(repository, error), Judged::Good)
}

/// All that is to be said of a segment that is not read.
fn by_length(size: u64) -> Judged<bool> {
    match size {
        0 => Judged::Fault("expected a WAL segment, found an empty object".to_owned()),
        _ => Judged::Good(true),
    }
}

/// What is wrong with files that are there.
pub(super) fn report(
    session: &Session<'_>,
    effects: &Effects<'_>,
    all: &[WalRead],
    report: &mut VerifyReport,
) {
    let size = effects.system.segment_size;
    for proved in all {
        let repository = session.verify.repositories[proved.repository].name();
        for (stored, found) in &proved.faults {
            let spoils = match stored.name {
                WalFileName::Segment(segment) => segment.start(size).map(|from| {
                    let to = Lsn(from.0.saturating_add(size.bytes()));
                    effects.of_wal(segment.timeline, from, to, Some(repository))
                }),
                other => Ok(effects.of_history(other.timeline())),
            };
            report.faults.push(Fault {
                repository: Some(repository.to_owned()),
                object: proved.folder.key(stored.name, stored.encrypted),
                found: found.clone(),
                spoils: spoils.unwrap_or_default(),
                elsewhere: holders(session, all, proved.repository, |it| it.contains(&stored.name)),
                past: false,
            });
        }
    }
}

/// The other repositories where this is so.
pub(super) fn holders(
    session: &Session<'_>,
    all: &[WalRead],
    but: usize,
    has: impl Fn(&HashSet<WalFileName>) -> bool,
) -> Vec<String> {
    let others = all.iter().filter(|other| other.repository != but && has(&other.good));
    others.map(|other| session.verify.repositories[other.repository].name().to_owned()).collect()
}

/// The second contents of one system in one repository that are to be read.
pub(super) struct BeyondToRead {
    repository: usize,
    pub(super) contents: Vec<StoredBeyond>,
}

pub(super) fn shelves_beyond(session: &Session<'_>, system: &SystemWal) -> Vec<BeyondToRead> {
    let verify = session.verify;
    let folder = WalFolder::new(&verify.config.cluster, system.system);
    let mut shelves = Vec::new();
    for (repository, it) in verify.repositories.iter().enumerate() {
        let inventory = system.inventories.get(repository).and_then(Option::as_ref);
        if !session.is_up(repository) || inventory.is_none_or(|it| it.beyond.is_empty()) {
            continue;
        }
        match it.stored_beyond(&folder) {
            Ok(contents) => shelves.push(BeyondToRead { repository, contents }),
            Err(error) => drop(session.judge::<()>(repository, error)),
        }
    }
    shelves
}

pub(super) fn prove_beyond(
    session: &Session<'_>,
    system: &SystemWal,
    shelves: Vec<BeyondToRead>,
    report: &mut VerifyReport,
) {
    let verify = session.verify;
    let folder = WalFolder::new(&verify.config.cluster, system.system);
    for BeyondToRead { repository, contents } in shelves {
        let outcomes = session.in_threads(&contents, |stored| {
            let _meter = (!verify.quick).then(|| Meter::new(session, 1, stored.size));
            prove_one_beyond(session, repository, &folder, stored)
        });
        for (stored, outcome) in contents.iter().zip(outcomes) {
            match outcome {
                Judged::Good(_) => {
                    report.read.wal_files += 1;
                    report.read.wal_bytes += stored.size;
                }
                Judged::Fault(found) if is_there(&verify.repositories[repository], stored) => {
                    report.faults.push(fault(
                        verify.repositories[repository].name(),
                        stored,
                        found,
                    ));
                }
                Judged::Fault(_) | Judged::Unknown => {}
            }
        }
    }
}

fn prove_one_beyond(
    session: &Session<'_>,
    repository: usize,
    folder: &WalFolder,
    stored: &StoredBeyond,
) -> Judged<bool> {
    let verify = session.verify;
    if !session.is_up(repository) {
        return Judged::Unknown;
    }
    if verify.quick {
        return by_length(stored.size);
    }
    let source = Source { folder, identities: verify.identities, limits: verify.config.limits };
    let proved = verify.repositories[repository].prove_beyond(&source, stored);
    proved.map_or_else(|error| session.judge(repository, error), Judged::Good)
}

/// It goes with its segment when that is pruned.
fn is_there(repository: &Repository, stored: &StoredBeyond) -> bool {
    !matches!(repository.storage().head(&stored.key), Ok(None))
}

fn fault(repository: &str, stored: &StoredBeyond, found: String) -> Fault {
    let (segment, timeline) = (stored.segment, stored.segment.timeline.number());
    Fault {
        repository: Some(repository.to_owned()),
        object: stored.key.clone(),
        found,
        spoils: format!(
            "no look at what a server had of {segment} behind the place where timeline {timeline} was left"
        ),
        elsewhere: Vec::new(),
        past: false,
    }
}
