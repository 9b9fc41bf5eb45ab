//! Carries out the plan for one system: ends uploads, deletes base backups and unfinished ones, and then the WAL that
//! nothing needs any more.
//!
//! Which WAL that is, is planned anew in between: a base backup that could not be deleted keeps its WAL.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::backup::deleting::{Deleting, Pruned};
use crate::backup::{BackupFolder, Uploads};
use crate::basebackup::retention::{Deletion, Holdings, Plan};
use crate::config::RetentionConfig;
use crate::error::{Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::{Repository, WalFolder, WalRange};

/// So many keys are in memory at a time.
const KEYS: usize = 1000;

/// A plan for one system, about to be carried out.
pub struct CarryOut<'a> {
    pub repositories: &'a [Repository],
    pub cluster: &'a str,
    pub system: SystemIdentifier,
    pub holdings: &'a Holdings<'a>,
    pub plan: &'a Plan,
    pub uploads: &'a [Uploads],
    pub policy: &'a RetentionConfig,
    /// The time that the plan was made for.
    pub now: Timestamp,
    /// WAL that the store dates later than this is not touched.
    pub since: Timestamp,
}

/// The plan under way.
struct Run<'a> {
    order: &'a CarryOut<'a>,
    /// For each repository.
    deleting: Vec<Deleting<'a>>,
    /// Repositories in which nothing more is tried, with why.
    given_up: BTreeMap<usize, Error>,
}

impl CarryOut<'_> {
    /// Goes on with the other repositories where one fails.
    pub fn run(&self) -> Pruned {
        let deleting = self.repositories.iter().map(Deleting::new).collect();
        let mut run = Run { order: self, deleting, given_up: BTreeMap::new() };
        run.all();
        let mut pruned =
            Pruned { errors: run.given_up.into_values().collect(), ..Pruned::default() };
        for done in run.deleting {
            pruned.deleted += done.deleted;
            pruned.bytes += done.bytes;
            pruned.ended += done.ended;
            pruned.stayed.extend(done.stayed);
        }
        pruned
    }
}

impl Run<'_> {
    fn all(&mut self) {
        let order = self.order;
        let holdings = order.holdings;
        for it in order.uploads.iter().filter(|it| !it.verdict.keep) {
            self.within(it.repository, |there| there.uploads(it));
        }
        let mut stayed = BTreeSet::new();
        for deletion in order.plan.deletions(holdings) {
            match deletion {
                Deletion::Backup(at) => {
                    let it = &holdings.backups[at];
                    let folder = order.folder(&it.id);
                    if self.within(it.repository, |there| there.backup(&folder)) != Some(true) {
                        stayed.insert(at);
                    }
                }
                Deletion::Unfinished(at) => {
                    let it = &holdings.unfinished[at];
                    let folder = order.folder(&it.id);
                    self.within(it.repository, |there| there.unfinished(&folder));
                }
                Deletion::Wal { .. } => {}
            }
        }
        // What is still there needs its WAL.
        let lines = order.plan.wal_beside(holdings, order.policy, order.now, &stayed);
        for (number, _) in &holdings.wal {
            let lines = lines.iter().filter(|it| it.repository == *number && !it.verdict.keep);
            let ranges: Vec<WalRange> = lines.map(|line| line.range).collect();
            let repository = &order.repositories[*number];
            self.within(*number, |there| order.wal(repository, &ranges, there));
        }
    }

    /// Unless there was trouble in this repository already.
    fn within<T>(
        &mut self,
        number: usize,
        work: impl FnOnce(&mut Deleting<'_>) -> Result<T>,
    ) -> Option<T> {
        if self.given_up.contains_key(&number) {
            return None;
        }
        match work(&mut self.deleting[number]) {
            Ok(done) => Some(done),
            Err(error) => {
                let name = self.order.repositories[number].name();
                let error = error.while_doing(format!("could not prune repository {name}"));
                self.given_up.insert(number, error);
                None
            }
        }
    }
}

impl CarryOut<'_> {
    fn folder(&self, id: &str) -> BackupFolder {
        BackupFolder::new(self.cluster, self.system, id)
    }

    fn wal(
        &self,
        repository: &Repository,
        ranges: &[WalRange],
        deleting: &mut Deleting<'_>,
    ) -> Result<()> {
        let folder = WalFolder::new(self.cluster, self.system);
        let mut after = String::new();
        loop {
            let keys = repository.wal_keys(&folder, (ranges, self.since), &after, KEYS)?;
            let Some((last, _)) = keys.last() else { return Ok(()) };
            after.clone_from(last);
            for (key, size) in &keys {
                deleting.object(key, *size)?;
            }
        }
    }
}
