//! Judges base backups, each repository by itself: kept by the rules, or because point-in-time recovery begins with it.
//!
//! On each timeline such a recovery needs a base backup older than the WAL window, and behind each gap in the WAL
//! another.

use std::collections::{BTreeMap, BTreeSet};

use humantime::format_duration;
use jiff::Timestamp;

use super::{Attempt, Candidate, Holdings, RetentionVerdict};
use crate::backup::begun;
use crate::config::RetentionConfig;
use crate::postgres::{Lsn, TimelineId};
use crate::retention::{ago, reasons};

/// From this base backup on, point-in-time recovery to a timeline is kept up.
#[derive(Debug, Clone, Copy)]
pub struct Base {
    /// Its place in the holdings.
    pub backup: usize,
    pub timeline: TimelineId,
}

/// What becomes of each base backup, and which ones point-in-time recovery begins with.
pub fn verdicts(
    holdings: &Holdings<'_>,
    policy: &RetentionConfig,
    now: Timestamp,
) -> (Vec<RetentionVerdict>, Vec<Base>) {
    let mut verdicts: Vec<Option<RetentionVerdict>> = vec![None; holdings.backups.len()];
    let mut bases = Vec::new();
    let places: BTreeSet<usize> = holdings.backups.iter().map(|it| it.repository).collect();
    for repository in places {
        let all = holdings.in_order().into_iter();
        let all = all.filter(|at| holdings.backups[*at].repository == repository);
        let all: Vec<usize> = all.collect();
        let backups: Vec<&Candidate> = all.iter().map(|at| &holdings.backups[*at]).collect();
        let window = policy.keep.within.max(policy.wal_window);
        let reasons = reasons(&backups, &policy.keep, window, now);
        let reasons = all.iter().copied().zip(reasons).collect();
        let here = |at: &usize| holdings.backups[*at].repository == repository;
        let sure = holdings.sure().into_iter().filter(here).collect();
        let doubtful = holdings.doubtful().into_iter().filter(here).collect();
        let judge = Judge { holdings, policy, now, sure, doubtful, reasons };
        let here = judge.bases();
        for (at, it) in holdings.backups.iter().enumerate() {
            if it.repository == repository {
                verdicts[at] = Some(judge.verdict(at, it, &here));
            }
        }
        bases.extend(here);
    }
    let kept = || RetentionVerdict::keep("nobody judged it");
    (verdicts.into_iter().map(|it| it.unwrap_or_else(kept)).collect(), bases)
}

/// Of the base backups in one repository.
struct Judge<'a> {
    holdings: &'a Holdings<'a>,
    policy: &'a RetentionConfig,
    now: Timestamp,
    /// Those that can be restored and ended when they say so, the oldest first.
    sure: Vec<usize>,
    /// Those that can be restored and whose time is in doubt.
    doubtful: Vec<usize>,
    /// Why each backup is kept, whatever the WAL.
    reasons: BTreeMap<usize, Vec<String>>,
}

impl Judge<'_> {
    fn verdict(&self, at: usize, it: &Candidate, bases: &[Base]) -> RetentionVerdict {
        if self.holdings.closed.contains(&it.repository) {
            return RetentionVerdict::keep("nothing is deleted in this repository");
        }
        let mut reasons = self.reasons.get(&at).cloned().unwrap_or_default();
        let timelines = bases.iter().filter(|base| base.backup == at);
        if timelines.count() > 0 {
            let window = format_duration(self.policy.wal_window);
            reasons.push(format!("point-in-time recovery of {window} begins with it"));
        }
        RetentionVerdict::of(&it.condition, &reasons)
    }

    /// For each timeline that may have been written to since the window began: the newest base backup that
    /// is older than that and leads to it, else the oldest that does.
    fn bases(&self) -> Vec<Base> {
        let timelines = self.holdings.timelines;
        let since = ago(self.now, self.policy.wal_window);
        let ended = |at: &usize| self.holdings.backups[*at].ended;
        let (before, after): (Vec<usize>, Vec<usize>) =
            self.sure.iter().partition(|at| ended(at) <= since);
        let stop = |at: &usize| self.holdings.backups[*at].span.stop.timeline;
        let oldest = before.last().map(stop);
        // A server that was left may have gone on for a while.
        let kept = after.iter().filter(|at| self.reasons.get(at).is_some_and(|it| !it.is_empty()));
        let lived: BTreeSet<TimelineId> = kept.map(stop).collect();
        let alive =
            |it: &TimelineId| oldest.is_none_or(|oldest| *it >= oldest) || lived.contains(it);
        let of_timeline = |timeline: TimelineId| {
            let leads = |at: &&usize| timelines.passes(&self.holdings.backups[**at].span, timeline);
            let after: Vec<usize> = after.iter().filter(leads).copied().collect();
            let before: Vec<usize> = before.iter().filter(leads).copied().collect();
            let first = self.first(timeline, &before, &after);
            // Copied from elsewhere, as it seems: it begins nothing that another one ends.
            let copied = self.doubtful.iter().filter(leads).rfind(|at| ended(at) <= since);
            let copied: Vec<usize> =
                copied.filter(|_| first.is_none()).copied().into_iter().collect();
            let all: Vec<usize> = first.into_iter().chain(after).collect();
            let bases = self.behind_gaps(timeline, &all);
            bases.into_iter().chain(self.behind_gaps(timeline, &copied))
        };
        timelines.all().filter(alive).flat_map(of_timeline).collect()
    }

    /// The newest of those before the window. One that is ahead of what was taken after it, or of all WAL, is not what it
    /// says it is.
    fn first(&self, timeline: TimelineId, before: &[usize], after: &[usize]) -> Option<usize> {
        let start = |at: &usize| self.holdings.backups[*at].span.start.lsn;
        let last = self.holdings.wal.iter().flat_map(|(_, ranges)| ranges);
        let last = last.filter(|range| range.first.timeline == timeline);
        let last = last.filter_map(|range| range.last.start(range.size).ok()).max();
        let next = after.iter().map(start).min();
        let fits = |at: &&usize| {
            let start = start(at);
            let size = |last: Lsn| last.0.saturating_add(1 << 30);
            next.is_none_or(|next| start <= next) && last.is_none_or(|last| start.0 <= size(last))
        };
        before.iter().rfind(fits).or(before.last()).copied()
    }

    /// The first of these, and behind each gap in the WAL the first one again.
    fn behind_gaps(&self, timeline: TimelineId, all: &[usize]) -> Vec<Base> {
        let mut reached = None;
        let mut bases = Vec::new();
        for at in all {
            let span = &self.holdings.backups[*at].span;
            if reached.is_none_or(|reached| reached < span.stop.lsn) {
                reached = self.holdings.timelines.reach(span, timeline).max(Some(span.stop.lsn));
                bases.push(Base { backup: *at, timeline });
            }
        }
        bases
    }
}

/// What becomes of those without a description.
pub fn unfinished(
    holdings: &Holdings<'_>,
    policy: &RetentionConfig,
    now: Timestamp,
) -> Vec<RetentionVerdict> {
    let verdict = |it: &Attempt| match holdings.closed.contains(&it.repository) {
        true => RetentionVerdict::keep("nothing is deleted in this repository"),
        false => {
            RetentionVerdict::of_leavings("unfinished", it.begun(), it.newest, &policy.keep, now)
        }
    };
    holdings.unfinished.iter().map(verdict).collect()
}

impl Attempt {
    /// As its id says.
    pub fn begun(&self) -> Option<Timestamp> {
        begun(&self.id)
    }
}
