use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::base_backup::BackupFolder;
use crate::base_backup::catalogue::PIN;
use crate::base_backup::layout::DESCRIPTION;
use crate::base_backup::retention::{Deletion, Holdings, Plan};
use crate::config::RetentionConfig;
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;
use crate::postgres::SystemIdentifier;
use crate::repository::{Repository, WalFolder, WalRange};
use crate::storage::LOCKED;

/// So many keys are in memory at a time.
const KEYS: usize = 1000;
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Pruned {
    /// How many objects were deleted.
    pub deleted: u64,
    /// What is still there, a line for each thing, because the store keeps it or somebody wants it now.
    pub stayed: Vec<String>,
    /// The first trouble of each repository in which not all was done.
    pub errors: Vec<Error>,
}

/// A plan for one system, about to be carried out.
pub struct CarryOut<'a> {
    pub repositories: &'a [Repository],
    pub cluster: &'a str,
    pub system: SystemIdentifier,
    pub holdings: &'a Holdings<'a>,
    pub plan: &'a Plan,
    pub policy: &'a RetentionConfig,
    /// The time that the plan was made for.
    pub now: Timestamp,
}

/// Deletes object after object.
struct Run<'a> {
    order: &'a CarryOut<'a>,
    pruned: Pruned,
    /// Repositories in which nothing more is tried.
    given_up: BTreeSet<usize>,
    said: Instant,
}

impl CarryOut<'_> {
    /// Goes on with the other repositories where one fails.
    pub fn run(&self) -> Pruned {
        let said = Instant::now();
        let mut run =
            Run { order: self, pruned: Pruned::default(), given_up: BTreeSet::new(), said };
        run.all();
        run.pruned
    }
}

impl Run<'_> {
    fn all(&mut self) {
        let holdings = self.order.holdings;
        let mut stayed = BTreeSet::new();
        for deletion in self.order.plan.deletions(holdings) {
            match deletion {
                Deletion::Backup(at) => {
                    let it = &holdings.backups[at];
                    let gone = self.within(it.repository, |run, there| run.backup(there, &it.id));
                    if gone != Some(true) {
                        stayed.insert(at);
                    }
                }
                Deletion::Unfinished(at) => {
                    let it = &holdings.unfinished[at];
                    self.within(it.repository, |run, there| run.unfinished(there, &it.id));
                }
                Deletion::Wal { .. } => {}
            }
        }
        // What is still there needs its WAL.
        let order = self.order;
        let lines = order.plan.wal_beside(holdings, order.policy, order.now, &stayed);
        for (number, _) in &holdings.wal {
            let lines = lines.iter().filter(|it| it.repository == *number && !it.verdict.keep);
            let ranges: Vec<WalRange> = lines.map(|line| line.range).collect();
            self.within(*number, |run, there| run.wal(there, &ranges));
        }
    }

    /// Unless there was trouble in this repository already.
    fn within<T>(
        &mut self,
        number: usize,
        work: impl FnOnce(&mut Self, &Repository) -> Result<T>,
    ) -> Option<T> {
        let repository = &self.order.repositories[number];
        if self.given_up.contains(&number) {
            return None;
        }
        let trouble = |error: Error| {
            let name = repository.name();
            error.while_doing(format!("could not prune repository {name}"))
        };
        match work(self, repository) {
            Ok(done) => Some(done),
            Err(error) => {
                self.given_up.insert(number);
                self.pruned.errors.push(trouble(error));
                None
            }
        }
    }

    /// False when it is still a backup. Its description goes first: without it the rest is nothing.
    fn backup(&mut self, repository: &Repository, id: &str) -> Result<bool> {
        let (folder, objects) = self.objects(repository, id)?;
        if objects.contains(PIN) {
            self.stays(repository, id, "was pinned meanwhile");
            return Ok(false);
        }
        if objects.contains(DESCRIPTION) && !self.delete(repository, &folder.key(DESCRIPTION))? {
            return Ok(false);
        }
        for object in objects.iter().filter(|object| *object != DESCRIPTION) {
            self.delete(repository, &folder.key(object))?;
        }
        Ok(true)
    }

    fn unfinished(&mut self, repository: &Repository, id: &str) -> Result<()> {
        let (folder, objects) = self.objects(repository, id)?;
        if objects.contains(DESCRIPTION) {
            self.stays(repository, id, "was finished meanwhile");
            return Ok(());
        }
        for object in &objects {
            self.delete(repository, &folder.key(object))?;
        }
        Ok(())
    }

    fn objects(
        &self,
        repository: &Repository,
        id: &str,
    ) -> Result<(BackupFolder, BTreeSet<String>)> {
        let folder = BackupFolder::new(self.order.cluster, self.order.system, id);
        let (prefix, mut objects) = (folder.key(""), BTreeSet::new());
        repository.storage().list(&prefix, "", &mut |listed| {
            objects.extend(listed.key.strip_prefix(&prefix).map(str::to_owned));
            ControlFlow::Continue(())
        })?;
        Ok((folder, objects))
    }

    fn wal(&mut self, repository: &Repository, ranges: &[WalRange]) -> Result<()> {
        let folder = WalFolder::new(self.order.cluster, self.order.system);
        let mut after = String::new();
        loop {
            let keys = repository.wal_keys(&folder, ranges, &after, KEYS)?;
            let Some(last) = keys.last() else { return Ok(()) };
            after.clone_from(last);
            for key in &keys {
                self.delete(repository, key)?;
            }
        }
    }

    /// False when the store keeps it.
    fn delete(&mut self, repository: &Repository, key: &str) -> Result<bool> {
        reach("prune.before-delete");
        match repository.storage().delete(key) {
            Ok(()) => {}
            Err(error) if is_lock(&error) => {
                self.stays(repository, key, &format!("is kept by the store: {error}"));
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        reach("prune.deleted");
        self.pruned.deleted += 1;
        if self.said.elapsed() >= BETWEEN_LINES {
            self.said = Instant::now();
            tracing::info!(deleted = self.pruned.deleted, last = key, "prune under way");
        }
        Ok(true)
    }

    fn stays(&mut self, repository: &Repository, what: &str, why: &str) {
        let line = format!("{what} in repository {} {why}", repository.name());
        self.pruned.stayed.push(line);
    }
}

/// A lock is what somebody asked for; a credential that may not delete is trouble.
fn is_lock(error: &Error) -> bool {
    error.class() == Class::Refused && error.to_string().ends_with(LOCKED)
}
