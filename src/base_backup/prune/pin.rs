use bytes::Bytes;
use jiff::Timestamp;

use crate::base_backup::BackupFolder;
use crate::base_backup::catalogue::{Backup, PIN};
use crate::error::{Error, Result};
use crate::repository::Repository;
use crate::storage::{Created, Facts};

/// Keeps a base backup from being pruned, in every repository that has it. Returns what did not work.
pub fn pin(
    repositories: &[Repository],
    cluster: &str,
    backup: &Backup,
    now: Timestamp,
) -> Vec<Error> {
    let content = Bytes::from(format!("{{\"seawall\":1,\"pinned\":\"{now:.0}\"}}\n"));
    each(repositories, cluster, backup, "pin", |repository, key| {
        let created = repository.storage().create(key, content.clone(), &Facts::new())?;
        // Of somebody whose call was cut short.
        if created == Created::Taken { repository.storage().settle(key) } else { Ok(()) }
    })
}

/// Leaves a base backup to the policy again.
pub fn unpin(repositories: &[Repository], cluster: &str, backup: &Backup) -> Vec<Error> {
    each(repositories, cluster, backup, "unpin", |repository, key| repository.storage().delete(key))
}

fn each(
    repositories: &[Repository],
    cluster: &str,
    backup: &Backup,
    verb: &str,
    work: impl Fn(&Repository, &str) -> Result<()>,
) -> Vec<Error> {
    let key = BackupFolder::new(cluster, backup.system, &backup.id).key(PIN);
    let copies = backup.copies.iter().filter_map(|copy| repositories.get(copy.repository));
    let failed = copies.filter_map(|repository| {
        let error = work(repository, &key).err()?;
        let (id, name) = (&backup.id, repository.name());
        Some(error.while_doing(format!("could not {verb} {id} in repository {name}")))
    });
    failed.collect()
}
