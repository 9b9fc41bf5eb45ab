//! Judges the base backups of one repository: how old the newest is, how many there are, what is damaged or cut short.
//!
//! Each repository is judged by what it can restore alone: any other one may be lost together with the server.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::case::Case;
use super::draft::Draft;
use super::number::{self, There};
use super::verdict::{Finding, State};
use super::words::{age, at, count, objective, time};
use crate::backup::{StoredBackup, begun};
use crate::basebackup::catalogue::Backup;
use crate::basebackup::windows::Needed;

const TAKE: &str = "`basebackup create` takes one.";
const TIMER: &str = "Does the timer of `basebackup create` run (systemctl list-timers)? The log of its last run says \
                     what went wrong.";
const AHEAD: &str = "A clock was wrong, or somebody planted it: who may write to the repository? `basebackup prune` keeps it for a while.";
fn damaged(id: &str, repository: &str) -> String {
    format!(
        "Take a new one with `basebackup create`, look at the disk or bucket, and delete the damaged one: `basebackup delete {id} \
         --repository {repository}`."
    )
}

/// Those of the watched system whose copy in this repository was described, the oldest first.
pub fn copies<'a>(case: &'a Case<'_>, number: usize) -> Vec<(&'a Backup, &'a StoredBackup)> {
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
pub fn newest<'a>(case: &'a Case<'_>, number: usize) -> Option<&'a Backup> {
    good(case, number)
        .into_iter()
        .max_by_key(|backup| (backup.ahead().is_none(), backup.facts.stop.time))
}

/// Those that this repository alone can restore, as far as is known.
pub fn good<'a>(case: &'a Case<'_>, number: usize) -> Vec<&'a Backup> {
    let good =
        copies(case, number).into_iter().filter(|(it, copy)| fault(case, it, copy).is_none());
    good.map(|(backup, _)| backup).collect()
}

pub fn judge(case: &Case<'_>, number: usize) -> Finding {
    let mut draft = Draft::new(case.postgres(), "base backup", Some(case.name(number)));
    let wanted = case.config.objectives.base_backups;
    let copies = copies(case, number);
    let faults =
        copies.iter().filter_map(|(backup, copy)| Some((backup, fault(case, backup, copy)?)));
    let faults: Vec<_> = faults.collect();
    let catalogue = &case.gathered.survey.catalogue;
    let broken = catalogue
        .broken
        .iter()
        .filter(|it| it.repository == number && Some(it.system) == case.gathered.system);
    let broken: Vec<_> = broken.collect();
    let good = copies.len() - faults.len() + further(case, number).count();
    let limit = wanted.age.as_secs_f64();
    match newest(case, number) {
        Some(newest) => {
            let old = age(newest.facts.stop.time, case.now);
            draft.measured("seawall_backup_age_seconds", old, limit);
            let text = format!("newest {} old ({})", time(old), newest.id);
            match old > limit {
                true => {
                    let text = format!("{text}, expected at most {}", objective(wanted.age));
                    draft.say(State::Critical, text, TIMER);
                }
                false => draft.ok(text),
            }
            let days = days(case, number);
            let there = There { good, word: "restorable", days, program: "basebackup" };
            number::judge(&there, wanted, TAKE, &mut draft);
        }
        None if copies.is_empty() && broken.is_empty() => {
            draft.say(State::Critical, "there is none: nothing can be restored", TAKE);
        }
        None => draft.say(State::Critical, "none can be restored", TAKE),
    }
    for (backup, fault) in &faults {
        let text = format!("{} {fault}", backup.id);
        draft.say(State::Critical, text, damaged(&backup.id, case.name(number)));
    }
    for broken in &broken {
        draft.fail(State::Critical, &format!("{} is damaged: ", broken.id), &broken.error);
    }
    for (id, why) in copies.iter().filter_map(|(it, _)| Some((&it.id, it.ahead()?))) {
        draft.say(State::Warning, format!("{id} {why}: it is no newest"), AHEAD);
    }
    unfinished(case, number, &mut draft);
    draft.number("seawall_backups", good as f64);
    draft.number("seawall_backups_damaged", (faults.len() + broken.len()) as f64);
    draft.finding()
}

/// For how many whole days something of the system has been stored in a repository.
pub fn days(case: &Case<'_>, number: usize) -> i64 {
    let (survey, system) = (&case.gathered.survey, case.gathered.system);
    let base = survey.catalogue.volumes.iter();
    let base = base.filter(|(at, it, _)| *at == number && Some(*it) == system);
    let wal = system.and_then(|it| survey.system(it)?.inventories.get(number)?.as_ref());
    let all = base.map(|(.., volume)| volume).chain(wal.map(|it| &it.volume));
    all.map(|volume| volume.days(case.now) - 1).max().unwrap_or_default()
}

pub fn further<'a>(
    case: &'a Case<'_>,
    number: usize,
) -> impl Iterator<Item = &'a crate::backup::NotDescribed> {
    let all = case.gathered.survey.catalogue.further.iter();
    let system = case.gathered.system;
    let ours = all.filter(move |it| it.repository == number && Some(it.system) == system);
    ours.map(|it| &it.found)
}

/// What has been unfinished for longer than any takes.
fn unfinished(case: &Case<'_>, number: usize, draft: &mut Draft) {
    let limit = case.config.retention.keep.unfinished.as_secs_f64();
    let all = case.gathered.survey.catalogue.unfinished.iter();
    let old = all.filter(|it| it.repository == number && Some(it.system) == case.gathered.system);
    let old = old.filter(|it| begun(&it.id).is_some_and(|begun| age(begun, case.now) > limit));
    let old: Vec<&str> = old.map(|it| it.id.as_str()).collect();
    if let Some(first) = old.first() {
        let text = format!("{} cut short, the oldest {first}", count(old.len() as u64, "backup"));
        draft.say(State::Warning, text, "`basebackup prune` removes what is left of it.");
    }
}

/// Of all that is there of the watched system, whatever became of it.
pub fn ids<'a>(case: &'a Case<'_>) -> BTreeSet<&'a str> {
    let (catalogue, ours) = (&case.gathered.survey.catalogue, case.gathered.system);
    let backups = catalogue.backups.iter().map(|it| (it.system, it.id.as_str()));
    let broken = catalogue.broken.iter().map(|it| (it.system, it.id.as_str()));
    let further = catalogue.further.iter().map(|it| (it.system, it.found.id.as_str()));
    let all = backups.chain(broken).chain(further);
    all.filter(|(system, _)| Some(*system) == ours).map(|(_, id)| id).collect()
}

/// When each of them was begun.
pub fn began(case: &Case<'_>) -> Vec<Timestamp> {
    let all = (0..case.repositories.len()).flat_map(|number| {
        let described = copies(case, number).into_iter().map(|(it, _)| it.facts.start.time);
        described.chain(further(case, number).filter_map(|it| begun(&it.id))).collect::<Vec<_>>()
    });
    all.collect()
}

/// How many are kept for good. That is no fault, but they take room.
pub fn pins(case: &Case<'_>) -> Option<Finding> {
    let described = case.gathered.survey.catalogue.backups.iter();
    let described = described.filter(|it| Some(it.system) == case.gathered.system && it.pinned());
    let mut ids: Vec<&str> = described.map(|it| it.id.as_str()).collect();
    for number in 0..case.repositories.len() {
        ids.extend(further(case, number).filter(|it| it.pinned).map(|it| it.id.as_str()));
    }
    ids.sort_unstable();
    ids.dedup();
    let oldest = ids.first()?;
    let mut draft = Draft::new(case.postgres(), "pins", None);
    let since =
        begun(oldest).map_or(String::new(), |begun| format!(", the oldest of {}", at(begun)));
    draft.ok(format!("{} pinned{since}", count(ids.len() as u64, "base backup")));
    draft.number("seawall_pinned_backups", ids.len() as f64);
    Some(draft.finding())
}
