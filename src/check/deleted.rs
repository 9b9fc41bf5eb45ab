//! Takes out of what was seen whatever somebody deleted meanwhile: a `prune` beside the check would look like damage.
//!
//! What is suspect is looked at a second time: a description that is gone, or remains that dwindle, was deleted.

use std::ops::ControlFlow;

use jiff::Timestamp;

use super::words::age;
use crate::backup::{BackupFolder, DESCRIPTION, begun, in_parallel};
use crate::basebackup::catalogue::{Backup, Survey, Unfinished};
use crate::basebackup::windows::Needed;
use crate::config::Config;
use crate::repository::Repository;

/// Forgets what is deleted while all is looked at.
pub fn forget_deleted(
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
