use std::collections::BTreeSet;

use jiff::Timestamp;

use super::words::age;
use crate::backup::in_parallel;
use crate::base_backup::catalogue::Survey;
use crate::config::Config;
use crate::postgres::{Lsn, SystemIdentifier, WalFileName, WalSegment, WalSegmentSize};
use crate::repository::{Inventory, Repository, WalFolder};

/// No look-ahead has so many holes behind it at once.
const HOLES_MAX: usize = 16;

/// The first missing segments of holes that have closed meanwhile, each with its repository: the look-ahead of
/// a live server stores segments out of order for a moment. As `wal-fetch` does, this waits `wal.gap_wait` and
/// looks again, but only where such a hole can be: behind the newest base backup, before WAL that was just
/// stored.
pub fn arriving(
    config: &Config,
    repositories: &[Repository],
    survey: &Survey,
    system: SystemIdentifier,
    now: Timestamp,
) -> BTreeSet<(usize, WalSegment)> {
    let Some(wal) = survey.system(system) else { return BTreeSet::new() };
    let backups = survey.catalogue.backups.iter().filter(|backup| backup.system == system);
    let from = backups.map(|backup| backup.facts.start.lsn).max().unwrap_or(Lsn(0));
    let recent = config.limits.total.as_secs_f64();
    let stored = wal.inventories.iter().enumerate();
    let stored = stored.filter_map(|(number, it)| Some((number, it.as_ref()?)));
    let holes: Vec<_> = stored
        .flat_map(|(number, inventory)| {
            let holes = holes(inventory, wal.segment_size, now, recent);
            let behind = holes.into_iter().filter(|(first, _)| {
                first.start(wal.segment_size).is_ok_and(|start| start >= from)
            });
            behind.map(|(first, last)| (number, first, last)).collect::<Vec<_>>()
        })
        .take(HOLES_MAX)
        .collect();
    if holes.is_empty() {
        return BTreeSet::new();
    }
    std::thread::sleep(config.wal.gap_wait);
    let folder = WalFolder::new(&config.cluster, system);
    let closed = in_parallel(&holes, |(number, first, last)| {
        let there = |segment: &WalSegment| is_there(&repositories[*number], &folder, *segment);
        (there(first) && there(last)).then_some((*number, *first))
    });
    closed.into_iter().flatten().collect()
}

/// The first and the last segment of each hole before WAL that was stored within so many seconds.
fn holes(
    inventory: &Inventory,
    size: WalSegmentSize,
    now: Timestamp,
    recent: f64,
) -> Vec<(WalSegment, WalSegment)> {
    let hole = |pair: &[crate::repository::WalRange]| {
        let [before, behind] = pair else { return None };
        let stored = inventory.ended.get(&behind.last)?;
        let same = before.last.timeline == behind.first.timeline;
        let first = before.last.next(size).filter(|_| same && age(*stored, now) <= recent)?;
        let end = behind.first.start(size).ok()?.0.checked_sub(1)?;
        Some((first, WalSegment::at(Lsn(end), behind.first.timeline, size)?))
    };
    inventory.ranges.windows(2).filter_map(hole).collect()
}

fn is_there(repository: &Repository, folder: &WalFolder, segment: WalSegment) -> bool {
    let name = WalFileName::Segment(segment);
    let head = |encrypted| repository.storage().head(&folder.key(name, encrypted));
    [false, true].into_iter().any(|encrypted| matches!(head(encrypted), Ok(Some(_))))
}
