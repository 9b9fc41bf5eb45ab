//! In words what missing or damaged WAL costs: which base backup can't be restored, and where recoveries end.

use jiff::Timestamp;

use super::Verification;
use super::session::Session;
use crate::basebackup::catalogue::{Backup, SystemWal};
use crate::basebackup::holes::window_begins;
use crate::basebackup::windows::Span;
use crate::postgres::{Lsn, TimelineId};
use crate::retention::ago;

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
