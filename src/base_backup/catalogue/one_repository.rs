use std::io::Read;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use super::contents::{Contents, Tally, is_content};
use super::{Backup, Broken, Facts, Failure, PIN, StoredBackup, Unfinished, in_parallel};
use crate::base_backup::Description;
use crate::base_backup::layout::{BackupFolder, DESCRIPTION, all_backups};
use crate::codec::read_failed;
use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::Repository;

/// A description takes some 200 bytes for each part.
const DESCRIPTION_BYTES_MAX: u64 = 64 << 20;

/// A failure on the way is worth another try; what is wrong in the store is wrong the second time.
const TRIES: u32 = 2;

/// What one repository holds. Of each backup there is one copy.
#[derive(Default)]
pub struct Found {
    pub systems: Vec<SystemIdentifier>,
    pub backups: Vec<Backup>,
    pub unfinished: Vec<Unfinished>,
    pub broken: Vec<Broken>,
    pub failures: Vec<Failure>,
}

/// The folder of one backup, as its keys show it.
struct Folder {
    system: SystemIdentifier,
    id: String,
    described: bool,
    pinned: bool,
    contents: Tally,
}

pub fn read(repository: &Repository, number: usize, cluster: &str) -> Found {
    let mut found = Found::default();
    let fails = |error| Failure { repository: number, error };
    let listed = repository.systems(cluster).and_then(|systems| {
        let folders = folders(repository, cluster, &systems)?;
        Ok((systems, folders))
    });
    let folders = match listed {
        Ok((systems, folders)) => {
            found.systems = systems;
            folders
        }
        Err(error) => {
            found.failures.push(fails(error));
            return found;
        }
    };
    // When it stops answering, nobody waits for the rest of it.
    let failure = OnceLock::new();
    let (finished, unfinished): (Vec<_>, Vec<_>) = folders.into_iter().partition(|it| it.described);
    let all = in_parallel(&finished, |folder| {
        let read = failure.get().is_none().then(|| backup(repository, number, cluster, folder))?;
        if let Err(error) = &read
            && error.class() == Class::Unreachable
        {
            let _ = failure.set(error.clone());
        }
        Some(read)
    });
    for (folder, outcome) in finished.into_iter().zip(all) {
        match outcome {
            Some(Ok(Some(backup))) => found.backups.push(backup),
            Some(Err(error)) if error.class() != Class::Unreachable => found.broken.push(Broken {
                repository: number,
                system: folder.system,
                id: folder.id,
                error,
            }),
            // Deleted since it was listed, or not asked for any more.
            _ => {}
        }
    }
    found.failures.extend(failure.into_inner().map(fails));
    found.unfinished.extend(unfinished.into_iter().map(|folder| Unfinished {
        repository: number,
        system: folder.system,
        id: folder.id,
        objects: folder.contents.objects,
        stored_size: folder.contents.size,
    }));
    found
}

fn folders(
    repository: &Repository,
    cluster: &str,
    systems: &[SystemIdentifier],
) -> Result<Vec<Folder>> {
    let mut folders: Vec<Folder> = Vec::new();
    for &system in systems {
        let prefix = all_backups(cluster, system);
        let listed = repository.storage().list(&prefix, "", &mut |listed| {
            let below = listed.key.strip_prefix(&prefix).unwrap_or_default();
            if let Some((id, object)) = below.split_once('/') {
                add(&mut folders, system, id, object, listed.size);
            }
            ControlFlow::Continue(())
        });
        listed.map_err(|error| {
            error.while_doing(format!("could not list repository {}", repository.name()))
        })?;
    }
    Ok(folders)
}

/// Keys come in order, so those of one folder come together.
fn add(folders: &mut Vec<Folder>, system: SystemIdentifier, id: &str, object: &str, size: u64) {
    if folders.last().is_none_or(|last| last.system != system || last.id != id) {
        let (id, contents) = (id.to_owned(), Tally::default());
        folders.push(Folder { system, id, described: false, pinned: false, contents });
    }
    let Some(folder) = folders.last_mut() else { return };
    folder.described |= object == DESCRIPTION;
    folder.pinned |= object == PIN;
    if is_content(object) {
        folder.contents.add(object, size);
    }
}

/// `None` when it was deleted since it was listed.
fn backup(
    repository: &Repository,
    number: usize,
    cluster: &str,
    found: &Folder,
) -> Result<Option<Backup>> {
    let folder = BackupFolder::new(cluster, found.system, &found.id);
    let Some((description, facts)) = describe(repository, &folder, found.system)? else {
        return Ok(None);
    };
    let mut copy = StoredBackup {
        repository: number,
        encrypted: description.encrypted,
        stored_size: description.stored_size(),
        pinned: found.pinned,
        fault: None,
    };
    if !found.contents.is_of(&description) {
        let faults = Contents::look(repository, &folder, description)?.faults;
        let more = faults.len().saturating_sub(1);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        copy.fault = faults.into_iter().next().map(|fault| fault + &more);
    }
    let (system, id) = (found.system, found.id.clone());
    Ok(Some(Backup { system, id, facts, copies: vec![copy] }))
}

/// Reads a description and checks that it is what it should be; `None` when there is none.
pub fn describe(
    repository: &Repository,
    folder: &BackupFolder,
    system: SystemIdentifier,
) -> Result<Option<(Description, Facts)>> {
    let read = || -> Result<Option<(Description, Facts)>> {
        let Some(bytes) = read_small(repository, &folder.key(DESCRIPTION))? else {
            return Ok(None);
        };
        let description = Description::parse(&bytes)?;
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
        let facts = Facts::of(&description)?;
        Ok(Some((description, facts)))
    };
    let mut outcome = read();
    for _ in 1..TRIES {
        if outcome.is_err() {
            outcome = read();
        }
    }
    outcome.map_err(|error| {
        let (id, name) = (folder.id(), repository.name());
        error.while_doing(format!("could not read base backup {id} in repository {name}"))
    })
}

fn read_small(repository: &Repository, key: &str) -> Result<Option<Vec<u8>>> {
    let opened = repository.storage().open(key, Some(DESCRIPTION_BYTES_MAX + 1))?;
    let Some(mut reader) = opened else { return Ok(None) };
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| read_failed(&error))?;
    if bytes.len() as u64 > DESCRIPTION_BYTES_MAX {
        let message = format!("expected at most {DESCRIPTION_BYTES_MAX} bytes, found more");
        return Err(Error::new(Class::Damaged, message));
    }
    Ok(Some(bytes))
}
