//! What `list --json` and `show --json` print of backups that stand alone: each backup with its copies, and with its
//! description whole.

use serde::Serialize;

use super::{Presented, name};
use crate::backup::StoredBackup;
use crate::backup::{Backup, Catalogue};
use crate::error::{Class, Error, Result};
use crate::repository::Repository;

/// Rises when something in the JSON changes its meaning or goes; what is new may come at any time.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct BackupsJson<D> {
    version: u32,
    repositories: Vec<RepositoryJson>,
    backups: Vec<BackupJson<D>>,
    unfinished: Vec<Other>,
    broken: Vec<Other>,
}

#[derive(Serialize)]
struct RepositoryJson {
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
    copies: Vec<Copy>,
    description: D,
}

#[derive(Serialize)]
struct Copy {
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

pub fn list<D: Presented>(repositories: &[Repository], series: &Catalogue<D>) -> Result<String> {
    let place = |(number, repository): (usize, &Repository)| RepositoryJson {
        name: repository.name().to_owned(),
        place: repository.place(),
        error: series
            .failures
            .iter()
            .find(|failure| failure.repository == number)
            .map(|failure| failure.error.to_string()),
    };
    let unfinished = series.unfinished.iter().map(|it| Other {
        id: it.id.clone(),
        repository: name(repositories, it.repository).to_owned(),
        error: None,
    });
    let broken = series.broken.iter().map(|it| Other {
        id: it.id.clone(),
        repository: name(repositories, it.repository).to_owned(),
        error: Some(it.error.to_string()),
    });
    written(&BackupsJson {
        version: VERSION,
        repositories: repositories.iter().enumerate().map(place).collect(),
        backups: series.backups.iter().map(|backup| row(repositories, backup)).collect(),
        unfinished: unfinished.collect(),
        broken: broken.collect(),
    })
}

pub fn row<D: Presented>(repositories: &[Repository], backup: &Backup<D>) -> BackupJson<D> {
    let copy = |copy: &StoredBackup| Copy {
        repository: name(repositories, copy.repository).to_owned(),
        encrypted: copy.encrypted,
        stored_size: copy.stored_size,
        pinned: copy.pinned,
        fault: copy.fault.clone(),
    };
    BackupJson {
        id: backup.id.clone(),
        label: backup.facts.label().to_owned(),
        began: backup.began.to_string(),
        ended: backup.ended.to_string(),
        size: backup.size(),
        pinned: backup.pinned(),
        restorable: backup.is_whole(),
        copies: backup.copies.iter().map(copy).collect(),
        description: backup.facts.clone(),
    }
}

pub fn written(json: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(json);
    text.map(|text| text + "\n")
        .map_err(|error| Error::new(Class::Internal, format!("could not write JSON: {error}")))
}
