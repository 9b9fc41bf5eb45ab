//! Deleting what retention does not keep.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::uploads::{Uploads, refused};
use super::{BackupFolder, DESCRIPTION, PIN};
use crate::error::{Class, Error, ErrorKind, Result};
use crate::failpoint::reach;
use crate::repository::Repository;

const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Pruned {
    /// How many objects were deleted, and how long they were together in bytes.
    pub deleted: u64,
    pub bytes: u64,
    /// How many uploads were ended.
    pub ended: u64,
    /// What is still there, a line for each thing, because the store keeps it or somebody wants it now.
    pub stayed: Vec<String>,
    /// The first trouble of each repository in which not all was done.
    pub errors: Vec<Error>,
}

impl Pruned {
    pub fn add(&mut self, more: Self) {
        self.deleted += more.deleted;
        self.bytes += more.bytes;
        self.ended += more.ended;
        self.stayed.extend(more.stayed);
        self.errors.extend(more.errors);
    }
}

/// Deletes one backup in these repositories. Goes on with the others where one fails.
pub fn delete(repositories: &[&Repository], folder: &BackupFolder) -> Pruned {
    let mut pruned = Pruned::default();
    for repository in repositories {
        let mut deleting = Deleting::new(repository);
        if let Err(error) = deleting.backup(folder) {
            let (id, name) = (folder.id(), repository.name());
            let what = format!("could not delete {id} in repository {name}");
            pruned.errors.push(error.while_doing(what));
        }
        let Deleting { deleted, bytes, ended, stayed, .. } = deleting;
        pruned.add(Pruned { deleted, bytes, ended, stayed, errors: Vec::new() });
    }
    pruned
}

/// Takes back what a backup that failed has stored of itself: nothing refers to it, and the room is wanted. A store
/// that does not answer is not asked: what was sent to it may arrive yet. Nor is anything removed that may be another host's, which began
/// with the same id.
pub fn withdraw(repository: &Repository, folder: &BackupFolder, error: &Error) {
    if matches!(error.class(), Class::Unreachable | Class::Conflict) {
        return;
    }
    let mut deleting = Deleting::new(repository);
    if let Err(more) = deleting.unfinished(folder) {
        let (id, name) = (folder.id(), repository.name());
        tracing::warn!(
            "what is left of {id} stays in repository {name} until `prune` removes it: {more}"
        );
    }
}

/// Deletes object after object in one repository, and remembers what it did.
pub struct Deleting<'a> {
    repository: &'a Repository,
    /// How many objects were deleted, and how long they were together in bytes.
    pub deleted: u64,
    pub bytes: u64,
    /// How many uploads were ended.
    pub ended: u64,
    /// What is still there, a line for each thing, because the store keeps it or somebody wants it now.
    pub stayed: Vec<String>,
    said: Instant,
}

impl<'a> Deleting<'a> {
    pub fn new(repository: &'a Repository) -> Self {
        let (deleted, bytes, ended, stayed) = Default::default();
        Self { repository, deleted, bytes, ended, stayed, said: Instant::now() }
    }

    /// False when it is still a backup. Its description goes first: without it the rest is nothing.
    pub fn backup(&mut self, folder: &BackupFolder) -> Result<bool> {
        let objects = self.objects(folder)?;
        if objects.contains_key(PIN) {
            self.stays(folder.id(), "was pinned meanwhile");
            return Ok(false);
        }
        let description = objects.get(DESCRIPTION);
        if let Some(size) = description
            && !self.object(&folder.key(DESCRIPTION), *size)?
        {
            return Ok(false);
        }
        for (object, size) in objects.iter().filter(|(object, _)| *object != DESCRIPTION) {
            self.object(&folder.key(object), *size)?;
        }
        Ok(true)
    }

    /// Deletes the objects of a backup without a description. Before each object it looks for the description again: a
    /// `create` that is still running may have written it, and looks at its objects once more after that.
    pub fn unfinished(&mut self, folder: &BackupFolder) -> Result<()> {
        for (object, size) in &self.objects(folder)? {
            if self.repository.storage().head(&folder.key(DESCRIPTION))?.is_some() {
                self.stays(folder.id(), "was finished meanwhile");
                return Ok(());
            }
            self.object(&folder.key(object), *size)?;
        }
        Ok(())
    }

    /// Has the store forget uploads that nobody will finish.
    pub fn uploads(&mut self, uploads: &Uploads) -> Result<()> {
        for upload in &uploads.all {
            reach("prune.before-delete");
            match self.repository.storage().end_upload(upload) {
                Ok(()) => {}
                Err(error) if error.class() == Class::Refused => {
                    refused(self.repository, &error);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
            reach("prune.deleted");
            self.ended += 1;
        }
        Ok(())
    }

    fn objects(&self, folder: &BackupFolder) -> Result<BTreeMap<String, u64>> {
        let (prefix, mut objects) = (folder.key(""), BTreeMap::new());
        self.repository.storage().list(&prefix, "", &mut |listed| {
            let object = listed.key.strip_prefix(&prefix).map(str::to_owned);
            objects.extend(object.map(|object| (object, listed.size)));
            ControlFlow::Continue(())
        })?;
        Ok(objects)
    }

    /// False when the store keeps it. `size` is its length in bytes.
    pub fn object(&mut self, key: &str, size: u64) -> Result<bool> {
        reach("prune.before-delete");
        match self.repository.storage().delete(key) {
            Ok(()) => {}
            Err(error) if is_lock(&error) => {
                self.stays(key, &format!("is kept by the store: {error}"));
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        reach("prune.deleted");
        self.deleted += 1;
        self.bytes += size;
        if self.said.elapsed() >= BETWEEN_LINES {
            self.said = Instant::now();
            tracing::info!(deleted = self.deleted, last = key, "prune under way");
        }
        Ok(true)
    }

    fn stays(&mut self, what: &str, why: &str) {
        self.stayed.push(format!("{what} in repository {} {why}", self.repository.name()));
    }
}

/// A lock is what somebody asked for; a credential that may not delete is trouble.
fn is_lock(error: &Error) -> bool {
    error.kind() == Some(&ErrorKind::ObjectLock)
}
