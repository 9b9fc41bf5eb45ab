//! What retention keeps, what it deletes, and why. Pure: no I/O, no clock.
//!
//! Each repository is judged by what it holds itself, so that it goes on being of use alone. WAL is kept for
//! every base backup that is kept anywhere: a recovery takes each file from whatever repository has it.
//!
//! Base backups are judged first, here: kept by the rules, or because point-in-time recovery begins with it. On each timeline such
//! a recovery needs a base backup older than the WAL window, and behind each gap in the WAL another. `wal` then keeps what those
//! need that stay.

#[cfg(test)]
mod tests;
mod wal;

use std::collections::{BTreeMap, BTreeSet};

use humantime::format_duration;
use jiff::Timestamp;

use super::windows::{Span, Timelines};
use crate::backup::{Candidate, Described as _, Holdings, PlanLine, Verdicts, judge};
use crate::basebackup::Description;
use crate::config::RetentionConfig;
use crate::error::Result;
use crate::postgres::{Lsn, TimelineId};
use crate::repository::WalRange;
use crate::retention::ago;

pub use self::wal::WalLine;

/// A base backup in one repository, with the WAL that it needs.
pub type BaseCandidate = Candidate<Span>;

/// All that there is of one system.
#[derive(Debug)]
pub struct SystemHoldings<'a> {
    pub stored: Holdings<Span>,
    /// The segments of which there is a file of any kind, in each repository that was listed.
    pub wal: Vec<(usize, Vec<WalRange>)>,
    /// Those of them that the store dates within the window, in order.
    pub young: BTreeMap<usize, Vec<WalRange>>,
    /// Those of them, by repository, that another repository is owed and gets from there, in order.
    pub owed: BTreeMap<usize, Vec<WalRange>>,
    /// Of all repositories together.
    pub timelines: &'a Timelines,
    /// The size of its WAL segments was changed: which WAL is older than which can't be told.
    pub mixed_sizes: bool,
}

/// What becomes of each thing that there is.
#[derive(Debug)]
pub struct Plan {
    pub stored: Verdicts,
    /// By repository, then by position.
    pub wal: Vec<WalLine>,
    bases: Vec<Base>,
}

/// One step of a plan.
#[derive(Debug, Clone)]
pub enum Deletion {
    /// Of a base backup, or of objects without a description.
    Stored(PlanLine),
    Wal(WalLine),
}

/// Fails when the clock of this host is wrong for certain.
pub fn plan(
    holdings: &SystemHoldings<'_>,
    policy: &RetentionConfig,
    now: Timestamp,
) -> Result<Plan> {
    let (stored, bases) = verdicts(holdings, policy, now)?;
    let mut plan = Plan { stored, wal: Vec::new(), bases };
    plan.wal = plan.wal_beside(holdings, policy, now, &BTreeSet::new());
    Ok(plan)
}

impl Plan {
    /// What becomes of base backups, and of what has no description or one that can't be read; the oldest base backup first.
    pub fn lines(&self, holdings: &SystemHoldings<'_>) -> Vec<PlanLine> {
        holdings.stored.lines(&self.stored)
    }

    /// In an order that may be cut short anywhere: first base backups, then the WAL that only they needed,
    /// the oldest first.
    pub fn deletions(&self, holdings: &SystemHoldings<'_>) -> Vec<Deletion> {
        let stored = self.lines(holdings).into_iter().filter(|line| !line.verdict.keep);
        let wal = self.wal.iter().filter(|line| !line.verdict.keep).cloned();
        stored.map(Deletion::Stored).chain(wal.map(Deletion::Wal)).collect()
    }

    /// What becomes of the WAL if these base backups, by repository and id, could not be deleted.
    pub fn wal_beside(
        &self,
        holdings: &SystemHoldings<'_>,
        policy: &RetentionConfig,
        now: Timestamp,
        stayed: &BTreeSet<(usize, String)>,
    ) -> Vec<WalLine> {
        let stays = |it: &BaseCandidate| stayed.contains(&(it.repository, it.id.clone()));
        let backups = &holdings.stored.backups;
        let kept = |at: &usize| self.stored.backups[*at].keep || stays(&backups[*at]);
        let kept: Vec<usize> = holdings.stored.in_order().into_iter().filter(kept).collect();
        wal::lines(holdings, policy, now, &kept, &self.bases, &self.stored.unfinished)
    }
}

/// From this base backup on, point-in-time recovery to a timeline is kept up.
#[derive(Debug, Clone, Copy)]
pub struct Base {
    /// Its place in the holdings.
    pub backup: usize,
    pub timeline: TimelineId,
}

/// What becomes of each base backup, and which ones point-in-time recovery begins with. Fails when the clock of this host is
/// wrong for certain.
pub fn verdicts(
    holdings: &SystemHoldings<'_>,
    policy: &RetentionConfig,
    now: Timestamp,
) -> Result<(Verdicts, Vec<Base>)> {
    let (stored, window) = (&holdings.stored, policy.keep.within.max(policy.wal_window));
    let (sure, doubtful) = (stored.sure(), stored.doubtful());
    let mut bases = Vec::new();
    let begins =
        format!("point-in-time recovery of {} begins with it", format_duration(policy.wal_window));
    let mut add_bases = |all: &[usize], reasons: &mut [Vec<String>]| {
        let here = |places: &[usize]| -> Vec<usize> {
            places.iter().copied().filter(|at| all.contains(at)).collect()
        };
        let kept = all.iter().zip(&*reasons).filter(|(_, reasons)| !reasons.is_empty());
        let kept = kept.map(|(at, _)| *at).collect();
        let (sure, doubtful) = (here(&sure), here(&doubtful));
        let here = Judge { holdings, policy, now, sure, doubtful, kept }.bases();
        for (at, reasons) in all.iter().zip(reasons) {
            if here.iter().any(|base| base.backup == *at) {
                reasons.push(begins.clone());
            }
        }
        bases.extend(here);
    };
    let what = (Description::WHAT, stored);
    let verdicts = judge(what, &policy.keep, window, now, &mut add_bases)?;
    Ok((verdicts, bases))
}

/// Of the base backups in one repository.
struct Judge<'a> {
    holdings: &'a SystemHoldings<'a>,
    policy: &'a RetentionConfig,
    now: Timestamp,
    /// Those that can be restored and ended when they say so, the oldest first.
    sure: Vec<usize>,
    /// Those that can be restored and whose time is in doubt.
    doubtful: Vec<usize>,
    /// Those that are kept whatever the WAL.
    kept: BTreeSet<usize>,
}

impl Judge<'_> {
    /// For each timeline that may have been written to since the window began: the newest base backup that
    /// is older than that and leads to it, else the oldest that does.
    fn bases(&self) -> Vec<Base> {
        let timelines = self.holdings.timelines;
        let since = ago(self.now, self.policy.wal_window);
        let ended = |at: &usize| self.holdings.stored.backups[*at].ended;
        let (before, after): (Vec<usize>, Vec<usize>) =
            self.sure.iter().partition(|at| ended(at) <= since);
        let stop = |at: &usize| self.holdings.stored.backups[*at].needs.stop.timeline;
        let oldest = before.last().map(stop);
        // A server that was left may have gone on for a while.
        let kept = after.iter().filter(|at| self.kept.contains(at));
        let lived: BTreeSet<TimelineId> = kept.map(stop).collect();
        let alive =
            |it: &TimelineId| oldest.is_none_or(|oldest| *it >= oldest) || lived.contains(it);
        let of_timeline = |timeline: TimelineId| {
            let leads =
                |at: &&usize| timelines.passes(&self.holdings.stored.backups[**at].needs, timeline);
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
        let start = |at: &usize| self.holdings.stored.backups[*at].needs.start.lsn;
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
            let span = &self.holdings.stored.backups[*at].needs;
            if reached.is_none_or(|reached| reached < span.stop.lsn) {
                reached = self.holdings.timelines.reach(span, timeline).max(Some(span.stop.lsn));
                bases.push(Base { backup: *at, timeline });
            }
        }
        bases
    }
}
