//! Base backups of the watched system: which of them one repository alone can restore, and what is expected of them.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::backups::{self, BackupsThere, ExpectedBackups};
use super::drills;
use super::finding::Finding;
use super::gather::Case;
use crate::backup::{StoredBackup, begun};
use crate::basebackup::catalogue::{Backup, NotDescribed};
use crate::basebackup::windows::Needed;
use crate::history;

/// Those of the watched system whose copy in this repository was described, the oldest first.
pub(super) fn copies<'a>(case: &'a Case<'_>, number: usize) -> Vec<(&'a Backup, &'a StoredBackup)> {
    let backups = case.gathered.survey.catalogue.backups.iter();
    let ours = backups.filter(|backup| Some(backup.system) == case.gathered.system);
    let copies = ours.flat_map(|backup| backup.copies.iter().map(move |copy| (backup, copy)));
    copies.filter(|(_, copy)| copy.repository == number).collect()
}

/// Why this repository alone can't restore a backup; `None` when it can, as far as is known.
fn fault(case: &Case<'_>, backup: &Backup, copy: &StoredBackup) -> Option<String> {
    let damaged = copy.fault.as_ref().map(|fault| format!("is damaged: {fault}"));
    damaged.or_else(|| {
        let system = case.gathered.survey.system(backup.system)?;
        match system.needed_in(copy.repository, backup)? {
            Needed::Missing(segment) => {
                Some(format!("can't be restored: WAL segment {segment} is missing"))
            }
            Needed::Complete | Needed::Unknown => None,
        }
    })
}

/// The newest one that this repository alone can restore; one whose time nobody believes comes after all others.
pub(super) fn newest<'a>(case: &'a Case<'_>, number: usize) -> Option<&'a Backup> {
    good(case, number)
        .into_iter()
        .max_by_key(|backup| (backup.ahead().is_none(), backup.facts.stop.time))
}

/// Those that this repository alone can restore, as far as is known.
pub(super) fn good<'a>(case: &'a Case<'_>, number: usize) -> Vec<&'a Backup> {
    let good =
        copies(case, number).into_iter().filter(|(it, copy)| fault(case, it, copy).is_none());
    good.map(|(backup, _)| backup).collect()
}

fn expected(case: &Case<'_>) -> ExpectedBackups<'static> {
    ExpectedBackups {
        subject: case.postgres(),
        program: "basebackup",
        create: "basebackup create".to_owned(),
        wanted: case.config.objectives.base_backups,
        keep: case.config.retention.keep,
    }
}

pub(super) fn judge(case: &Case<'_>, number: usize) -> Finding {
    let copies = copies(case, number);
    let faults = copies.iter().filter_map(|(it, copy)| Some((&*it.id, fault(case, it, copy)?)));
    let faults: Vec<_> = faults.collect();
    let catalogue = &case.gathered.survey.catalogue;
    let ours = |at: usize, system| at == number && Some(system) == case.gathered.system;
    let broken = catalogue.broken.iter().filter(|it| ours(it.repository, it.system));
    let unfinished = catalogue.unfinished.iter().filter(|it| ours(it.repository, it.system));
    let there = BackupsThere {
        check: "base backup",
        word: "restorable",
        newest: newest(case, number).map(|it| (&*it.id, it.facts.stop.time)),
        good: copies.len() - faults.len() + further(case, number).count(),
        days: days(case, number),
        faults,
        broken: broken.map(|it| (&*it.id, &it.error)).collect(),
        doubted: copies.iter().filter_map(|(it, _)| Some((&*it.id, it.ahead()?))).collect(),
        unfinished: unfinished.map(|it| &*it.id).collect(),
    };
    backups::judge(case, &expected(case), &there, number)
}

/// The last drill and the last verification of the watched system.
pub(super) fn rehearsals(case: &Case<'_>) -> Vec<Finding> {
    let Some(system) = case.gathered.system else { return Vec::new() };
    let record = history::RecordSubject::postgres(&case.config.cluster, system);
    let oldest = began(case).into_iter().min();
    drills::judge(case, &expected(case), &record, oldest, &ids(case))
}

/// For how many whole days something of the system has been stored in a repository.
pub(super) fn days(case: &Case<'_>, number: usize) -> i64 {
    let (survey, system) = (&case.gathered.survey, case.gathered.system);
    let base = survey.catalogue.volumes.iter();
    let base = base.filter(|(at, it, _)| *at == number && Some(*it) == system);
    let wal = system.and_then(|it| survey.system(it)?.inventories.get(number)?.as_ref());
    let all = base.map(|(.., volume)| volume).chain(wal.map(|it| &it.volume));
    all.map(|volume| volume.days(case.now) - 1).max().unwrap_or_default()
}

pub(super) fn further<'a>(
    case: &'a Case<'_>,
    number: usize,
) -> impl Iterator<Item = &'a NotDescribed> {
    let all = case.gathered.survey.catalogue.further.iter();
    let system = case.gathered.system;
    all.filter(move |it| it.repository == number && Some(it.system) == system)
}

/// Of all that is there of the watched system, whatever became of it.
fn ids<'a>(case: &'a Case<'_>) -> BTreeSet<&'a str> {
    let (catalogue, ours) = (&case.gathered.survey.catalogue, case.gathered.system);
    let backups = catalogue.backups.iter().map(|it| (it.system, it.id.as_str()));
    let broken = catalogue.broken.iter().map(|it| (it.system, it.id.as_str()));
    let further = catalogue.further.iter().map(|it| (it.system, it.id.as_str()));
    let all = backups.chain(broken).chain(further);
    all.filter(|(system, _)| Some(*system) == ours).map(|(_, id)| id).collect()
}

/// When each of them was begun.
fn began(case: &Case<'_>) -> Vec<Timestamp> {
    let all = (0..case.repositories.len()).flat_map(|number| {
        let described = copies(case, number).into_iter().map(|(it, _)| it.facts.start.time);
        described.chain(further(case, number).filter_map(|it| begun(&it.id))).collect::<Vec<_>>()
    });
    all.collect()
}

pub(super) fn pins(case: &Case<'_>) -> Option<Finding> {
    let described = case.gathered.survey.catalogue.backups.iter();
    let described = described.filter(|it| Some(it.system) == case.gathered.system && it.pinned());
    let mut ids: Vec<&str> = described.map(|it| it.id.as_str()).collect();
    for number in 0..case.repositories.len() {
        ids.extend(further(case, number).filter(|it| it.pinned).map(|it| it.id.as_str()));
    }
    backups::pins(&expected(case), "base backup", ids)
}
