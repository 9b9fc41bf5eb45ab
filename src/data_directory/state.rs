//! `pg_wal/seawall/`: what Seawall keeps in a data directory, and the timeline histories kept there.
//!
//! All of it may be lost at any time and costs no more than time; a promotion must not depend on a store that
//! is away, so the histories are kept here, too.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::DataDirectory;
use crate::durable;
use crate::error::{Error, Result};
use crate::postgres::{TimelineHistory, TimelineId, WalFileName};

/// `pg_wal/seawall/`: notes of what was pushed ahead, prefetched segments, findings about stores. All
/// of it may be lost at any time; base backups leave it out, as they do everything in `pg_wal`.
#[derive(Debug, Clone)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// Creates it if need be.
    pub fn of(data_directory: &DataDirectory) -> Result<Self> {
        let path = data_directory.pg_wal().join("seawall");
        create(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A folder in it, created if need be.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        create(&path)?;
        Ok(path)
    }

    /// Takes the lock of that name for as long as the file lives; `None` when another process has it.
    pub fn lock(&self, name: &str) -> Result<Option<File>> {
        let path = self.0.join(name);
        let failed = |error: &io::Error| Error::file("lock", &path, error);
        // Nothing that has this name keeps us waiting.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let mut options = File::options();
        let options = options.create(true).write(true).truncate(false).custom_flags(flags);
        let file = options.open(&path);
        let file = file.map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(&error)),
        }
    }
}

fn create(path: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error)
            if error.kind() != io::ErrorKind::AlreadyExists
                || !fs::exists(path).is_ok_and(|it| it) =>
        {
            Err(Error::file("create folder", path, &error))
        }
        _ => Ok(()),
    }
}

/// Folders of prefetched segments are called this, and a fingerprint of what they are for.
pub const PREFETCHED: &str = "prefetch-";

/// Removes what the prefetching of a recovery left behind, once the server archives for itself.
pub fn remove_prefetched(data_directory: &DataDirectory) {
    let Ok(entries) = fs::read_dir(data_directory.pg_wal().join("seawall")) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFETCHED) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Those in `pg_wal` itself, and `pg_wal/seawall/timelines-CLUSTER/`: a copy of each history that was fetched or seen.
#[derive(Debug, Clone)]
pub struct KeptHistories {
    pg_wal: PathBuf,
    state: Option<StateFolder>,
    name: String,
}

impl KeptHistories {
    /// `cluster` is the name under which the repositories have them.
    pub fn of(data_directory: &DataDirectory, state: Option<&StateFolder>, cluster: &str) -> Self {
        let name = format!("timelines-{}", &blake3::hash(cluster.as_bytes()).to_hex()[..16]);
        Self { pg_wal: data_directory.pg_wal(), state: state.cloned(), name }
    }

    /// Keeps a history that a repository has.
    pub fn keep(&self, timeline: TimelineId, content: &[u8]) -> Result<()> {
        match &self.state {
            Some(state) if self.kept(timeline).as_deref() != Some(content) => {
                durable::replace(&file(&state.folder(&self.name)?, timeline), content)
            }
            _ => Ok(()),
        }
    }

    /// The copy of a history that some repository had.
    pub fn kept(&self, timeline: TimelineId) -> Option<Vec<u8>> {
        read(&self.folder()?, timeline).map(|(content, _)| content)
    }

    /// The history of a timeline as PostgreSQL itself has it (it keeps those that it follows), else the copy.
    pub fn find(&self, timeline: TimelineId) -> Option<TimelineHistory> {
        let folders = [Some(self.pg_wal.clone()), self.folder()];
        let mut found = folders.into_iter().flatten().filter_map(|folder| read(&folder, timeline));
        found.next().map(|(_, history)| history)
    }

    fn folder(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|state| state.path().join(&self.name))
    }

    /// Whether PostgreSQL has the history itself.
    pub fn server_has(&self, timeline: TimelineId) -> bool {
        file(&self.pg_wal, timeline).is_file()
    }

    /// The timelines whose histories PostgreSQL has, and that descend from `ancestor`.
    pub fn descendants(&self, ancestor: TimelineId) -> Vec<TimelineId> {
        let Ok(entries) = fs::read_dir(&self.pg_wal) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let timelines = names.filter_map(|name| match name.parse() {
            Ok(WalFileName::History(timeline)) => Some(timeline),
            _ => None,
        });
        let descends = |timeline: &TimelineId| {
            read(&self.pg_wal, *timeline).is_some_and(|(_, it)| it.left(ancestor).is_some())
        };
        timelines.filter(descends).collect()
    }
}

fn file(folder: &Path, timeline: TimelineId) -> PathBuf {
    folder.join(WalFileName::History(timeline).to_string())
}

/// Only what is whole counts: a copy may have been torn by a crash.
fn read(folder: &Path, timeline: TimelineId) -> Option<(Vec<u8>, TimelineHistory)> {
    let content = fs::read(file(folder, timeline)).ok()?;
    let history = TimelineHistory::parse(timeline, &content).ok()?;
    Some((content, history))
}
