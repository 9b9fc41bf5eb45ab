use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use humantime::format_duration;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::policy::slots;
use super::{Attempt, Candidate, Condition, Holdings, Verdict};
use crate::config::RetentionConfig;
use crate::postgres::TimelineId;

/// From this base backup on, point-in-time recovery to a timeline is kept up.
#[derive(Debug, Clone, Copy)]
pub struct Base {
    /// Its place in the holdings.
    pub backup: usize,
    pub timeline: TimelineId,
}

/// `time` ago; the beginning of time where that is before it.
pub fn ago(now: Timestamp, time: Duration) -> Timestamp {
    now.saturating_sub(time).unwrap_or(Timestamp::MIN)
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
        let good = holdings.good().into_iter();
        let good = good.filter(|at| holdings.backups[*at].repository == repository);
        let good: Vec<usize> = good.collect();
        let slots = slots(&holdings.backups, &good, policy);
        let judge = Judge { holdings, policy, now, good, slots };
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
    slots: BTreeMap<usize, Vec<String>>,
}

impl Judge<'_> {
    fn verdict(&self, at: usize, it: &Candidate, bases: &[Base]) -> Verdict {
        if self.holdings.closed.contains(&it.repository) {
            return Verdict::keep("nothing is deleted in this repository");
        }
        let mut reasons = self.reasons(at, it);
        let timelines = bases.iter().filter(|base| base.backup == at);
        if timelines.count() > 0 {
            let window = format_duration(self.policy.wal_window);
            reasons.push(format!("point-in-time recovery of {window} begins with it"));
        }
        match (&it.condition, reasons.is_empty()) {
            (Condition::Bad(fault), true) => Verdict::delete(format!("can't be restored: {fault}")),
            (Condition::Bad(fault), false) => {
                Verdict::keep(format!("{}; can't be restored: {fault}", reasons.join(", ")))
            }
            (_, true) => Verdict::delete("no rule keeps it"),
            (_, false) => Verdict::keep(reasons.join(", ")),
        }
    }

    /// Why it is kept, whatever the WAL.
    fn reasons(&self, at: usize, it: &Candidate) -> Vec<String> {
        let mut reasons = Vec::new();
        if it.pinned {
            reasons.push("pinned".to_owned());
        }
        match self.good.last() {
            None => reasons.push("there is no good one in this repository".to_owned()),
            Some(newest) if *newest == at => reasons.push("the newest good one".to_owned()),
            Some(_) => {}
        }
        if let Condition::Unknown(why) = &it.condition {
            reasons.push(format!("perhaps can't be restored: {why}"));
        }
        if it.ended >= ago(self.now, self.policy.keep_within) {
            let within = format_duration(self.policy.keep_within);
            reasons.push(format!("within {within}"));
        }
        reasons.extend(self.slots.get(&at).into_iter().flatten().cloned());
        reasons
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
        let kept = after.iter().filter(|at| {
            let it = &self.holdings.backups[**at];
            !self.reasons(**at, it).is_empty()
        });
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
    let limit = format_duration(policy.keep_unfinished);
    let verdict = |it: &Attempt| match it.begun() {
        _ if holdings.closed.contains(&it.repository) => {
            Verdict::keep("nothing is deleted in this repository")
        }
        None => Verdict::keep("unfinished, and its name does not tell when it was begun"),
        Some(begun) if begun > now => Verdict::keep("unfinished, begun later than now"),
        Some(begun) if begun > ago(now, policy.keep_unfinished) => {
            Verdict::keep(format!("unfinished, and begun within {limit}: perhaps under way"))
        }
        Some(_) => Verdict::delete(format!("unfinished, and begun more than {limit} ago")),
    };
    holdings.unfinished.iter().map(verdict).collect()
}

impl Attempt {
    /// As its id says.
    pub fn begun(&self) -> Option<Timestamp> {
        let time = self.id.get(..16)?;
        let civil = DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    }
}
