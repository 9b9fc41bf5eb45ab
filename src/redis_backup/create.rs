//! Takes a backup: from the server straight into every repository, without a copy in between.
//!
//! The data come over the connection ([`Snapshot`]) or from the server's files; either way they are proved
//! while they go by, and the description is written last: with it the backup exists.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    Description, Keys, RdbCheck, RdbChecksum, RedisContent, RedisSource, ReplicationPosition,
    ServerConnection, Snapshot, StoredFile, all_backups, files,
};
use crate::backup::deleting::withdraw;
use crate::backup::series::Series;
use crate::backup::{
    BackupFolder, DESCRIPTION, End, Fell, Known, Sending, Sent, Take, make_exist, new_id,
};
use crate::codec::FrameStream;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::repository::Repository;

/// A Redis is held in memory, so its data are of such a size at most.
const OBJECT_BYTES_MAX: u64 = 1 << 40;
const BUFFER_BYTES: usize = 1 << 18;
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

/// Where the data are taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataSource {
    Connection,
    /// The server's folder, as it is called here where that differs: its append-only file, or its RDB file
    /// that is saved now. Without a wish, what the server itself would read at its next start.
    Files {
        folder: Option<PathBuf>,
        append_only: Option<bool>,
    },
}

/// What became of a backup.
#[derive(Debug)]
pub struct RedisBackupTaken {
    pub id: String,
    /// The repositories that have it whole, and what it is there.
    pub descriptions: Vec<(String, Description)>,
    /// What went wrong in the others.
    pub failures: Vec<Error>,
}

/// What was learned while the data came.
struct LearnedFromData {
    start: Option<ReplicationPosition>,
    keys: Vec<Keys>,
    /// They were counted beside the data, not in them.
    estimated: bool,
    moment: Timestamp,
}

/// Takes a backup. It exists in a repository from the moment its description is there, which is written
/// last.
pub fn create(request: RedisBackupRequest<'_>) -> Result<RedisBackupTaken> {
    let RedisBackupRequest { config, repositories, label, source, accept_fewer, progress, waiting } =
        request;
    let mut server = ServerConnection::connect(&config.redis, &config.limits)?;
    let facts = server.facts()?;
    let began = Timestamp::now();
    let folder = BackupFolder::below(&all_backups(config), &new_id(began));
    let (opened, content) = open(config, &mut server, &source, waiting)?;
    let opened_at = Timestamp::now();
    let names: Vec<String> = match &opened {
        OpenedSource::Snapshot(_) => vec!["dump.rdb".to_owned()],
        OpenedSource::Files(files) => files.iter().map(|file| file.name.clone()).collect(),
    };
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
    let sent = sending.run(|frames, take| match opened {
        OpenedSource::Snapshot(snapshot) => {
            stream(snapshot, &mut server, facts.ahead, frames, take, progress, waiting)
        }
        OpenedSource::Files(files) => {
            let came = LearnedFromData {
                start: None,
                keys: server.keys()?,
                estimated: true,
                moment: opened_at,
            };
            copy(files, content, facts.ahead, came, frames, take, progress)
        }
    });
    let (came, outcomes) = sent.inspect_err(|error| {
        repositories.iter().for_each(|repository| withdraw(repository, &folder, error));
    })?;
    let draft = Description {
        seawall: Description::FORMAT,
        id: folder.id().to_owned(),
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
    };
    let reached = repositories.iter().zip(&outcomes).find(|(_, outcome)| outcome.is_ok());
    let reference = reached.and_then(|(repository, _)| reference(config, repository));
    let draft = draft.judged(reference.as_ref(), accept_fewer);
    let mut taken =
        RedisBackupTaken { id: draft.id.clone(), descriptions: vec![], failures: vec![] };
    for (repository, outcome) in repositories.iter().zip(outcomes) {
        match outcome.and_then(|sent| describe(repository, &folder, &draft, &names, sent)) {
            Ok(description) => {
                known.keep(repository, &folder);
                taken.descriptions.push((repository.name().to_owned(), description));
            }
            Err(error) => {
                withdraw(repository, &folder, &error);
                taken.failures.push(error);
            }
        }
    }
    Ok(taken)
}

/// What it should hold about as much as. Who can't be asked gets the backup all the same.
fn reference(config: &Config, repository: &Repository) -> Option<Fell> {
    let (all, one) = (all_backups(config), std::slice::from_ref(repository));
    let series = Series::<Description>::read_newest(one, &all, &|_| LOOKED_AT);
    series.backups.iter().rfind(|it| it.is_whole()).map(|it| Fell::reference(&it.description))
}

enum OpenedSource {
    Snapshot(Box<Snapshot>),
    Files(Vec<files::ServerFile>),
}

/// Fixes the moment of the backup.
fn open(
    config: &Config,
    server: &mut ServerConnection,
    source: &DataSource,
    waiting: &mut dyn FnMut(Duration),
) -> Result<(OpenedSource, RedisContent)> {
    let redis = &config.redis;
    Ok(match source {
        DataSource::Connection => {
            let snapshot = Snapshot::begin(redis, &config.limits, waiting)?;
            (OpenedSource::Snapshot(Box::new(snapshot)), RedisContent::Rdb)
        }
        DataSource::Files { folder, append_only } => {
            let (folder, timeout) = (folder.as_deref(), redis.save_timeout);
            let by_itself = || server.appends();
            if append_only.map_or_else(by_itself, Ok)? {
                let files = files::append_only(server, folder, timeout, waiting)?;
                (OpenedSource::Files(files), RedisContent::AppendOnly)
            } else {
                let file = files::save(server, folder, timeout, waiting)?;
                (OpenedSource::Files(vec![file]), RedisContent::Rdb)
            }
        }
    })
}

fn stream(
    snapshot: Box<Snapshot>,
    server: &mut ServerConnection,
    ahead: i64,
    mut frames: FrameStream<'_, End<()>>,
    take: Take<'_, ()>,
    progress: &mut dyn FnMut(u64, Option<u64>),
    waiting: &mut dyn FnMut(Duration),
) -> Result<LearnedFromData> {
    let (start, asked, answered) = (snapshot.start.clone(), snapshot.asked, snapshot.answered);
    // As near to the moment as can be; the data themselves tell better, if we know all types in them.
    let keys = server.keys()?;
    let mut size = 0;
    let mut sink = |bytes: &[u8]| {
        size += bytes.len() as u64;
        progress(size, None);
        frames.write(bytes, take).map_err(not_sent)
    };
    let received = snapshot.read(&mut sink, waiting)?;
    frames.mark(End { size, mark: () }, take).map_err(not_sent)?;
    frames.finish(take).map_err(not_sent)?;
    let estimated = received.rdb.keys.is_none();
    // A save that was under way for somebody else may be what comes: then it is of an earlier moment.
    if received.rdb.checksum == RdbChecksum::SwitchedOff && server.address().is_in_the_clear() {
        tracing::warn!(
            "the server sends no checksum (rdbchecksum no): what changes on the way would not be noticed, as it \
             would with TLS (rediss://)"
        );
    }
    let saved = received.rdb.ctime.and_then(|ctime| of_this_clock(ctime, ahead));
    let older = saved.filter(|saved| saved.as_second() + 1 < asked.as_second());
    let moment = older.unwrap_or(answered);
    Ok(LearnedFromData { start, keys: received.rdb.keys.unwrap_or(keys), estimated, moment })
}

/// A time of the server's clock, which is ahead by so many microseconds.
fn of_this_clock(seconds: i64, ahead: i64) -> Option<Timestamp> {
    let microseconds = seconds.checked_mul(1_000_000)?.checked_sub(ahead)?;
    Timestamp::from_microsecond(microseconds).ok()
}

fn copy(
    files: Vec<files::ServerFile>,
    content: RedisContent,
    ahead: i64,
    mut came: LearnedFromData,
    mut frames: FrameStream<'_, End<()>>,
    take: Take<'_, ()>,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<LearnedFromData> {
    let of = files.iter().map(|file| file.length).sum();
    let mut done = 0;
    let mut buffer = vec![0; BUFFER_BYTES];
    for mut file in files {
        let mut check = (content == RedisContent::Rdb).then(RdbCheck::new);
        let mut size = 0;
        loop {
            let read =
                file.reader.read(&mut buffer).map_err(|error| not_read(&file.name, &error))?;
            if read == 0 {
                break;
            }
            if let Some(check) = &mut check {
                check.write(&buffer[..read])?;
            }
            frames.write(&buffer[..read], take).map_err(not_sent)?;
            size += read as u64;
            progress(done + size, Some(of));
        }
        if size != file.length {
            let message =
                format!("expected {} with {} bytes, found {size}", file.name, file.length);
            return Err(Error::new(Class::LocalFile, message)
                .hint("Somebody cut it while it was read; try again."));
        }
        done += size;
        if let Some(check) = check {
            let rdb = check.finish()?;
            came.estimated = rdb.keys.is_none();
            came.keys = rdb.keys.unwrap_or(came.keys);
            let saved = rdb.ctime.and_then(|ctime| of_this_clock(ctime, ahead));
            came.moment = saved.unwrap_or(came.moment);
        }
        frames.mark(End { size, mark: () }, take).map_err(not_sent)?;
    }
    frames.finish(take).map_err(not_sent)?;
    Ok(came)
}

fn describe(
    repository: &Repository,
    folder: &BackupFolder,
    draft: &Description,
    names: &[String],
    sent: Vec<Sent<()>>,
) -> Result<Description> {
    failpoint::reach("create.parts-done");
    let files = sent.into_iter().zip(names);
    let files = files.map(|(sent, name)| StoredFile { stored: sent.stored, name: name.clone() });
    let description =
        Description { encrypted: repository.encrypts(), files: files.collect(), ..draft.clone() };
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

fn not_sent(error: std::io::Error) -> Error {
    Error::new(Class::Internal, format!("could not compress the backup: {error}"))
}

/// What was read may carry an error of ours.
fn not_read(name: &str, error: &std::io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(error) => error.clone(),
        None => Error::new(Class::LocalFile, format!("could not read {name}: {error}")),
    }
}
