//! A history that is archived must go on from that of its parent, else nothing leads from older base backups to it.
//!
//! PostgreSQL writes the history of a new timeline by copying the parent's and adding a line (`writeTimeLineHistory` in
//! `timeline.c`). Where it can't have the parent's, because its copy is gone and the archive is away, it writes that line alone.

use std::fs;
use std::path::Path;

use crate::config::Config;
use crate::data_directory::KeptHistories;
use crate::error::{Class, Error, Result};
use crate::postgres::{SystemIdentifier, TimelineHistory, TimelineId, WalFileName};
use crate::repository::{self, Repository, Source, WalFolder};

/// What a history is compared with.
pub struct Lineage<'a> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub system: SystemIdentifier,
    pub kept: &'a KeptHistories,
}

impl Lineage<'_> {
    /// Fails where the history at `path` lacks what its parent's has; where nobody has that, nothing is known.
    pub fn check(&self, timeline: TimelineId, path: &Path) -> Result<()> {
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
