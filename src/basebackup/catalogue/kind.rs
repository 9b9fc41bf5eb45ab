//! Base backups as a kind of backups: below one cluster name there may be several systems, and of a description only the
//! facts are kept.
//!
//! A description that lies in the folder of another base backup or system is refused: a restore would lay down other
//! files than those that were chosen.

use jiff::Timestamp;

use super::{Backup, Facts};
use crate::backup::{BackupFolder, Configured, Kind};
use crate::basebackup::Description;
use crate::basebackup::all_backups;
use crate::config::{Config, KeepConfig};
use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::Repository;

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
