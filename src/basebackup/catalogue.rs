//! Which base backups there are, and what they and the WAL behind them can bring back.
//!
//! Here is what `backup::Catalogue` has to know of base backups, with their `facts`; `survey` adds the WAL, with `histories`;
//! `lives` tells which system is in use.

mod facts;
mod histories;
mod lives;
mod survey;

use jiff::Timestamp;

use super::windows::{Point, Span};
use crate::backup::{self, BackupFolder, Configured, Kind};
use crate::basebackup::{Description, all_backups};
use crate::config::{Config, KeepConfig};
use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::Repository;
use crate::retention::{CLOCKS_APART, believable};

pub use crate::backup::{Failure, StoredBackup};
pub use facts::{Facts, Moment};
pub use lives::{Life, Succession, noted};
pub use survey::{Restorable, Survey, SystemWal};

/// All base backups of a cluster, in all repositories.
pub type Catalogue = backup::Catalogue<Description>;

/// A base backup, wherever it lies.
pub type Backup = backup::Backup<Description>;

/// A base backup in one repository, looked at in full.
pub type Contents = backup::Contents<Description>;

pub type Unfinished = backup::Unfinished<SystemIdentifier>;
pub type Broken = backup::Broken<SystemIdentifier>;
pub type NotDescribed = backup::NotDescribed<SystemIdentifier>;

impl Backup {
    /// The WAL that it needs.
    pub fn span(&self) -> Span {
        let point = |at: &Moment| Point { timeline: at.timeline, lsn: at.lsn };
        let (start, stop) = (point(&self.facts.start), point(&self.facts.stop));
        Span { start, stop, carries_wal: self.facts.standalone }
    }

    /// Reads what it is and what there is of it in one repository; `None` when it is not there.
    pub fn contents(&self, repository: &Repository, cluster: &str) -> Result<Option<Contents>> {
        let folder = BackupFolder::new(cluster, self.system, &self.id);
        backup::contents(repository, &folder, self.system)
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
}

impl Configured for Description {
    const PROGRAM: &'static str = "basebackup";
    const NAMED_BY: &'static str = "cluster";
    const TABLES: &'static [&'static str] = &[];
    const NOTES: &'static str = "basebackup";

    fn name(config: &Config) -> &str {
        &config.cluster
    }

    fn keep(config: &Config) -> KeepConfig {
        config.retention.keep
    }
}

impl Kind for Description {
    type System = SystemIdentifier;
    type Facts = Facts;

    fn all(cluster: &str, system: SystemIdentifier) -> String {
        all_backups(cluster, system)
    }

    fn systems(repository: &Repository, cluster: &str) -> Result<Vec<SystemIdentifier>> {
        repository.systems(cluster)
    }

    fn facts(
        &self,
        folder: &BackupFolder,
        system: SystemIdentifier,
    ) -> Result<(Facts, [Timestamp; 2])> {
        let expected = (folder.id(), system.to_string());
        let found = (self.id.as_str(), self.system_identifier.clone());
        if found != expected {
            return Err(Error::new(
                Class::Damaged,
                format!(
                    "expected the description of {} of system {}, found that of {} of system {}",
                    expected.0, expected.1, found.0, found.1
                ),
            ));
        }
        let facts = Facts::of(self)?;
        let times = [facts.start.time, facts.stop.time];
        Ok((facts, times))
    }

    fn size(facts: &Facts) -> u64 {
        facts.size
    }

    fn check_same(found: &Backup, known: &Backup, repositories: &[Repository]) -> Result<()> {
        if known.facts.same_backup(&found.facts) {
            return Ok(());
        }
        let name = |backup: &Backup| {
            let copy = backup.copies.first();
            let repository = copy.and_then(|copy| repositories.get(copy.repository));
            repository.map_or("", Repository::name).to_owned()
        };
        let (there, here) = (name(found), name(known));
        let message = format!(
            "expected base backup {} in repository {there} to be the one in repository {here}, found one that \
             started at {} and not at {}",
            found.id, found.facts.start.lsn, known.facts.start.lsn
        );
        Err(Error::new(Class::Conflict, message)
            .hint(format!("To see it, name repository {there} alone with --repository.")))
    }

    /// By their ids: the server's clock, by which they began, may not be this host's.
    fn sort(_: &mut [Backup]) {}
}
