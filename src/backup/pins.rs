//! Keeping a backup whatever the policy says.

use bytes::Bytes;
use jiff::Timestamp;

use super::{BackupFolder, PIN};
use crate::error::{Error, Result};
use crate::repository::Repository;
use crate::storage::{Created, Metadata};

/// Keeps a backup from being pruned, in each of these repositories. Returns what did not work.
pub fn pin(repositories: &[&Repository], folder: &BackupFolder, now: Timestamp) -> Vec<Error> {
    let content = Bytes::from(format!("{{\"seawall\":1,\"pinned\":\"{now:.0}\"}}\n"));
    each(repositories, folder, "pin", |repository, key| {
        let created = repository.storage().create(key, content.clone(), &Metadata::new())?;
        // Of somebody whose call was cut short.
        if created == Created::Taken { repository.storage().settle(key) } else { Ok(()) }
    })
}

/// Leaves a backup to the policy again.
pub fn unpin(repositories: &[&Repository], folder: &BackupFolder) -> Vec<Error> {
    each(repositories, folder, "unpin", |repository, key| repository.storage().delete(key))
}

fn each(
    repositories: &[&Repository],
    folder: &BackupFolder,
    verb: &str,
    work: impl Fn(&Repository, &str) -> Result<()>,
) -> Vec<Error> {
    let key = folder.key(PIN);
    let failed = repositories.iter().filter_map(|repository| {
        let error = work(repository, &key).err()?;
        let (id, name) = (folder.id(), repository.name());
        Some(error.while_doing(format!("could not {verb} {id} in repository {name}")))
    });
    failed.collect()
}
