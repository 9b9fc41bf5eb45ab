//! The three tiles: how PostgreSQL, Redis and media files stand, and the newest and the oldest moment that can be
//! restored of each. Of several Redis or media sets the tile tells the one that is the furthest behind, so a fresh one
//! hides no stale one.

use jiff::Timestamp;

use super::Facts;
use super::series::Series;
use super::system::Restore;
use crate::check::{CheckState, Service};

/// How one kind of data stands: PostgreSQL, Redis or media files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    pub name: &'static str,
    /// Which ones, where the page is not about one alone.
    pub of: String,
    /// `None`: nobody backs it up here.
    pub state: Option<CheckState>,
    /// What can be restored: of several that which is the furthest behind.
    pub newest: Option<Timestamp>,
    pub oldest: Option<Timestamp>,
    /// Those that should be there, and of which nothing can be restored.
    pub lost: Vec<String>,
}

impl Facts {
    /// PostgreSQL first.
    pub fn tiles(&self) -> [Tile; 3] {
        let [redis, media] = self.beside();
        [self.postgres(), redis, media]
    }

    /// What should be there beside PostgreSQL, and of which nothing can be restored.
    pub fn lost(&self) -> Vec<String> {
        self.beside().into_iter().flat_map(|tile| tile.lost).collect()
    }

    fn beside(&self) -> [Tile; 2] {
        [self.alone("Redis", Service::Redis), self.alone("Media files", Service::Media)]
    }

    fn worst(&self, service: Service) -> Option<CheckState> {
        let found = self.verdict.findings.iter().filter(|it| it.subject.service == service);
        found.map(|finding| finding.state).max()
    }

    fn postgres(&self) -> Tile {
        let window = self.system().and_then(|system| system.window());
        let backups = || self.system().into_iter().flat_map(|system| &system.backups);
        let mut whole = backups().filter(|backup| backup.restore == Restore::Yes);
        let oldest = whole.next().map(|backup| backup.ended);
        let newest = whole.next_back().map(|backup| backup.ended).or(oldest);
        let (state, _) = self.restorable();
        Tile {
            name: "PostgreSQL",
            of: self.cluster.clone(),
            state: Some(state.max(self.worst(Service::Postgresql).unwrap_or(CheckState::Ok))),
            newest: window.map(|window| window.to).or(newest),
            oldest: window.map(|window| window.from).or(oldest),
            lost: Vec::new(),
        }
    }

    fn alone(&self, name: &'static str, service: Service) -> Tile {
        let all: Vec<&Series> =
            self.series.iter().filter(|it| it.kind == name && it.watched).collect();
        // Where a repository did not answer, it may be there all the same.
        let is_lost = |it: &&Series| it.newest().is_none() && !it.partly;
        let lost: Vec<&Series> = all.iter().copied().filter(is_lost).collect();
        let newest = all.iter().map(|it| it.newest().map(|kept| kept.ended)).min().flatten();
        let oldest =
            |it: &&Series| it.backups.iter().find(|kept| kept.whole).map(|kept| kept.ended);
        let names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
        let found = self.worst(service).unwrap_or(CheckState::Unknown);
        let state = if lost.is_empty() { found } else { CheckState::Critical };
        Tile {
            name,
            of: names.join(", "),
            state: (!all.is_empty()).then_some(state),
            newest,
            oldest: if newest.is_some() { all.iter().filter_map(oldest).max() } else { None },
            lost: lost.iter().map(|it| format!("{} {}", said(name), it.name)).collect(),
        }
    }
}

/// A kind in the midst of a sentence.
fn said(name: &str) -> &str {
    if name == "Redis" { "Redis" } else { "the media files" }
}
