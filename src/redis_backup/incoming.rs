//! The data of a server on their way into a backup: over the connection ([`Snapshot`]) or from the server's files. Either
//! way they are proved while they go by, and tell of which moment they are and how many keys they have.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::description::RedisContent;
use super::keys::Keys;
use super::rdb::{RdbCheck, RdbChecksum};
use super::server_files;
use super::server_info::ServerConnection;
use super::transfer::{ReplicationPosition, Snapshot};
use crate::backup::{End, Take};
use crate::codec::FrameStream;
use crate::config::Config;
use crate::error::{Class, Error, Result};

const BUFFER_BYTES: usize = 1 << 18;

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

/// What was learned while the data came.
pub(super) struct LearnedFromData {
    pub(super) start: Option<ReplicationPosition>,
    pub(super) keys: Vec<Keys>,
    /// They were counted beside the data, not in them.
    pub(super) estimated: bool,
    pub(super) moment: Timestamp,
}

enum OpenedSource {
    Snapshot(Box<Snapshot>),
    Files(Vec<server_files::ServerFile>),
}

/// The data of a server, about to be read, and what is known of their moment.
pub(super) struct Incoming {
    opened: OpenedSource,
    pub(super) content: RedisContent,
    /// By how many microseconds the server's clock is ahead of ours.
    ahead: i64,
    opened_at: Timestamp,
}

impl Incoming {
    /// Fixes the moment of the backup.
    pub(super) fn open(
        config: &Config,
        server: &mut ServerConnection,
        source: &DataSource,
        ahead: i64,
        waiting: &mut dyn FnMut(Duration),
    ) -> Result<Self> {
        let redis = &config.redis;
        let (opened, content) = match source {
            DataSource::Connection => {
                let snapshot = Snapshot::begin(redis, &config.limits, waiting)?;
                (OpenedSource::Snapshot(Box::new(snapshot)), RedisContent::Rdb)
            }
            DataSource::Files { folder, append_only } => {
                let (folder, timeout) = (folder.as_deref(), redis.save_timeout);
                let by_itself = || server.appends();
                if append_only.map_or_else(by_itself, Ok)? {
                    let files = server_files::append_only(server, folder, timeout, waiting)?;
                    (OpenedSource::Files(files), RedisContent::AppendOnly)
                } else {
                    let file = server_files::save(server, folder, timeout, waiting)?;
                    (OpenedSource::Files(vec![file]), RedisContent::Rdb)
                }
            }
        };
        Ok(Self { opened, content, ahead, opened_at: Timestamp::now() })
    }

    /// What the files are called in the server's folder.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.opened {
            OpenedSource::Snapshot(_) => vec!["dump.rdb".to_owned()],
            OpenedSource::Files(files) => files.iter().map(|file| file.name.clone()).collect(),
        }
    }

    /// Sends all of them, each as an object of its own.
    pub(super) fn send(
        self,
        server: &mut ServerConnection,
        frames: FrameStream<'_, End<()>>,
        take: Take<'_, ()>,
        progress: &mut dyn FnMut(u64, Option<u64>),
        waiting: &mut dyn FnMut(Duration),
    ) -> Result<LearnedFromData> {
        match self.opened {
            OpenedSource::Snapshot(snapshot) => {
                stream(snapshot, server, self.ahead, frames, take, progress, waiting)
            }
            OpenedSource::Files(files) => {
                let came = LearnedFromData {
                    start: None,
                    keys: server.keys()?,
                    estimated: true,
                    moment: self.opened_at,
                };
                copy(files, self.content, self.ahead, came, frames, take, progress)
            }
        }
    }
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

fn copy(
    files: Vec<server_files::ServerFile>,
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

/// A time of the server's clock, which is ahead by so many microseconds.
fn of_this_clock(seconds: i64, ahead: i64) -> Option<Timestamp> {
    let microseconds = seconds.checked_mul(1_000_000)?.checked_sub(ahead)?;
    Timestamp::from_microsecond(microseconds).ok()
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
