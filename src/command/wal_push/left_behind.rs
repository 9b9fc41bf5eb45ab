//! What the server that archives a file knows of the timelines that left the file's own one, should other content be
//! archived under its name.

use crate::codec::Identities;
use crate::config::Config;
use crate::data_directory::{DataDirectory, KeptHistories, StateFolder};
use crate::error::Result;
use crate::postgres::{TimelineHistory, TimelineId, WalFileName, WalSegmentSize};
use crate::repository::{self, Fork, Repository, Server, Source, WalFolder};

pub struct LeftBehind<'a> {
    pub config: &'a Config,
    pub data_directory: Option<&'a DataDirectory>,
    pub state: Option<&'a StateFolder>,
    pub folder: &'a WalFolder,
}

impl Server for LeftBehind<'_> {
    /// A segment may have to stand for the line that this server follows, so up to where that left it both must be the
    /// same. A server that follows none is one that was replaced. A `.partial` is read by nobody but people, and each
    /// server that was promoted within the segment makes one: they are the same as far as the shorter one goes.
    fn fork(
        &self,
        repository: &Repository,
        name: WalFileName,
        size: WalSegmentSize,
    ) -> Option<Fork> {
        let (segment, is_partial) = match name {
            WalFileName::Segment(segment) => (segment, false),
            WalFileName::Partial(segment) => (segment, true),
            WalFileName::History(_) | WalFileName::Backup { .. } => return None,
        };
        let within = |history: &TimelineHistory| Fork::within(segment, size, history);
        let own = self.of_server(segment.timeline);
        let own = own.iter().filter_map(within);
        if !is_partial && let Some(last) = own.clone().max_by_key(|fork| fork.at) {
            return Some(last);
        }
        let others = self.of_repository(repository, segment.timeline);
        own.chain(others.iter().filter_map(within)).min_by_key(|fork| fork.at)
    }

    /// A server that follows another line has its history.
    fn stays(&self, fork: &Fork) -> bool {
        let runs = |it: &DataDirectory| it.postmaster().is_some() && !it.is_in_recovery();
        let follows = |it: &TimelineHistory| it.left(fork.timeline).is_some();
        self.data_directory.is_some_and(runs) && !self.of_server(fork.timeline).iter().any(follows)
    }

    fn identities(&self) -> Result<Identities> {
        repository::identities(self.config)
    }
}

impl LeftBehind<'_> {
    /// The histories of descendants that PostgreSQL has itself.
    fn of_server(&self, timeline: TimelineId) -> Vec<TimelineHistory> {
        let Some(data_directory) = self.data_directory else { return Vec::new() };
        let kept = KeptHistories::of(data_directory, self.state, &self.config.cluster);
        let descendants = kept.descendants(timeline).into_iter();
        descendants.filter_map(|descendant| kept.find(descendant)).collect()
    }

    /// Those of later timelines that are archived. One that can't be read explains nothing.
    fn of_repository(&self, repository: &Repository, timeline: TimelineId) -> Vec<TimelineHistory> {
        let identities = self.identities().unwrap_or_default();
        let source =
            Source { folder: self.folder, identities: &identities, limits: self.config.limits };
        let later = repository.histories_behind(self.folder, timeline).unwrap_or_default();
        later.into_iter().filter_map(|by| repository.history(&source, by).ok().flatten()).collect()
    }
}
