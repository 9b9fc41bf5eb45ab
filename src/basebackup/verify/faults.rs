//! What a verification found, as data, which commands show as text or JSON, and a fault as one line; and in words what missing or
//! damaged WAL costs: which base backup can't be restored, and where recoveries end.

use std::fmt;

use jiff::Timestamp;

use super::Verification;
use super::session::Session;
use crate::basebackup::catalogue::{Backup, SystemWal};
use crate::basebackup::holes::window_begins;
use crate::basebackup::windows::Span;
use crate::error::Error;
use crate::postgres::{Lsn, TimelineId};
use crate::retention::ago;

/// What verification found.
#[derive(Debug, Default)]
pub struct Report {
    pub quick: bool,
    pub faults: Vec<Fault>,
    /// Holes that retention leaves in the WAL behind older base backups, a line for each; no faults.
    pub not_kept: Vec<String>,
    /// What was not looked at, and why; no fault by itself.
    pub remarks: Vec<String>,
    /// Repositories that did not answer, or not to the end, and objects that none of our keys opens.
    pub errors: Vec<Error>,
    pub read: ReadTotals,
}

/// What was read, or with [`Report::quick`] looked at, and found to be as it should.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ReadTotals {
    pub backups: u64,
    /// Parts and manifests, in all repositories.
    pub objects: u64,
    /// Their stored length in bytes.
    pub object_bytes: u64,
    /// Segments and histories, in all repositories.
    pub wal_files: u64,
    /// Their stored length in bytes.
    pub wal_bytes: u64,
}

/// One object, or a gap, that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// By name; `None` for WAL that no repository has.
    pub repository: Option<String>,
    /// Its key, or the first and the last segment that are missing.
    pub object: String,
    /// What is wrong with it.
    pub found: String,
    /// What can't be recovered with it. Empty when nothing that was verified needs it.
    pub spoils: String,
    /// Repositories that have it whole.
    pub elsewhere: Vec<String>,
    /// Whether it is WAL that the newest base backup does not need and that no repository has: nothing can mend it, and it
    /// goes with the older base backups.
    pub past: bool,
}

impl Fault {
    /// A hole that is meant to be. `what` is missing there.
    pub(super) fn not_kept(&self, what: &str) -> String {
        let repository = self.repository.as_deref().unwrap_or("every repository");
        format!(
            "{repository}: {}: not kept, {what} before the WAL window; {}",
            self.object, self.spoils
        )
    }
}

/// One line.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repository = self.repository.as_deref().unwrap_or("every repository");
        write!(f, "{repository}: {}: {}", self.object, self.found)?;
        if !self.spoils.is_empty() {
            write!(f, "; {}", self.spoils)?;
        }
        match &self.elsewhere[..] {
            [] => Ok(()),
            [one] => write!(f, "; repository {one} has it"),
            more => write!(f, "; repositories {} have it", more.join(", ")),
        }
    }
}

/// What can't be recovered without some WAL of one system.
pub(super) struct Effects<'a> {
    pub(super) system: &'a SystemWal,
    /// Those that are verified and can go on with that WAL, newest first.
    pub(super) backups: Vec<&'a Backup>,
}

impl<'a> Effects<'a> {
    pub(super) fn new(verify: &'a Verification<'a>, system: &'a SystemWal) -> Self {
        let usable = |backup: &&Backup| {
            let same_size = backup.facts.segment_size == system.segment_size;
            backup.system == system.system && same_size
        };
        let backups = verify.backups.iter().copied().filter(usable);
        let mut backups: Vec<&Backup> = backups.collect();
        backups.sort_unstable_by(|one, other| other.id.cmp(&one.id));
        Self { system, backups }
    }

    /// When the base backup ended that the WAL window begins with: the newest one of this repository, or of all, that is
    /// older than the window.
    pub(super) fn window_begins(
        &self,
        session: &Session<'_>,
        repository: Option<usize>,
    ) -> Timestamp {
        let since = ago(Timestamp::now(), session.verify.config.retention.wal_window);
        let all = session.verify.survey.catalogue.backups.iter();
        let here = |it: &&Backup| {
            let of = |at: usize| it.copies.iter().any(|copy| copy.repository == at);
            it.system == self.system.system && repository.is_none_or(of)
        };
        let ends = all.filter(here).map(|it| it.facts.stop.time);
        window_begins(ends, since)
    }

    /// Without the WAL from `from` to `to` of a timeline. `repository`: where it is missing.
    pub(super) fn of_wal(
        &self,
        timeline: TimelineId,
        from: Lsn,
        to: Lsn,
        repository: Option<&str>,
    ) -> String {
        let passes =
            |span: &Span| span.archive_from() < to && self.system.timelines.passes(span, timeline);
        let reaches = |span: &Span| {
            let reach = self.system.timelines.reach(span, timeline);
            passes(span) && reach.unwrap_or(span.stop.lsn) >= from
        };
        let within = |wanted: &dyn Fn(&Span) -> bool| {
            let all = self.backups.iter().copied().filter(|backup| wanted(&backup.span()));
            all.collect::<Vec<_>>()
        };
        let affected = Some(within(&reaches)).filter(|some| !some.is_empty());
        let affected = affected.unwrap_or_else(|| within(&passes));
        let Some((newest, older)) = affected.split_first() else { return String::new() };
        let beyond = format!("no recovery beyond {from} on timeline {}", timeline.number());
        if !newest.facts.standalone && from < newest.facts.stop.lsn {
            let place = repository.map_or(String::new(), |name| format!(" from repository {name}"));
            let others = count(older.len());
            let others = others.map(|older| format!(" (and {beyond} from {older})"));
            let others = others.unwrap_or_default();
            return format!("base backup {} can't be restored{place}{others}", newest.id);
        }
        let others = count(older.len()).map(|older| format!(" and {older}"));
        format!("{beyond} from base backup {}{}", newest.id, others.unwrap_or_default())
    }

    /// Without the history of a timeline.
    pub(super) fn of_history(&self, timeline: TimelineId) -> String {
        let known = self.system.histories.contains_key(&timeline);
        let affected = self.backups.iter().filter(|backup| {
            let passes = self.system.timelines.passes(&backup.span(), timeline);
            backup.facts.start.timeline < timeline && (passes || !known)
        });
        let affected: Vec<_> = affected.collect();
        let Some((newest, older)) = affected.split_first() else { return String::new() };
        let others = count(older.len()).map(|older| format!(" and {older}"));
        let (number, id) = (timeline.number(), &newest.id);
        format!(
            "no recovery to timeline {number} from base backup {id}{}",
            others.unwrap_or_default()
        )
    }
}

fn count(older: usize) -> Option<String> {
    match older {
        0 => None,
        1 => Some("1 older one".to_owned()),
        more => Some(format!("{more} older ones")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line() {
        let mut fault = Fault {
            repository: Some("disk".to_owned()),
            object: "key".to_owned(),
            found: "expected a, found b".to_owned(),
            spoils: String::new(),
            elsewhere: Vec::new(),
            past: false,
        };
        assert_eq!(fault.to_string(), "disk: key: expected a, found b");
        fault.spoils = "nothing works".to_owned();
        fault.elsewhere = vec!["s3".to_owned()];
        assert_eq!(
            fault.to_string(),
            "disk: key: expected a, found b; nothing works; repository s3 has it"
        );
        fault.repository = None;
        fault.elsewhere.push("far".to_owned());
        assert_eq!(
            fault.to_string(),
            "every repository: key: expected a, found b; nothing works; repositories s3, far have it"
        );
    }
}
