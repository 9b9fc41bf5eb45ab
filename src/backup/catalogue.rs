//! Which backups there are: found by listing keys, described by their `backup.json`. One without a description is
//! unfinished; one whose description is damaged is broken; neither stops the others from being seen.
//!
//! `one_repository` lists and reads descriptions; `contents` compares a folder with its description. Here the copies in
//! all repositories are put together.

mod contents;
mod one_repository;

pub use contents::Contents;
pub use one_repository::{HowMany, describe};

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use self::one_repository::FoundBackups;
use super::{BackupFolder, DESCRIPTION, Kind, SelfContained, StoredObject, fallen};
use crate::error::{Error, Result};
use crate::repository::Repository;
use crate::retention::{Clocks, Dates, Noted, believable};
use crate::storage::Volume;
use crate::threads::in_parallel;

/// What the description of any kind of backup tells. It is written last, in the clear, and makes the
/// backup exist.
pub trait Described: DeserializeOwned + Send {
    /// What it describes, such as `base backup`.
    const WHAT: &'static str;
    /// Version of its format. A reader refuses a higher one.
    const FORMAT: u32;
    /// Whether such backups may need objects of others.
    const SHARES: bool = false;

    /// All but the description itself.
    fn objects(&self) -> impl Iterator<Item = &StoredObject>;
    /// Whether they are encrypted.
    fn encrypted(&self) -> bool;

    /// Objects that lie with others and that it needs as well, each with the id of the other, whether or not
    /// that still has a description.
    fn shared(&self) -> impl Iterator<Item = (&str, &StoredObject)> {
        std::iter::empty()
    }
}

/// A backup in one repository. Repositories are told by their place in the configuration.
#[derive(Debug)]
pub struct StoredBackup {
    pub repository: usize,
    pub encrypted: bool,
    /// Length of all objects but its description, in bytes.
    pub stored_size: u64,
    pub pinned: bool,
    /// Length of all that lies in its folder, in bytes.
    pub occupied: u64,
    /// When its description was stored, by the clock of the store, where it says.
    pub stored: Option<Timestamp>,
    /// BLAKE3 of its description, in hexadecimal.
    pub digest: String,
    /// What this host noted when it saw that first; only where it was asked.
    pub noted: Option<Noted>,
    /// What is wrong with its objects, going by their names and sizes.
    pub fault: Option<String>,
    /// Ids of others whose objects it needs as well.
    pub needs: Vec<String>,
    /// The names of the repositories that are owed it and get it from here; only where that was asked.
    pub owed_to: Vec<String>,
}

impl StoredBackup {
    /// When its description was stored.
    pub fn dates(&self) -> Dates {
        Dates { store: believable(self.stored), noted: self.noted }
    }
}

/// All backups of one kind and name, in all repositories.
#[derive(Debug)]
pub struct Catalogue<K: Kind> {
    /// Of their cluster, Redis or media set.
    pub name: String,
    /// All that have anything stored, the smallest first. Of one without a backup there may be WAL, which restores nothing.
    pub systems: Vec<K::System>,
    /// By system, the oldest first.
    pub backups: Vec<Backup<K>>,
    pub unfinished: Vec<Unfinished<K::System>>,
    pub broken: Vec<Broken<K::System>>,
    /// Finished ones that were not described.
    pub further: Vec<NotDescribed<K::System>>,
    /// What lies in each repository of the backups of each system.
    pub volumes: Vec<(usize, K::System, Volume)>,
    /// Repositories that could not be looked at, or not to the end. What was seen of them counts.
    pub failures: Vec<Failure>,
}

/// A backup, wherever it lies.
#[derive(Debug)]
pub struct Backup<K: Kind> {
    pub system: K::System,
    pub id: String,
    pub began: Timestamp,
    pub ended: Timestamp,
    /// Those of its first copy; in another repository names and lengths of its objects may differ.
    pub facts: K::Facts,
    /// In the order of the repositories. There is at least one.
    pub copies: Vec<StoredBackup>,
}

/// Objects without a description: being written now, or what was left when that was cut short.
#[derive(Debug)]
pub struct Unfinished<S> {
    pub repository: usize,
    pub system: S,
    pub id: String,
    pub objects: u64,
    /// Their length in bytes.
    pub stored_size: u64,
    /// When the newest of them was stored, by the clock of the store, where it says.
    pub newest: Option<Timestamp>,
}

/// A backup whose description can't be read or is not its own.
#[derive(Debug)]
pub struct Broken<S> {
    pub repository: usize,
    pub system: S,
    pub id: String,
    pub error: Error,
}

/// A backup that has a description, which was not read because newer ones were enough.
#[derive(Debug)]
pub struct NotDescribed<S> {
    pub repository: usize,
    pub system: S,
    pub id: String,
    pub pinned: bool,
    /// Length of all objects but its description, in bytes.
    pub stored_size: u64,
}

/// A repository that could not be looked at, or not to the end.
#[derive(Debug)]
pub struct Failure {
    pub repository: usize,
    pub error: Error,
}

impl<K: Kind> Catalogue<K> {
    /// Looks into all repositories at the same time.
    pub fn read(repositories: &[Repository], name: &str) -> Self {
        Self::read_newest(repositories, name, &|ids| ids.len())
    }

    /// The same, but reads the descriptions of the newest `how_many` of each system in each repository only.
    pub fn read_newest(repositories: &[Repository], name: &str, how_many: HowMany<'_>) -> Self {
        let numbered: Vec<_> = repositories.iter().enumerate().collect();
        let all = in_parallel(&numbered, |(number, repository)| {
            FoundBackups::<K>::read(repository, *number, name, how_many)
        });
        let mut catalogue = Self {
            name: name.to_owned(),
            systems: Vec::new(),
            backups: Vec::new(),
            unfinished: Vec::new(),
            broken: Vec::new(),
            further: Vec::new(),
            volumes: Vec::new(),
            failures: Vec::new(),
        };
        let mut backups: BTreeMap<(K::System, String), Backup<K>> = BTreeMap::new();
        for (repository, one) in all.into_iter().enumerate() {
            catalogue.systems.extend(one.systems);
            catalogue.unfinished.extend(one.unfinished);
            catalogue.broken.extend(one.broken);
            catalogue.further.extend(one.further);
            let volumes = one.volumes.into_iter();
            catalogue.volumes.extend(volumes.map(|(system, it)| (repository, system, it)));
            catalogue.failures.extend(one.failure.map(|error| Failure { repository, error }));
            for found in one.backups {
                match backups.get_mut(&(found.system, found.id.clone())) {
                    None => drop(backups.insert((found.system, found.id.clone()), found)),
                    Some(known) => match K::check_same(&found, known, repositories) {
                        Ok(()) => known.copies.extend(found.copies),
                        Err(error) => {
                            let Backup { system, id, .. } = found;
                            catalogue.broken.push(Broken { repository, system, id, error });
                        }
                    },
                }
            }
        }
        catalogue.backups = backups.into_values().collect();
        K::sort(&mut catalogue.backups);
        catalogue.systems.sort_unstable();
        catalogue.systems.dedup();
        catalogue
    }

    /// What kept this from being all there is.
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        let failures = self.failures.iter().map(|failure| &failure.error);
        failures.chain(self.broken.iter().map(|broken| &broken.error))
    }

    /// In stores whose clock is wrong nothing can be judged.
    pub fn close(&mut self, clocks: &Clocks) {
        let wrong = clocks.wrong.iter();
        let failure =
            |(at, error): (&usize, &Error)| Failure { repository: *at, error: error.clone() };
        self.failures.extend(wrong.map(failure));
    }

    /// When each backup ended, with each copy of it.
    pub fn copies(&self) -> impl Iterator<Item = (Timestamp, &StoredBackup)> {
        self.backups.iter().flat_map(|it| it.copies.iter().map(|copy| (it.ended, copy)))
    }

    /// The newest backup that ended when it says so, as far as some repository knows.
    pub fn newest_sure(&self) -> Option<&Backup<K>> {
        let sure =
            |it: &&Backup<K>| it.copies.iter().any(|copy| copy.dates().doubt(it.ended).is_none());
        self.backups.iter().filter(sure).max_by_key(|it| (it.ended, &it.id))
    }

    /// What the keys of all backups of a system begin with.
    pub fn all_of(&self, system: K::System) -> String {
        K::all(&self.name, system)
    }

    pub fn folder_of(&self, system: K::System, id: &str) -> BackupFolder {
        BackupFolder::below(&self.all_of(system), id)
    }

    /// Reads what a backup is and what there is of it in one repository; `None` when it is not there.
    pub fn contents_of(
        &self,
        system: K::System,
        id: &str,
        repository: &Repository,
    ) -> Result<Option<Contents<K>>> {
        contents(repository, &self.folder_of(system, id), system)
    }

    /// Whether somebody has deleted it since it was seen: its description goes first.
    pub fn is_gone(&self, system: K::System, id: &str, repository: &Repository) -> bool {
        matches!(repository.storage().head(&self.folder_of(system, id).key(DESCRIPTION)), Ok(None))
    }
}

/// What a backup is and what there is of it in one repository; `None` when it is not there.
pub fn contents<K: Kind>(
    repository: &Repository,
    folder: &BackupFolder,
    system: K::System,
) -> Result<Option<Contents<K>>> {
    let described = describe::<K>(repository, folder, system)?;
    described.map(|it| Contents::look(repository, folder, it)).transpose()
}

/// Where all are of one thing.
impl<K: Kind<System = ()>> Catalogue<K> {
    /// What all their keys begin with.
    pub fn all(&self) -> String {
        self.all_of(())
    }

    pub fn folder(&self, id: &str) -> BackupFolder {
        self.folder_of((), id)
    }

    /// The same as [`Self::contents_of`].
    pub fn contents(&self, id: &str, repository: &Repository) -> Result<Option<Contents<K>>> {
        self.contents_of((), id, repository)
    }

    /// What lies in one repository.
    pub fn volume(&self, repository: usize) -> Option<&Volume> {
        self.volumes.iter().find(|(at, ..)| *at == repository).map(|(.., volume)| volume)
    }
}

impl<D: SelfContained> Catalogue<D> {
    /// Whether the newest whole one holds far less than one before it: that one, the other's id, and how much less.
    pub fn newest_fell(&self) -> Option<(&Backup<D>, String, String)> {
        let whole: Vec<&Backup<D>> = self.backups.iter().filter(|it| it.is_whole()).collect();
        let newest = *whole.last()?;
        let fell = fallen(whole.iter().map(|it| &it.facts)).pop()??;
        let said = fell.said(&newest.facts.measures())?;
        Some((newest, fell.since, said))
    }
}

impl<K: Kind> Backup<K> {
    pub fn pinned(&self) -> bool {
        self.copies.iter().any(|copy| copy.pinned)
    }

    /// Whether some repository has all its objects.
    pub fn is_whole(&self) -> bool {
        self.copies.iter().any(|copy| copy.fault.is_none())
    }

    /// Length before compression, in bytes.
    pub fn size(&self) -> u64 {
        K::size(&self.facts)
    }
}
