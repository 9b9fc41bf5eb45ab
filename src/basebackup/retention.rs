//! What retention keeps, what it deletes, and why. Pure: no I/O, no clock.
//!
//! Each repository is judged by what it holds itself, so that it goes on being of use alone. WAL is kept for
//! every base backup that is kept anywhere: a recovery takes each file from whatever repository has it.
//!
//! `backups` judges base backups first, and `wal` then keeps what those need that stay.

mod backups;
mod wal;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub use self::wal::WalLine;
pub use crate::retention::{Condition, RetentionVerdict};

use self::backups::Base;
use super::windows::{Span, Timelines};
use crate::config::RetentionConfig;
use crate::error::Result;
use crate::repository::WalRange;
use crate::retention::{Dates, Prunable, check_clock};

/// All that there is of one system.
#[derive(Debug)]
pub struct Holdings<'a> {
    pub backups: Vec<Candidate>,
    pub unfinished: Vec<Attempt>,
    /// With a description that can't be read: what it needs is not known.
    pub broken: Vec<Attempt>,
    /// The segments of which there is a file of any kind, in each repository that was listed.
    pub wal: Vec<(usize, Vec<WalRange>)>,
    /// Those of them that the store dates within the window, in order.
    pub young: BTreeMap<usize, Vec<WalRange>>,
    /// Of all repositories together.
    pub timelines: &'a Timelines,
    /// The size of its WAL segments was changed: which WAL is older than which can't be told.
    pub mixed_sizes: bool,
    /// Repositories that are not known well enough to delete anything there.
    pub closed: BTreeSet<usize>,
}

/// A base backup in one repository.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub repository: usize,
    pub id: String,
    pub span: Span,
    pub began: Timestamp,
    pub ended: Timestamp,
    /// When its description was stored.
    pub dates: Dates,
    /// Length of all that lies in its folder, in bytes.
    pub bytes: u64,
    pub pinned: bool,
    pub condition: Condition,
}

/// Objects in one repository whose description is not there, or can't be read.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub repository: usize,
    pub id: String,
    /// When the newest of them was stored, by the clock of the store, where that is known.
    pub newest: Option<Timestamp>,
    /// Their length in bytes.
    pub bytes: u64,
}

/// What becomes of each thing that there is.
#[derive(Debug)]
pub struct Plan {
    /// In the order of the holdings, as are the next.
    pub backups: Vec<RetentionVerdict>,
    pub unfinished: Vec<RetentionVerdict>,
    /// By repository, then by position.
    pub wal: Vec<WalLine>,
    bases: Vec<Base>,
}

/// One step of a plan. The numbers are places in the holdings.
#[derive(Debug, Clone, Copy)]
pub enum Deletion {
    Backup(usize),
    Unfinished(usize),
    Wal { repository: usize, range: WalRange },
}

impl Prunable for Candidate {
    fn ended(&self) -> Timestamp {
        self.ended
    }

    fn dates(&self) -> Dates {
        self.dates
    }

    fn pinned(&self) -> bool {
        self.pinned
    }

    fn condition(&self) -> &Condition {
        &self.condition
    }
}

impl Holdings<'_> {
    /// From the oldest on, whatever the order they are in.
    fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.backups.len()).collect();
        order.sort_by_key(|at| {
            let it = &self.backups[*at];
            (it.ended, &it.id, it.repository)
        });
        order
    }

    /// The same of those that can be restored and ended when they say so.
    fn sure(&self) -> Vec<usize> {
        self.in_order().into_iter().filter(|at| self.backups[*at].is_sure()).collect()
    }

    /// The same of those that can be restored and whose time is in doubt.
    fn doubtful(&self) -> Vec<usize> {
        let doubtful = |it: &Candidate| it.condition == Condition::Good && !it.is_sure();
        self.in_order().into_iter().filter(|at| doubtful(&self.backups[*at])).collect()
    }
}

/// Fails when the clock of this host is wrong for certain.
pub fn plan(holdings: &Holdings<'_>, policy: &RetentionConfig, now: Timestamp) -> Result<Plan> {
    let sure = holdings.backups.iter().filter(|it| it.doubt().is_none());
    let newest = sure.max_by_key(|it| (it.ended, &it.id));
    newest.map_or(Ok(()), |it| check_clock("base backup", &it.id, it.ended, now))?;
    let (backups, bases) = backups::verdicts(holdings, policy, now);
    let unfinished = backups::unfinished(holdings, policy, now);
    let mut plan = Plan { backups, unfinished, wal: Vec::new(), bases };
    plan.wal = plan.wal_beside(holdings, policy, now, &BTreeSet::new());
    Ok(plan)
}

impl Plan {
    /// What becomes of the WAL if these base backups, places in the holdings, could not be deleted.
    pub fn wal_beside(
        &self,
        holdings: &Holdings<'_>,
        policy: &RetentionConfig,
        now: Timestamp,
        stayed: &BTreeSet<usize>,
    ) -> Vec<WalLine> {
        let kept = |at: &usize| self.backups[*at].keep || stayed.contains(at);
        let kept: Vec<usize> = holdings.in_order().into_iter().filter(kept).collect();
        wal::lines(holdings, policy, now, &kept, &self.bases, &self.unfinished)
    }

    /// In an order that may be cut short anywhere: first base backups, then the WAL that only they needed,
    /// the oldest first.
    pub fn deletions(&self, holdings: &Holdings<'_>) -> Vec<Deletion> {
        let backups = holdings.in_order().into_iter().filter(|at| !self.backups[*at].keep);
        let unfinished = self.unfinished.iter().enumerate().filter(|(_, it)| !it.keep);
        let wal = self.wal.iter().filter(|line| !line.verdict.keep);
        let wal = wal.map(|it| Deletion::Wal { repository: it.repository, range: it.range });
        let unfinished = unfinished.map(|(at, _)| Deletion::Unfinished(at));
        backups.map(Deletion::Backup).chain(unfinished).chain(wal).collect()
    }
}

#[cfg(test)]
mod tests;
