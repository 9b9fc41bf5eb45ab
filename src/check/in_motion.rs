//! What only looks like a fault, because somebody is at work while it is looked at: WAL that arrives, a history that a
//! promotion is about to store, backups that a `prune` deletes.
//!
//! Holes in the WAL close by themselves where several servers archive: one may store a segment before another one stores
//! the segment in front of it. What the server has not archived yet comes, or else its archiver fails, which is said
//! elsewhere. What looks deleted is looked at a second time: a description that is gone, or remains that dwindle, was
//! deleted.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use jiff::Timestamp;

use super::finding::age;
use super::server::Asked;
use crate::backup::{BackupFolder, DESCRIPTION, begun};
use crate::basebackup::catalogue::{Backup, Survey, Unfinished};
use crate::basebackup::windows::Needed;
use crate::config::Config;
use crate::postgres::{Lsn, SystemIdentifier, WalFileName, WalSegment, WalSegmentSize};
use crate::repository::{Inventory, Repository, WalFolder, WalRange};
use crate::threads::in_parallel;

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
pub(super) fn archived(server: &Asked) -> Option<WalSegment> {
    let Asked::Answered(server) = server else { return None };
    // One that archives nothing says what it did in an earlier life.
    if server.facts.leaves_archiving_to_its_primary() {
        return None;
    }
    match server.archiver.as_ref()?.archived.as_ref()?.file.parse() {
        Ok(WalFileName::Segment(segment)) => Some(segment),
        _ => None,
    }
}

/// The first missing segments of these holes, each with its repository. Where nobody knows what the server has
/// `archived`, this waits `wal.gap_wait` as `wal-fetch` does, and looks again; but only where WAL was just stored
/// behind the hole.
pub(super) fn arriving(
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

/// Whether the server is on a timeline whose history is not stored yet, as it is a moment after its promotion.
pub(super) fn awaits_history(server: &Asked, survey: &Survey) -> bool {
    let Asked::Answered(server) = server else { return false };
    let has_none = server.facts.in_recovery || server.facts.timeline.number() == 1;
    let there = survey.system(server.facts.system).filter(|_| !has_none);
    let mut inventories = there.into_iter().flat_map(|it| it.inventories.iter().flatten());
    inventories.any(|it| !it.histories.contains(&server.facts.timeline))
}

/// Forgets what is deleted while all is looked at.
pub(super) fn forget_deleted(
    config: &Config,
    repositories: &[Repository],
    survey: &mut Survey,
    now: Timestamp,
) {
    forget_copies(config, repositories, survey);
    forget_remains(config, repositories, survey, now);
}

/// The copies that somebody deleted while all was looked at. `basebackup prune` deletes a backup and
/// then its WAL, and the WAL is listed after the backups, so such a copy looks as if its WAL had been lost.
fn forget_copies(config: &Config, repositories: &[Repository], survey: &mut Survey) {
    let suspects: Vec<(&Backup, usize)> = suspects(survey).collect();
    let gone = in_parallel(&suspects, |(backup, number)| {
        let folder = BackupFolder::new(&config.cluster, backup.system, &backup.id);
        let found = repositories[*number].storage().head(&folder.key(DESCRIPTION));
        matches!(found, Ok(None)).then(|| (backup.system, backup.id.clone(), *number))
    });
    let gone: Vec<_> = gone.into_iter().flatten().collect();
    let backups = &mut survey.catalogue.backups;
    for backup in backups.iter_mut() {
        backup
            .copies
            .retain(|copy| !gone.contains(&(backup.system, backup.id.clone(), copy.repository)));
    }
    backups.retain(|backup| !backup.copies.is_empty());
}

/// The copies whose own WAL is missing, with the places of their repositories.
fn suspects(survey: &Survey) -> impl Iterator<Item = (&Backup, usize)> {
    let copies = survey.catalogue.backups.iter();
    let copies = copies.flat_map(|backup| backup.copies.iter().map(move |copy| (backup, copy)));
    copies.filter_map(|(backup, copy)| {
        let needed = survey.system(backup.system)?.needed_in(copy.repository, backup)?;
        matches!(needed, Needed::Missing(_)).then_some((backup, copy.repository))
    })
}

/// What `basebackup prune` has begun to delete looks like a backup that was cut short. But it dwindles.
fn forget_remains(
    config: &Config,
    repositories: &[Repository],
    survey: &mut Survey,
    now: Timestamp,
) {
    let limit = config.retention.keep.unfinished.as_secs_f64();
    let old = |it: &Unfinished| begun(&it.id).is_some_and(|begun| age(begun, now) > limit);
    survey.catalogue.unfinished.retain(|it| {
        let folder = BackupFolder::new(&config.cluster, it.system, &it.id);
        !old(it)
            || objects(&repositories[it.repository], &folder).is_none_or(|left| left >= it.objects)
    });
}

/// How many there are in a folder; `None` where it can't be listed.
fn objects(repository: &Repository, folder: &BackupFolder) -> Option<u64> {
    let mut count = 0;
    let listed = repository.storage().list(&folder.key(""), "", &mut |_| {
        count += 1;
        ControlFlow::Continue(())
    });
    listed.ok().map(|()| count)
}
