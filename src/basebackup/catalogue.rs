//! Which base backups there are: found by listing keys, described by their `backup.json`. One without is
//! unfinished; one whose description is damaged is broken; neither stops the others from being seen.
//!
//! `one_repository` reads base backups and their `facts`; `survey` adds the WAL, with `histories`; `lives` tells which
//! system is in use.

mod facts;
mod histories;
mod lives;
mod one_repository;
mod survey;

pub use crate::backup::{Failure, StoredBackup};
pub use facts::{Facts, Moment};
pub use lives::{Life, Succession, noted};
pub use survey::{Restorable, Survey, SystemWal};

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::one_repository::{describe, read};
use super::windows::{Point, Span};
use crate::backup::{self, BackupFolder, HowMany, in_parallel};
use crate::basebackup::Description;
use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::Repository;
use crate::retention::{CLOCKS_APART, believable};
use crate::storage::Volume;

/// All base backups of a cluster, in all repositories. Repositories are told by their place in the
/// configuration.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// All that have anything stored, oldest first. One without a backup has WAL that restores nothing.
    pub systems: Vec<SystemIdentifier>,
    /// By system, then by id, so the oldest comes first.
    pub backups: Vec<Backup>,
    pub unfinished: Vec<Unfinished>,
    pub broken: Vec<Broken>,
    /// Finished ones that were not described.
    pub further: Vec<NotDescribed>,
    /// What lies in each repository of the base backups of each system.
    pub volumes: Vec<(usize, SystemIdentifier, Volume)>,
    /// Repositories that could not be looked at, or not to the end. What was seen of them counts.
    pub failures: Vec<Failure>,
}

/// A base backup in one repository, looked at in full.
pub type Contents = backup::Contents<Description>;

/// A base backup, wherever it lies.
#[derive(Debug)]
pub struct Backup {
    pub system: SystemIdentifier,
    pub id: String,
    pub facts: Facts,
    /// In the order of the repositories. There is at least one.
    pub copies: Vec<StoredBackup>,
}

/// Objects without a description: being written now, or what was left when that was cut short.
#[derive(Debug)]
pub struct Unfinished {
    pub repository: usize,
    pub system: SystemIdentifier,
    pub id: String,
    pub objects: u64,
    /// Their length in bytes.
    pub stored_size: u64,
    /// When the newest of them was stored, by the clock of the store, where it says.
    pub newest: Option<Timestamp>,
}

/// A base backup whose description can't be read or is not its own.
#[derive(Debug)]
pub struct Broken {
    pub repository: usize,
    pub system: SystemIdentifier,
    pub id: String,
    pub error: Error,
}

/// One that is older than those whose description was read.
#[derive(Debug)]
pub struct NotDescribed {
    pub repository: usize,
    pub system: SystemIdentifier,
    pub found: backup::NotDescribed,
}

impl Backup {
    /// The WAL that it needs.
    pub fn span(&self) -> Span {
        let point = |at: &Moment| Point { timeline: at.timeline, lsn: at.lsn };
        let (start, stop) = (point(&self.facts.start), point(&self.facts.stop));
        Span { start, stop, carries_wal: self.facts.standalone }
    }

    pub fn pinned(&self) -> bool {
        self.copies.iter().any(|copy| copy.pinned)
    }

    /// Reads what it is and what there is of it in one repository; `None` when it is not there.
    pub fn contents(&self, repository: &Repository, cluster: &str) -> Result<Option<Contents>> {
        let folder = BackupFolder::new(cluster, self.system, &self.id);
        let described = describe(repository, &folder, self.system)?;
        described.map(|it| Contents::look(repository, &folder, it)).transpose()
    }

    /// When its description was stored first, by the clock of a store, where one says.
    pub fn stored(&self) -> Option<Timestamp> {
        self.copies.iter().filter_map(|copy| believable(copy.stored)).min()
    }

    /// Why nobody believes that it ended when it says so: the store had it before. Such a one is no newest.
    pub fn ahead(&self) -> Option<String> {
        let stored = self.stored()?;
        let ended = self.facts.stop.time;
        (ended > stored + CLOCKS_APART)
            .then(|| format!("says that it ended at {ended:.0}, and was stored at {stored:.0}"))
    }

    /// Whether some repository has all its objects.
    pub fn is_whole(&self) -> bool {
        self.copies.iter().any(|copy| copy.fault.is_none())
    }
}

impl Catalogue {
    /// Looks into all repositories at the same time.
    pub fn read(repositories: &[Repository], cluster: &str) -> Self {
        Self::read_newest(repositories, cluster, &|ids| ids.len())
    }

    /// The same, but reads the descriptions of the newest `how_many` of each system in each repository only.
    pub fn read_newest(repositories: &[Repository], cluster: &str, how_many: HowMany<'_>) -> Self {
        let numbered: Vec<_> = repositories.iter().enumerate().collect();
        let all = in_parallel(&numbered, |(number, repository)| {
            read(repository, *number, cluster, how_many)
        });
        let mut catalogue = Self::default();
        let mut backups: BTreeMap<(u64, String), Backup> = BTreeMap::new();
        for (repository, one) in all.into_iter().enumerate() {
            let volumes = one.volumes.into_iter();
            catalogue.volumes.extend(volumes.map(|(system, it)| (repository, system, it)));
            catalogue.further.extend(one.further);
            catalogue.systems.extend(one.systems);
            catalogue.unfinished.extend(one.unfinished);
            catalogue.broken.extend(one.broken);
            catalogue.failures.extend(one.failures);
            for found in one.backups {
                let name = (found.system.0, found.id.clone());
                match backups.get_mut(&name) {
                    None => drop(backups.insert(name, found)),
                    Some(known) if known.facts.same_backup(&found.facts) => {
                        known.copies.extend(found.copies);
                    }
                    Some(known) => catalogue.broken.push(other_backup(found, known, repositories)),
                }
            }
        }
        catalogue.backups = backups.into_values().collect();
        catalogue.systems.sort_unstable_by_key(|system| system.0);
        catalogue.systems.dedup();
        catalogue
    }
}

/// Two hosts made one id, each in a repository of its own: the first repository's is the one.
fn other_backup(found: Backup, known: &Backup, repositories: &[Repository]) -> Broken {
    let name = |backup: &Backup| {
        let repository = backup.copies.first().and_then(|copy| repositories.get(copy.repository));
        repository.map_or("", Repository::name).to_owned()
    };
    let (there, here) = (name(&found), name(known));
    let message = format!(
        "expected base backup {} in repository {there} to be the one in repository {here}, found one that \
         started at {} and not at {}",
        found.id, found.facts.start.lsn, known.facts.start.lsn
    );
    let error = Error::new(Class::Conflict, message)
        .hint(format!("To see it, name repository {there} alone with --repository."));
    let repository = found.copies.first().map_or(0, |copy| copy.repository);
    Broken { repository, system: found.system, id: found.id, error }
}
