//! The page in short. The first sentences: how far PostgreSQL can be restored, what else can't be restored at all, and
//! how the last drill went. The three tiles: how PostgreSQL, Redis and media files stand, and the newest and the oldest
//! moment that can be restored of each.
//!
//! The verdict of the check may only make a state worse, so a good sentence hides no trouble. Of several Redis or media
//! sets the tile tells the one that is the furthest behind, so a fresh one hides no stale one.

use jiff::Timestamp;

use super::ClusterFacts;
use super::standalone::SeriesFacts;
use super::system::{CanRestore, SystemFacts};
use crate::check::{CheckState, Service};
use crate::report::words::{between, listed, span, took};

/// The first sentences of the page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Headline {
    pub state: CheckState,
    pub sentence: String,
    pub more: String,
}

/// What can be restored now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RestorableWindow {
    pub from: Timestamp,
    /// The WAL up to here is there, with all that was committed before.
    pub to: Timestamp,
    /// Whether there are gaps or losses before it.
    pub interrupted: bool,
}

impl SystemFacts {
    /// The last window of the newest timeline, from the oldest moment that leads to it without a gap.
    pub(crate) fn window(&self) -> Option<RestorableWindow> {
        let line = self.lines.iter().find(|line| Some(line.timeline) == self.newest_timeline)?;
        let last = line.stretches.iter().rfind(|stretch| stretch.since.is_some())?;
        let from = last.since?;
        let interrupted = line.windows > 1;
        Some(RestorableWindow { from, to: last.to.unwrap_or(from).max(from), interrupted })
    }
}

impl ClusterFacts {
    pub(crate) fn headline(&self) -> Headline {
        let (state, mut sentence) = self.restorable();
        let lost = self.lost();
        let state = if lost.is_empty() { state } else { CheckState::Critical };
        if !lost.is_empty() {
            sentence += &format!(" Nothing of {} can be restored.", listed(&lost));
        }
        let mut more = self.system().map(|system| self.rehearsed(system)).unwrap_or_default();
        let verdict = self.verdict.state();
        if verdict > state {
            // The sentence alone would make nobody look further.
            more += &match verdict {
                CheckState::Critical => {
                    format!(" But {} in danger: see below.", self.those(verdict))
                }
                _ => " Something needs a look: see below.".to_owned(),
            };
        }
        Headline { state: state.max(verdict), sentence, more }
    }

    /// Which kinds of data stand so, and whether that is one.
    fn those(&self, state: CheckState) -> String {
        let found: Vec<String> = self
            .tiles()
            .iter()
            .filter(|tile| tile.state == Some(state))
            .map(|tile| if tile.name == "Media files" { "the media" } else { tile.name }.to_owned())
            .collect();
        match found.as_slice() {
            [] => "something is".to_owned(),
            [one] => format!("{one} is"),
            _ => format!("{} are", listed(&found)),
        }
    }

    pub(super) fn restorable(&self) -> (CheckState, String) {
        let answered = self.places.iter().filter(|place| place.trouble.is_none()).count();
        let Some(system) = self.system() else {
            let sentence = match (answered, self.places.len()) {
                (0, _) => "No repository answered: what can be restored is not known.",
                (some, all) if some < all => {
                    "There is no base backup in the repositories that answered: they can restore nothing."
                }
                _ => "Nothing can be restored yet: there is no base backup.",
            };
            return (CheckState::Critical, sentence.to_owned());
        };
        if let Some(window) = system.window() {
            let ago = span(between(window.to, self.now));
            let reach = self.zone.range(window.from, window.to);
            // Of what, where it is not all.
            let what = if self.lost().is_empty() { "" } else { " PostgreSQL" };
            let interrupted = if window.interrupted { " There are gaps before that." } else { "" };
            return (
                CheckState::Ok,
                format!(
                    "You can restore{what} to any second from {reach}, {ago} before this report.{interrupted}"
                ),
            );
        }
        let newest = system.backups.iter().rfind(|backup| backup.restore == CanRestore::Yes);
        match newest {
            Some(backup) => {
                let at = self.zone.moment(backup.ended);
                let sentence =
                    format!("You can restore the base backup of {at}, and nothing since.");
                (CheckState::Critical, sentence)
            }
            None => (CheckState::Critical, "No base backup can be restored.".to_owned()),
        }
    }

    fn rehearsed(&self, system: &SystemFacts) -> String {
        let Some(last) = system.drills.last() else {
            return "A restore was never rehearsed, so how long it takes is not known.".to_owned();
        };
        let ago = span(between(last.ended, self.now));
        match last.passed {
            true => {
                let took = took(last.rto_seconds());
                format!("Last rehearsed {ago} before this report: it took {took}.")
            }
            false => format!("The last rehearsal, {ago} before this report, failed."),
        }
    }
}

/// How one kind of data stands: PostgreSQL, Redis or media files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tile {
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

impl ClusterFacts {
    /// PostgreSQL first.
    pub(crate) fn tiles(&self) -> [Tile; 3] {
        let [redis, media] = self.beside();
        [self.postgres(), redis, media]
    }

    /// What should be there beside PostgreSQL, and of which nothing can be restored.
    pub(crate) fn lost(&self) -> Vec<String> {
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
        let mut whole = backups().filter(|backup| backup.restore == CanRestore::Yes);
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
        let all: Vec<&SeriesFacts> =
            self.series.iter().filter(|it| it.kind == name && it.watched).collect();
        // Where a repository did not answer, it may be there all the same.
        let is_lost = |it: &&SeriesFacts| it.newest().is_none() && !it.partly;
        let lost: Vec<&SeriesFacts> = all.iter().copied().filter(is_lost).collect();
        let newest = all.iter().map(|it| it.newest().map(|kept| kept.ended)).min().flatten();
        let oldest =
            |it: &&SeriesFacts| it.backups.iter().find(|kept| kept.whole).map(|kept| kept.ended);
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
