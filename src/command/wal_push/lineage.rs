//! How timelines hang together, as far as a push has to know it. A history that is archived must go on from that of its
//! parent, else nothing leads from older base backups to it; and other content under the name of a segment is
//! explained by a timeline that was left within it.
//!
//! PostgreSQL writes the history of a new timeline by copying the parent's and adding a line (`writeTimeLineHistory` in
//! `timeline.c`). Where it can't have the parent's, because its copy is gone and the archive is away, it writes that line alone.

use std::fs;
use std::path::Path;

use crate::codec::Identities;
use crate::config::Config;
use crate::data_directory::{DataDirectory, KeptHistories, StateFolder};
use crate::error::{Class, Error, Result};
use crate::postgres::{SystemIdentifier, TimelineHistory, TimelineId, WalFileName, WalSegmentSize};
use crate::repository::{self, Fork, Repository, Source, SourceServer, WalFolder};

/// What a history is compared with.
pub(super) struct Lineage<'a> {
    pub config: &'a Config,
    pub repositories: &'a [&'a Repository],
    pub system: SystemIdentifier,
    pub kept: &'a KeptHistories,
}

impl Lineage<'_> {
    /// Fails where the history at `path` lacks what its parent's has; where nobody has that, nothing is known.
    pub(super) fn check(&self, timeline: TimelineId, path: &Path) -> Result<()> {
        let content = fs::read(path).map_err(|error| Error::file("read", path, &error))?;
        // What is no history is refused for that.
        let Ok(history) = TimelineHistory::parse(timeline, &content) else { return Ok(()) };
        let Some(parent) = history.parent().filter(|parent| parent.number() > 1) else {
            return Ok(());
        };
        let Some(of_parent) = self.find(parent) else { return Ok(()) };
        match history.lacks(&of_parent) {
            Some(lost) => Err(cut(timeline, parent, lost, path)),
            None => Ok(()),
        }
    }

    /// This host's copy, else that of a repository. A repository that can't be asked fails the push by itself.
    fn find(&self, timeline: TimelineId) -> Option<TimelineHistory> {
        let folder = WalFolder::new(&self.config.cluster, self.system);
        let identities = repository::identities(self.config).ok()?;
        let source =
            Source { folder: &folder, identities: &identities, limits: self.config.limits };
        self.kept.find(timeline).or_else(|| {
            let mut repositories = self.repositories.iter();
            repositories.find_map(|repository| repository.history(&source, timeline).ok().flatten())
        })
    }
}

fn cut(timeline: TimelineId, parent: TimelineId, lost: TimelineId, path: &Path) -> Error {
    let (own, parent) = (WalFileName::History(timeline), WalFileName::History(parent));
    let message = format!(
        "could not archive {own}: it must begin with the lines of {parent}, and has none of timeline {}: with it no \
         restore from a base backup of timeline {} would get to timeline {}",
        lost.number(),
        lost.number(),
        timeline.number()
    );
    Error::new(Class::Conflict, message).hint(format!(
        "The server was promoted without the history of its timeline. Fetch it (wal-fetch {parent} /tmp/{parent}), and put its \
         lines before those of {path:?}."
    ))
}

pub(super) struct LeftBehind<'a> {
    pub config: &'a Config,
    pub data_directory: Option<&'a DataDirectory>,
    pub state: Option<&'a StateFolder>,
    pub folder: &'a WalFolder,
}

impl SourceServer for LeftBehind<'_> {
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
