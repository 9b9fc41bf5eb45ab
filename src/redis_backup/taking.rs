//! Takes a backup: from the server straight into every repository, without a copy in between. The description is written
//! last: with it the backup exists.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::all_backups;
use super::description::{RedisContent, RedisDescription, RedisSource, StoredFile};
use super::incoming::{DataSource, Incoming, LearnedFromData};
use super::server_info::{ServerConnection, ServerInfo};
use crate::backup::SelfContained as _;
use crate::backup::deleting::withdraw;
use crate::backup::{
    BackupFolder, Catalogue, CreateFailure, DESCRIPTION, Fell, Known, Sending, Sent, make_exist,
    new_id,
};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::repository::Repository;

/// A Redis is held in memory, so its data are of such a size at most.
const OBJECT_BYTES_MAX: u64 = 1 << 40;

/// How many of the newest backups are looked at for one to compare with.
const LOOKED_AT: usize = 3;

pub struct RedisBackupRequest<'a> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub label: String,
    pub source: DataSource,
    /// That it holds far less than the one before is as it should be.
    pub accept_fewer: bool,
    /// Told how many bytes have come; of how many is known of files only.
    pub progress: &'a mut dyn FnMut(u64, Option<u64>),
    /// Told from time to time for how long the server has been saving.
    pub waiting: &'a mut dyn FnMut(Duration),
}

/// What became of a backup.
#[derive(Debug)]
pub struct RedisBackupTaken {
    pub folder: BackupFolder,
    /// The repositories that have it whole, and what it is there.
    pub descriptions: Vec<(String, RedisDescription)>,
    /// What went wrong in the others.
    pub failures: Vec<CreateFailure>,
}

impl RedisBackupTaken {
    /// The names of the repositories that have it.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.descriptions.iter().map(|(name, _)| name.as_str())
    }
}

/// Takes a backup. It exists in a repository from the moment its description is there, which is written
/// last.
pub fn take_backup(request: RedisBackupRequest<'_>) -> Result<RedisBackupTaken> {
    let RedisBackupRequest { config, repositories, label, source, accept_fewer, progress, waiting } =
        request;
    let mut server = ServerConnection::connect(&config.redis, &config.limits)?;
    let facts = server.facts()?;
    let began = Timestamp::now();
    let folder = BackupFolder::below(&all_backups(config), &new_id(began));
    let incoming = Incoming::open(config, &mut server, &source, facts.ahead, waiting)?;
    let (content, names) = (incoming.content, incoming.names());
    let name = |number: usize, encrypted: bool| {
        let name = names.get(number - 1).map_or("", String::as_str);
        format!("{name}.zst{}", if encrypted { ".age" } else { "" })
    };
    let known = Known::of(config.state_directory.as_deref(), "redis");
    let sending = Sending {
        repositories,
        folder: &folder,
        known: &known,
        name: &name,
        size_max: OBJECT_BYTES_MAX,
        level: config.redis.compression_level,
        threads: config.basebackup.parallel,
    };
    let sent =
        sending.run(|frames, take| incoming.send(&mut server, frames, take, progress, waiting));
    let (came, outcomes) = sent.inspect_err(|error| {
        repositories.iter().for_each(|repository| withdraw(repository, &folder, error));
    })?;
    let draft = draft(folder.id(), label, &source, content, facts, began, came);
    let reached = repositories.iter().zip(&outcomes).find(|(_, outcome)| outcome.is_ok());
    let reference = reached.and_then(|(repository, _)| reference(config, repository));
    let draft = draft.judged(reference.as_ref(), accept_fewer);
    let (mut descriptions, mut failures) = (Vec::new(), Vec::new());
    for (repository, outcome) in repositories.iter().zip(outcomes) {
        match outcome.and_then(|sent| describe(repository, &folder, &draft, &names, sent)) {
            Ok(description) => {
                known.keep(repository, &folder);
                descriptions.push((repository.name().to_owned(), description));
            }
            Err(error) => {
                withdraw(repository, &folder, &error);
                failures.push(CreateFailure::of(repository, error));
            }
        }
    }
    Ok(RedisBackupTaken { folder, descriptions, failures })
}

/// The description, without what differs between repositories.
fn draft(
    id: &str,
    label: String,
    source: &DataSource,
    content: RedisContent,
    facts: ServerInfo,
    began: Timestamp,
    came: LearnedFromData,
) -> RedisDescription {
    RedisDescription {
        seawall: RedisDescription::FORMAT,
        id: id.to_owned(),
        label,
        product: facts.product,
        version: facts.version,
        source: match source {
            DataSource::Connection => RedisSource::Connection,
            DataSource::Files { .. } => RedisSource::Files,
        },
        content,
        began: began.to_string(),
        ended: Timestamp::now().to_string(),
        moment: Some(came.moment.to_string()),
        appendonly: facts.persistence.as_ref().map(|it| it.appendonly),
        estimated: came.estimated,
        replication_id: came.start.as_ref().map(|start| start.replication_id.clone()),
        replication_offset: came.start.as_ref().map(|start| start.offset),
        keys: came.keys,
        used_memory: facts.used_memory,
        encrypted: false,
        files: Vec::new(),
        fell: None,
        accepted: false,
    }
}

/// What it should hold about as much as. Who can't be asked gets the backup all the same.
fn reference(config: &Config, repository: &Repository) -> Option<Fell> {
    let (name, one) = (&config.redis.name, std::slice::from_ref(repository));
    let series = Catalogue::<RedisDescription>::read_newest(one, name, &|_| LOOKED_AT);
    series.backups.iter().rfind(|it| it.is_whole()).map(|it| Fell::reference(&it.facts))
}

fn describe(
    repository: &Repository,
    folder: &BackupFolder,
    draft: &RedisDescription,
    names: &[String],
    sent: Vec<Sent<()>>,
) -> Result<RedisDescription> {
    failpoint::reach("create.parts-done");
    let files = sent.into_iter().zip(names);
    let files = files.map(|(sent, name)| StoredFile { stored: sent.stored, name: name.clone() });
    let description = RedisDescription {
        encrypted: repository.encrypts(),
        files: files.collect(),
        ..draft.clone()
    };
    let json = serde_json::to_vec_pretty(&description).map_err(|error| {
        Error::new(Class::Internal, format!("could not write {DESCRIPTION}: {error}"))
    })?;
    let objects = description.files.iter().map(|file| &file.stored);
    make_exist(repository, folder, objects, Bytes::from(json)).map_err(|error| {
        error.while_doing(format!("could not store the backup in repository {}", repository.name()))
    })?;
    failpoint::reach("create.described");
    Ok(description)
}
