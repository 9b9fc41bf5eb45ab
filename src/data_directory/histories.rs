//! Copies of the timeline histories that this server's repositories had: they never change, and a promotion must not
//! depend on a store that is away.

use std::fs;
use std::path::{Path, PathBuf};

use super::{DataDirectory, StateFolder};
use crate::durable;
use crate::error::Result;
use crate::postgres::{TimelineHistory, TimelineId, WalFileName};

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
