use std::collections::{BTreeMap, BTreeSet};

use humantime::format_duration;
use jiff::Timestamp;

use super::{Attempt, Candidate, Condition, Holdings, Verdict};
use crate::backup::begun;
use crate::config::RetentionConfig;
use crate::postgres::TimelineId;
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
) -> (Vec<Verdict>, Vec<Base>) {
    let mut verdicts: Vec<Option<Verdict>> = vec![None; holdings.backups.len()];
    let mut bases = Vec::new();
    let places: BTreeSet<usize> = holdings.backups.iter().map(|it| it.repository).collect();
    for repository in places {
        let all = holdings.in_order().into_iter();
        let all = all.filter(|at| holdings.backups[*at].repository == repository);
        let all: Vec<usize> = all.collect();
        let backups: Vec<&Candidate> = all.iter().map(|at| &holdings.backups[*at]).collect();
        let reasons = all.iter().copied().zip(reasons(&backups, &policy.keep, now)).collect();
        let good = |at: &usize| holdings.backups[*at].condition == Condition::Good;
        let good = all.into_iter().filter(good).collect();
        let judge = Judge { holdings, policy, now, good, reasons };
        let here = judge.bases();
        for (at, it) in holdings.backups.iter().enumerate() {
            if it.repository == repository {
                verdicts[at] = Some(judge.verdict(at, it, &here));
            }
        }
        bases.extend(here);
    }
    let kept = || Verdict::keep("nobody judged it");
    (verdicts.into_iter().map(|it| it.unwrap_or_else(kept)).collect(), bases)
}

/// Of the base backups in one repository.
struct Judge<'a> {
    holdings: &'a Holdings<'a>,
    policy: &'a RetentionConfig,
    now: Timestamp,
    /// Oldest first.
    good: Vec<usize>,
    /// Why each backup is kept, whatever the WAL.
    reasons: BTreeMap<usize, Vec<String>>,
}

impl Judge<'_> {
    fn verdict(&self, at: usize, it: &Candidate, bases: &[Base]) -> Verdict {
        if self.holdings.closed.contains(&it.repository) {
            return Verdict::keep("nothing is deleted in this repository");
        }
        let mut reasons = self.reasons.get(&at).cloned().unwrap_or_default();
        let timelines = bases.iter().filter(|base| base.backup == at);
        if timelines.count() > 0 {
            let window = format_duration(self.policy.wal_window);
            reasons.push(format!("point-in-time recovery of {window} begins with it"));
        }
        Verdict::of(&it.condition, &reasons)
    }

    /// For each timeline that may have been written to since the window began: the newest base backup that
    /// is older than that and leads to it, else the oldest that does.
    fn bases(&self) -> Vec<Base> {
        let timelines = self.holdings.timelines;
        let since = ago(self.now, self.policy.wal_window);
        let ended = |at: &usize| self.holdings.backups[*at].ended;
        let (before, after): (Vec<usize>, Vec<usize>) =
            self.good.iter().partition(|at| ended(at) <= since);
        let stop = |at: &usize| self.holdings.backups[*at].span.stop.timeline;
        let oldest = before.last().map(stop);
        // A server that was left may have gone on for a while.
        let kept = after.iter().filter(|at| self.reasons.get(at).is_some_and(|it| !it.is_empty()));
        let lived: BTreeSet<TimelineId> = kept.map(stop).collect();
        let alive =
            |it: &TimelineId| oldest.is_none_or(|oldest| *it >= oldest) || lived.contains(it);
        let of_timeline = |timeline: TimelineId| {
            let leads = |at: &&usize| timelines.passes(&self.holdings.backups[**at].span, timeline);
            let first = before.iter().rfind(leads).into_iter();
            let all: Vec<usize> = first.chain(after.iter().filter(leads)).copied().collect();
            self.behind_gaps(timeline, &all)
        };
        timelines.all().filter(alive).flat_map(of_timeline).collect()
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
) -> Vec<Verdict> {
    let verdict = |it: &Attempt| match holdings.closed.contains(&it.repository) {
        true => Verdict::keep("nothing is deleted in this repository"),
        false => Verdict::of_leavings("unfinished", it.begun(), &policy.keep, now),
    };
    holdings.unfinished.iter().map(verdict).collect()
}

impl Attempt {
    /// As its id says.
    pub fn begun(&self) -> Option<Timestamp> {
        begun(&self.id)
    }
}
