//! What there is of one system, as the planner of retention asks for it: the survey, with the condition of each copy
//! and the dates of WAL.
//!
//! A repository that can't be listed is closed: where not all is known, nothing is deleted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::basebackup::catalogue::{Backup, StoredBackup, Survey, SystemWal};
use crate::basebackup::retention::{Attempt, Candidate, Condition, Holdings};
use crate::basebackup::windows::Needed;
use crate::config::Config;
use crate::error::Error;
use crate::repository::{Repository, WalFolder};
use crate::retention::believable;

/// What there is of one system, and what kept it from being seen whole.
pub struct Gathered<'a> {
    pub holdings: Holdings<'a>,
    pub errors: Vec<Error>,
}

/// Lists the WAL once more, with the files that restore nothing by themselves. What was stored after `since` is young.
pub fn gather<'a>(
    survey: &'a Survey,
    system: &'a SystemWal,
    repositories: &[Repository],
    config: &Config,
    since: Timestamp,
) -> Gathered<'a> {
    let catalogue = &survey.catalogue;
    let mut closed: BTreeSet<usize> = catalogue.failures.iter().map(|it| it.repository).collect();
    let (mut wal, mut young, mut errors) = (Vec::new(), BTreeMap::new(), Vec::new());
    let folder = WalFolder::new(&config.cluster, system.system);
    for (number, repository) in repositories.iter().enumerate() {
        if system.inventories.get(number).is_none_or(Option::is_none) {
            continue;
        }
        match repository.wal_files(&folder, system.segment_size, since) {
            Ok(files) => {
                wal.push((number, files.all));
                young.insert(number, files.young);
            }
            Err(error) => {
                closed.insert(number);
                errors.push(error);
            }
        }
    }
    let backups = || catalogue.backups.iter().filter(|it| it.system == system.system);
    let unfinished = catalogue.unfinished.iter().filter(|it| it.system == system.system);
    let unfinished = unfinished.map(|it| Attempt {
        repository: it.repository,
        id: it.id.clone(),
        newest: believable(it.newest),
        bytes: it.stored_size,
    });
    let broken = catalogue.broken.iter().filter(|it| it.system == system.system);
    let broken = broken.map(|it| Attempt {
        repository: it.repository,
        id: it.id.clone(),
        newest: None,
        bytes: 0,
    });
    let holdings = Holdings {
        backups: backups()
            .flat_map(|it| it.copies.iter().map(|copy| candidate(system, it, copy)))
            .collect(),
        unfinished: unfinished.collect(),
        broken: broken.collect(),
        wal,
        young,
        timelines: &system.timelines,
        mixed_sizes: backups().any(|it| it.facts.segment_size != system.segment_size),
        closed,
    };
    Gathered { holdings, errors }
}

fn candidate(system: &SystemWal, backup: &Backup, copy: &StoredBackup) -> Candidate {
    Candidate {
        repository: copy.repository,
        id: backup.id.clone(),
        span: backup.span(),
        began: backup.facts.start.time,
        ended: backup.facts.stop.time,
        dates: copy.dates(),
        bytes: copy.occupied,
        pinned: copy.pinned,
        condition: condition(system, backup, copy),
    }
}

/// Whether a copy can be restored, with the WAL of its repository.
pub fn condition(system: &SystemWal, backup: &Backup, copy: &StoredBackup) -> Condition {
    if let Some(fault) = &copy.fault {
        return Condition::Bad(fault.clone());
    }
    // No WAL at all is deleted then.
    if backup.facts.segment_size != system.segment_size {
        return Condition::Good;
    }
    match system.needed_in(copy.repository, backup) {
        Some(Needed::Complete) => Condition::Good,
        Some(Needed::Missing(segment)) if system.unread.is_empty() => {
            Condition::Bad(format!("WAL segment {segment} is missing"))
        }
        Some(Needed::Missing(_) | Needed::Unknown) => {
            Condition::Unknown("the order of its timelines is not known".to_owned())
        }
        None => Condition::Unknown("its WAL could not be listed".to_owned()),
    }
}
