//! What `list --json` and `show --json` print: of backups that stand alone all of it, each with its copies and its description
//! whole; and what base backups have in theirs as well, repositories and copies.

use serde::Serialize;

use super::{Presented, Seen, Surveyed};
use crate::backup::{Backup, StoredBackup};
use crate::error::{Class, Error, Result};
use crate::repository::Repository;

/// Rises when something in the JSON changes its meaning or goes; what is new may come at any time.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct BackupsJson<D> {
    version: u32,
    repositories: Vec<RepositoryJson>,
    backups: Vec<BackupJson<D>>,
    unfinished: Vec<Other>,
    broken: Vec<Other>,
}

/// A repository, as the lists of all kinds have it.
#[derive(Serialize)]
pub struct RepositoryJson {
    name: String,
    place: String,
    /// Why not all of it was looked at.
    error: Option<String>,
}

#[derive(Serialize)]
pub struct BackupJson<D> {
    id: String,
    label: String,
    began: String,
    ended: String,
    /// Bytes, before compression.
    size: u64,
    pinned: bool,
    restorable: bool,
    copies: Vec<CopyJson>,
    description: D,
}

/// A backup in one repository, as all kinds have it.
#[derive(Serialize)]
pub struct CopyJson {
    repository: String,
    encrypted: bool,
    stored_size: u64,
    pinned: bool,
    fault: Option<String>,
}

#[derive(Serialize)]
struct Other {
    id: String,
    repository: String,
    error: Option<String>,
}

pub fn list<D: Presented>(seen: &Seen<'_, D>) -> Result<String> {
    let series = seen.catalogue();
    let unfinished = series.unfinished.iter().map(|it| Other {
        id: it.id.clone(),
        repository: seen.name(it.repository).to_owned(),
        error: None,
    });
    let broken = series.broken.iter().map(|it| Other {
        id: it.id.clone(),
        repository: seen.name(it.repository).to_owned(),
        error: Some(it.error.to_string()),
    });
    written(&BackupsJson {
        version: VERSION,
        repositories: places(seen),
        backups: series.backups.iter().map(|backup| row(seen, backup)).collect(),
        unfinished: unfinished.collect(),
        broken: broken.collect(),
    })
}

/// All repositories. Of several reasons why one was not looked at to the end the last is told.
pub fn places<K: Surveyed>(seen: &Seen<'_, K>) -> Vec<RepositoryJson> {
    let place = |(number, repository): (usize, &Repository)| {
        let mut failures = seen.catalogue().failures.iter();
        let failure = failures.rfind(|failure| failure.repository == number);
        RepositoryJson {
            name: repository.name().to_owned(),
            place: repository.place(),
            error: failure.map(|failure| failure.error.to_string()),
        }
    };
    seen.repositories.iter().enumerate().map(place).collect()
}

pub fn copies<K: Surveyed>(seen: &Seen<'_, K>, backup: &Backup<K>) -> Vec<CopyJson> {
    let copy = |copy: &StoredBackup| CopyJson {
        repository: seen.name(copy.repository).to_owned(),
        encrypted: copy.encrypted,
        stored_size: copy.stored_size,
        pinned: copy.pinned,
        fault: copy.fault.clone(),
    };
    backup.copies.iter().map(copy).collect()
}

pub fn row<D: Presented>(seen: &Seen<'_, D>, backup: &Backup<D>) -> BackupJson<D> {
    BackupJson {
        id: backup.id.clone(),
        label: backup.facts.label().to_owned(),
        began: backup.began.to_string(),
        ended: backup.ended.to_string(),
        size: backup.size(),
        pinned: backup.pinned(),
        restorable: backup.is_whole(),
        copies: copies(seen, backup),
        description: backup.facts.clone(),
    }
}

pub fn written(json: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(json);
    text.map(|text| text + "\n")
        .map_err(|error| Error::new(Class::Internal, format!("could not write JSON: {error}")))
}
