//! The first sentences of the page: how far PostgreSQL can be restored, what else can't be restored at all, and how the
//! last drill went. The verdict of the check may only make the state worse, so a good sentence hides no trouble.

use jiff::Timestamp;

use super::Facts;
use super::system::{Restore, System};
use crate::check::CheckState;
use crate::report::words::{between, listed, span, took};

/// The first sentences of the page.
#[derive(Debug, PartialEq, Eq)]
pub struct Headline {
    pub state: CheckState,
    pub sentence: String,
    pub more: String,
}

/// What can be restored now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: Timestamp,
    /// The WAL up to here is there, with all that was committed before.
    pub to: Timestamp,
    /// Whether there are gaps or losses before it.
    pub interrupted: bool,
}

impl System {
    /// The last window of the newest timeline, from the oldest moment that leads to it without a gap.
    pub fn window(&self) -> Option<Window> {
        let line = self.lines.iter().find(|line| Some(line.timeline) == self.newest_timeline)?;
        let last = line.stretches.iter().rfind(|stretch| stretch.since.is_some())?;
        let from = last.since?;
        let interrupted = line.windows > 1;
        Some(Window { from, to: last.to.unwrap_or(from).max(from), interrupted })
    }
}

impl Facts {
    pub fn headline(&self) -> Headline {
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
        let newest = system.backups.iter().rfind(|backup| backup.restore == Restore::Yes);
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

    fn rehearsed(&self, system: &System) -> String {
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
