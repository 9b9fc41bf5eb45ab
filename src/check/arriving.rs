//! Which holes in the WAL close by themselves, and so are no fault: where several servers archive, one may store a
//! segment before another one stores the segment in front of it.
//!
//! What the server has not archived yet comes, or else its archiver fails, which is said elsewhere.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::server::Asked;
use super::words::age;
use crate::backup::in_parallel;
use crate::basebackup::catalogue::Survey;
use crate::config::Config;
use crate::postgres::{Lsn, SystemIdentifier, WalFileName, WalSegment, WalSegmentSize};
use crate::repository::{Inventory, Repository, WalFolder, WalRange};

/// Servers that store the same WAL at the same time make no more holes at once.
const HOLES_MAX: usize = 16;

/// Missing WAL, with WAL behind it.
struct Hole {
    repository: usize,
    first: WalSegment,
    last: WalSegment,
    /// When the segment right behind it was stored, where the store says.
    stored: Option<Timestamp>,
}

/// The last segment that the server has archived, in order, as it said before the repositories were looked at.
pub fn archived(server: &Asked) -> Option<WalSegment> {
    let Asked::Answered(server) = server else { return None };
    // One that archives nothing says what it did in an earlier life.
    if server.in_recovery && server.archive_mode != "always" {
        return None;
    }
    match server.archiver.as_ref()?.last_archived.as_ref()?.0 {
        WalFileName::Segment(segment) => Some(segment),
        _ => None,
    }
}

/// The first missing segments of these holes, each with its repository. Where nobody knows what the server has
/// `archived`, this waits `wal.gap_wait` as `wal-fetch` does, and looks again; but only where WAL was just stored
/// behind the hole.
pub fn arriving(
    config: &Config,
    repositories: &[Repository],
    survey: &Survey,
    (system, archived): (SystemIdentifier, Option<WalSegment>),
    now: Timestamp,
) -> BTreeSet<(usize, WalSegment)> {
    let Some(wal) = survey.system(system) else { return BTreeSet::new() };
    let stored = wal.inventories.iter().enumerate();
    let stored = stored.filter_map(|(number, it)| Some((number, it.as_ref()?)));
    let holes = stored.flat_map(|(number, it)| holes(number, it, wal.segment_size));
    let comes = |hole: &Hole| {
        archived.is_some_and(|it| it.timeline == hole.first.timeline && it < hole.first)
    };
    let (coming, holes): (Vec<Hole>, Vec<Hole>) = holes.partition(comes);
    let recent = config.limits.total.as_secs_f64();
    let fresh = |hole: &Hole| hole.stored.is_some_and(|stored| age(stored, now) <= recent);
    let holes: Vec<Hole> = holes.into_iter().filter(fresh).take(HOLES_MAX).collect();
    let coming = coming.into_iter().map(|hole| (hole.repository, hole.first));
    let mut arriving: BTreeSet<_> = coming.collect();
    if holes.is_empty() {
        return arriving;
    }
    std::thread::sleep(config.wal.gap_wait);
    let folder = WalFolder::new(&config.cluster, system);
    let closed = in_parallel(&holes, |hole| {
        let there = |segment| is_there(&repositories[hole.repository], &folder, segment);
        (there(hole.first) && there(hole.last)).then_some((hole.repository, hole.first))
    });
    arriving.extend(closed.into_iter().flatten());
    arriving
}

fn holes(repository: usize, inventory: &Inventory, size: WalSegmentSize) -> Vec<Hole> {
    let hole = |pair: &[WalRange]| {
        let [before, behind] = pair else { return None };
        let same = before.last.timeline == behind.first.timeline;
        let first = before.last.next(size).filter(|_| same)?;
        let end = behind.first.start(size).ok()?.0.checked_sub(1)?;
        let last = WalSegment::at(Lsn(end), behind.first.timeline, size)?;
        let stored = inventory.began.get(&behind.first).copied();
        Some(Hole { repository, first, last, stored })
    };
    inventory.ranges.windows(2).filter_map(hole).collect()
}

fn is_there(repository: &Repository, folder: &WalFolder, segment: WalSegment) -> bool {
    let name = WalFileName::Segment(segment);
    let head = |encrypted| repository.storage().head(&folder.key(name, encrypted));
    [false, true].into_iter().any(|encrypted| matches!(head(encrypted), Ok(Some(_))))
}
