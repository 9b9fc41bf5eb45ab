//! The base backups of one cluster in one repository, system after system: what `backup::look` finds, with its facts
//! checked.
//!
//! A description that lies in the folder of another base backup or system is refused: a restore would lay down other
//! files than those that were chosen.

use super::{Backup, Broken, Facts, Failure, NotDescribed, Unfinished};
use crate::backup::{self, BackupFolder, HowMany};
use crate::basebackup::Description;
use crate::basebackup::all_backups;
use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::Repository;
use crate::storage::Volume;

/// What one repository holds. Of each backup there is one copy.
#[derive(Default)]
pub struct Found {
    pub systems: Vec<SystemIdentifier>,
    pub backups: Vec<Backup>,
    pub unfinished: Vec<Unfinished>,
    pub broken: Vec<Broken>,
    pub further: Vec<NotDescribed>,
    /// What lies there of the base backups of each system.
    pub volumes: Vec<(SystemIdentifier, Volume)>,
    pub failures: Vec<Failure>,
}

pub fn read(repository: &Repository, number: usize, cluster: &str, how_many: HowMany<'_>) -> Found {
    let mut found = Found::default();
    match repository.systems(cluster) {
        Ok(systems) => found.systems = systems,
        Err(error) => found.failures.push(Failure { repository: number, error }),
    }
    for system in found.systems.clone() {
        // When it stops answering, nobody waits for the rest of it.
        if found.failures.is_empty() {
            found.add(repository, number, &all_backups(cluster, system), system, how_many);
        }
    }
    found
}

impl Found {
    fn add(
        &mut self,
        repository: &Repository,
        number: usize,
        all: &str,
        system: SystemIdentifier,
        how_many: HowMany<'_>,
    ) {
        let keep = |folder: &BackupFolder, it: &Description| facts(folder, it, system);
        let found = backup::look(repository, number, all, how_many, &keep);
        self.backups.extend(found.backups.into_iter().map(|(id, facts, stored)| Backup {
            system,
            id,
            facts,
            copies: vec![stored],
        }));
        self.unfinished.extend(found.unfinished.into_iter().map(|it| Unfinished {
            repository: number,
            system,
            id: it.id,
            objects: it.objects,
            stored_size: it.stored_size,
            newest: it.newest,
        }));
        self.further.extend(found.further.into_iter().map(|found| NotDescribed {
            repository: number,
            system,
            found,
        }));
        self.volumes.push((system, found.volume));
        let broken = found.broken.into_iter();
        self.broken.extend(broken.map(|(id, error)| Broken {
            repository: number,
            system,
            id,
            error,
        }));
        self.failures.extend(found.failure.map(|error| Failure { repository: number, error }));
    }
}

/// Reads a description and checks that it is what it should be; `None` when there is none.
pub fn describe(
    repository: &Repository,
    folder: &BackupFolder,
    system: SystemIdentifier,
) -> Result<Option<Description>> {
    let keep = |folder: &BackupFolder, it: &Description| facts(folder, it, system);
    Ok(backup::describe(repository, folder, &keep)?.map(|(description, _)| description))
}

fn facts(
    folder: &BackupFolder,
    description: &Description,
    system: SystemIdentifier,
) -> Result<Facts> {
    let expected = (folder.id(), system.to_string());
    let found = (description.id.as_str(), description.system_identifier.clone());
    if found != expected {
        return Err(Error::new(
            Class::Damaged,
            format!(
                "expected the description of {} of system {}, found that of {} of system {}",
                expected.0, expected.1, found.0, found.1
            ),
        ));
    }
    Facts::of(description)
}
