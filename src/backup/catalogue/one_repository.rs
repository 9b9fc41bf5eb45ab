//! All backups of one kind in one repository: a single listing finds them, then the newest descriptions are read,
//! several at a time.
//!
//! A description may be damaged or forged. So its length is bounded, large ones are read one at a time, and a
//! description that can't be read keeps no other backup from being seen.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::{Mutex, OnceLock};

use jiff::Timestamp;

use super::contents::{Contents, KnownObjects, Tally, is_content};
use super::{Backup, Broken, Described, NotDescribed, StoredBackup, Unfinished};
use crate::backup::{
    BackupFolder, DESCRIPTION, DESCRIPTION_BYTES_MAX, Kind, PIN, parse_description,
};
use crate::codec::read_failed;
use crate::error::{Class, Error, Result};
use crate::repository::Repository;
use crate::storage::{DAMAGED, Listed, Volume};
use crate::threads::in_parallel;
use crate::threads::lock;

/// Most take some kilobytes and are read side by side. One that takes more than this waits for its turn: what all of
/// them ask of memory together is bounded too.
const EASY_BYTES_MAX: u64 = 1 << 20;

static LARGE: Mutex<()> = Mutex::new(());

/// A failure on the way is worth another try; what is wrong in the store is wrong the second time.
const TRIES: u32 = 2;

/// What one repository holds. Of each backup there is one copy.
pub struct FoundBackups<K: Kind> {
    pub systems: Vec<K::System>,
    pub backups: Vec<Backup<K>>,
    pub unfinished: Vec<Unfinished<K::System>>,
    /// Those whose description can't be read or is not their own.
    pub broken: Vec<Broken<K::System>>,
    /// Finished ones whose description was not read, because newer ones were enough; the oldest first.
    pub further: Vec<NotDescribed<K::System>>,
    /// All that lies there of the backups of each system.
    pub volumes: Vec<(K::System, Volume)>,
    /// Why not all of it was looked at. What was seen counts.
    pub failure: Option<Error>,
}

/// How many of the newest finished backups are described, given the ids of all, the oldest first.
pub type HowMany<'a> = &'a (dyn Fn(&[&str]) -> usize + Sync);

/// The folder of one backup, as its keys show it.
struct BackupObjects {
    id: String,
    described: bool,
    pinned: bool,
    /// Length of all that lies there, in bytes.
    occupied: u64,
    /// When its description was stored.
    stored: Option<Timestamp>,
    /// When the newest of its objects was.
    newest: Option<Timestamp>,
    contents: Tally,
}

impl<K: Kind> FoundBackups<K> {
    pub fn read(repository: &Repository, number: usize, name: &str, how_many: HowMany<'_>) -> Self {
        let (systems, failure) = match K::systems(repository, name) {
            Ok(systems) => (systems, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let mut found = Self {
            systems: systems.clone(),
            backups: Vec::new(),
            unfinished: Vec::new(),
            broken: Vec::new(),
            further: Vec::new(),
            volumes: Vec::new(),
            failure,
        };
        let here = Here { repository, number, name };
        for system in systems {
            // When it stops answering, nobody waits for the rest of it.
            if found.failure.is_none() {
                found.add(here, system, how_many);
            }
        }
        found
    }

    /// Lists the backups of one system, and reads the newest descriptions.
    fn add(&mut self, here: Here<'_>, system: K::System, how_many: HowMany<'_>) {
        let Here { repository, number, name } = here;
        let all = K::all(name, system);
        let (listed, known, volume) = match list(repository, &all, K::SHARES) {
            Ok(listed) => listed,
            Err(error) => {
                self.volumes.push((system, Volume::default()));
                self.failure = Some(error);
                return;
            }
        };
        self.volumes.push((system, volume));
        let (mut further, unfinished): (Vec<_>, Vec<_>) =
            listed.into_iter().partition(|it| it.described);
        let ids: Vec<&str> = further.iter().map(|it| it.id.as_str()).collect();
        let finished = further.split_off(ids.len().saturating_sub(how_many(&ids)));
        let failure = OnceLock::new();
        let outcomes = in_parallel(&finished, |listed| {
            let folder = BackupFolder::below(&all, &listed.id);
            let read = || backup::<K>((repository, number), &folder, system, (listed, &known));
            let read = failure.get().is_none().then(read)?;
            if let Err(error) = &read
                && error.class() == Class::Unreachable
            {
                let _ = failure.set(error.clone());
            }
            Some(read)
        });
        for (listed, outcome) in finished.into_iter().zip(outcomes) {
            match outcome {
                Some(Ok(Some(backup))) => self.backups.push(backup),
                Some(Err(error)) if error.class() != Class::Unreachable => {
                    self.broken.push(Broken { repository: number, system, id: listed.id, error });
                }
                // Deleted since it was listed, or not asked for any more.
                _ => {}
            }
        }
        self.unfinished.extend(unfinished.into_iter().map(|listed| Unfinished {
            repository: number,
            system,
            id: listed.id,
            objects: listed.contents.objects,
            stored_size: listed.contents.size,
            newest: listed.newest,
        }));
        self.further.extend(further.into_iter().map(|listed| NotDescribed {
            repository: number,
            system,
            id: listed.id,
            pinned: listed.pinned,
            stored_size: listed.contents.size,
        }));
        self.failure = failure.into_inner();
    }
}

/// The repository that is looked at, with its place in the configuration.
#[derive(Clone, Copy)]
struct Here<'a> {
    repository: &'a Repository,
    number: usize,
    name: &'a str,
}

/// What is known of the objects one by one is for those backups only that share some.
fn list(
    repository: &Repository,
    all: &str,
    shares: bool,
) -> Result<(Vec<BackupObjects>, KnownObjects, Volume)> {
    let (mut folders, mut known) = (Vec::new(), KnownObjects::default());
    let mut volume = Volume::default();
    let listed = repository.storage().list(all, "", &mut |listed: Listed<'_>| {
        volume.add(&listed);
        let below = listed.key.strip_prefix(all).unwrap_or_default();
        if let Some((id, object)) = below.split_once('/') {
            add(&mut folders, id, object, &listed);
            if shares {
                known.add(id, object, listed.size);
            }
        }
        ControlFlow::Continue(())
    });
    listed.map_err(|error| {
        error.while_doing(format!("could not list repository {}", repository.name()))
    })?;
    Ok((folders, known, volume))
}

/// Keys come in order, so those of one folder come together.
fn add(folders: &mut Vec<BackupObjects>, id: &str, object: &str, listed: &Listed<'_>) {
    if folders.last().is_none_or(|last| last.id != id) {
        let (id, contents) = (id.to_owned(), Tally::default());
        let (described, pinned, occupied, stored, newest) = Default::default();
        folders.push(BackupObjects { id, described, pinned, occupied, stored, newest, contents });
    }
    let Some(folder) = folders.last_mut() else { return };
    if object == DESCRIPTION {
        (folder.described, folder.stored) = (true, listed.created);
    }
    folder.occupied += listed.size;
    folder.newest = folder.newest.max(listed.created);
    folder.pinned |= object == PIN;
    if is_content(object) {
        folder.contents.add(object, listed.size);
    }
}

/// `None` when it was deleted since it was listed.
fn backup<K: Kind>(
    (repository, number): (&Repository, usize),
    folder: &BackupFolder,
    system: K::System,
    (found, known): (&BackupObjects, &KnownObjects),
) -> Result<Option<Backup<K>>> {
    let Some(read) = read_description::<K>(repository, folder, system)? else { return Ok(None) };
    let ReadDescription { description, facts, times: [began, ended], digest } = read;
    let mut stored = StoredBackup {
        repository: number,
        encrypted: description.encrypted(),
        stored_size: description.objects().map(|object| object.stored_size).sum(),
        pinned: found.pinned,
        occupied: found.occupied,
        stored: found.stored,
        digest,
        noted: None,
        fault: None,
        needs: others(&description),
        owed_to: Vec::new(),
    };
    if !found.contents.is_of(&description) || !known.has_all_of(&description) {
        let faults = Contents::look(repository, folder, description)?.faults;
        let more = faults.len().saturating_sub(1);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        stored.fault = faults.into_iter().next().map(|fault| fault + &more);
    }
    let (id, copies) = (folder.id().to_owned(), vec![stored]);
    Ok(Some(Backup { system, id, began, ended, facts, copies }))
}

fn others(description: &impl Described) -> Vec<String> {
    let mut ids: Vec<String> = description.shared().map(|(id, _)| id.to_owned()).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Reads a description and checks that it belongs to this folder; `None` when the folder has no description.
pub fn describe<K: Kind>(
    repository: &Repository,
    folder: &BackupFolder,
    system: K::System,
) -> Result<Option<K>> {
    Ok(read_description::<K>(repository, folder, system)?.map(|read| read.description))
}

/// A description, what is kept of it, and the digest of its bytes.
struct ReadDescription<K: Kind> {
    description: K,
    facts: K::Facts,
    times: [Timestamp; 2],
    digest: String,
}

fn read_description<K: Kind>(
    repository: &Repository,
    folder: &BackupFolder,
    system: K::System,
) -> Result<Option<ReadDescription<K>>> {
    let read = || -> Result<Option<ReadDescription<K>>> {
        let key = folder.key(DESCRIPTION);
        let Some(mut bytes) = read_up_to(repository, &key, EASY_BYTES_MAX)? else {
            return Ok(None);
        };
        let large = bytes.len() as u64 > EASY_BYTES_MAX;
        let _turn = large.then(|| lock(&LARGE));
        if large {
            let Some(all) = read_up_to(repository, &key, DESCRIPTION_BYTES_MAX)? else {
                return Ok(None);
            };
            bytes = all;
        }
        if bytes.len() as u64 > DESCRIPTION_BYTES_MAX {
            let message = format!("expected at most {DESCRIPTION_BYTES_MAX} bytes, found more");
            return Err(Error::new(Class::Damaged, message));
        }
        let description = parse_description::<K>(&bytes)?;
        let (facts, times) = description.facts(folder, system)?;
        let digest = blake3::hash(&bytes).to_hex().to_string();
        Ok(Some(ReadDescription { description, facts, times, digest }))
    };
    let mut outcome = read();
    for _ in 1..TRIES {
        if outcome.is_err() {
            outcome = read();
        }
    }
    outcome.map_err(|error| {
        let (id, name) = (folder.id(), repository.name());
        let error =
            error.while_doing(format!("could not read {} {id} in repository {name}", K::WHAT));
        if error.class() == Class::Damaged { error.or_hint(DAMAGED) } else { error }
    })
}

/// The object, or one byte more of it than it may have.
fn read_up_to(repository: &Repository, key: &str, bytes_max: u64) -> Result<Option<Vec<u8>>> {
    let opened = repository.storage().open(key, Some(bytes_max + 1))?;
    let Some(mut reader) = opened else { return Ok(None) };
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| read_failed(&error))?;
    Ok(Some(bytes))
}
