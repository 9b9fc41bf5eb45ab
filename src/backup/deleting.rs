//! Deleting what retention does not keep, or what somebody asks to be deleted.
//!
//! A run may be cut short anywhere, and the next one goes on: the description of a backup is deleted before its
//! objects. A repository that fails is given up, and the others go on.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::uploads::{Uploads, refused};
use super::{BackupFolder, DESCRIPTION, PIN, PlanLine, PlanSubject, is_owed_now};
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
        pruned.add(deleting.end());
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

/// A plan under way in all repositories. Where one fails, nothing more is tried in it.
pub struct Deletions<'a> {
    repositories: &'a [Repository],
    /// For each repository.
    deleting: Vec<Deleting<'a>>,
    /// With why.
    given_up: BTreeMap<usize, Error>,
}

impl<'a> Deletions<'a> {
    pub fn new(repositories: &'a [Repository]) -> Self {
        let deleting = repositories.iter().map(Deleting::new).collect();
        Self { repositories, deleting, given_up: BTreeMap::new() }
    }

    /// Unless there was trouble in this repository already.
    pub fn within<T>(
        &mut self,
        number: usize,
        work: impl FnOnce(&mut Deleting<'a>) -> Result<T>,
    ) -> Option<T> {
        if self.given_up.contains_key(&number) {
            return None;
        }
        match work(&mut self.deleting[number]) {
            Ok(done) => Some(done),
            Err(error) => {
                let name = self.repositories[number].name();
                let error = error.while_doing(format!("could not prune repository {name}"));
                self.given_up.insert(number, error);
                None
            }
        }
    }

    /// Ends the uploads that the plan does not keep.
    pub fn uploads(&mut self, uploads: &[Uploads]) {
        for it in uploads.iter().filter(|it| !it.verdict.keep) {
            self.within(it.repository, |there| there.uploads(it));
        }
    }

    /// Deletes what a line does not keep. False when it is still there.
    pub fn line(&mut self, line: &PlanLine, folder: &BackupFolder) -> bool {
        let deleted = self.within(line.repository, |there| match line.what {
            _ if line.verdict.keep => Ok(false),
            // Meanwhile another one may have become away.
            _ if is_owed_now(there.repository, line, folder)? => {
                there.stays(folder.id(), "is owed to another repository now");
                Ok(false)
            }
            PlanSubject::Backup => there.backup(folder),
            PlanSubject::Unfinished => there.unfinished(folder).map(|()| true),
            PlanSubject::Broken => Ok(false),
        });
        deleted == Some(true)
    }

    /// What became of it.
    pub fn end(self) -> Pruned {
        let errors = self.given_up.into_values().collect();
        let mut pruned = Pruned { errors, ..Pruned::default() };
        self.deleting.into_iter().for_each(|done| pruned.add(done.end()));
        pruned
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

    fn end(self) -> Pruned {
        let Self { deleted, bytes, ended, stayed, .. } = self;
        Pruned { deleted, bytes, ended, stayed, errors: Vec::new() }
    }

    pub fn repository(&self) -> &'a Repository {
        self.repository
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
