//! Keeping a backup whatever the policy says.

use std::io::Read as _;

use bytes::Bytes;
use jiff::Timestamp;

use super::{BackupFolder, PIN};
use crate::codec::read_failed;
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

/// A note takes some 60 bytes.
const PIN_BYTES_MAX: u64 = 1 << 16;

/// Keeps a backup from being pruned in one more repository, with the note that another one has. Fine if that is gone.
pub fn copy_pin(from: &Repository, to: &Repository, folder: &BackupFolder) -> Result<()> {
    let key = folder.key(PIN);
    let copy = || {
        let Some(reader) = from.storage().open(&key, Some(PIN_BYTES_MAX))? else { return Ok(()) };
        let mut note = Vec::new();
        reader.take(PIN_BYTES_MAX).read_to_end(&mut note).map_err(|error| read_failed(&error))?;
        let created = to.storage().create(&key, Bytes::from(note), &Metadata::new())?;
        if created == Created::Taken { to.storage().settle(&key) } else { Ok(()) }
    };
    copy().map_err(|error: Error| {
        error.while_doing(format!("could not pin {} in repository {}", folder.id(), to.name()))
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
