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

use self::backups::Base;
use super::windows::{Span, Timelines};
use crate::backup::{Candidate, Holdings, PlanLine, Verdicts};
use crate::config::RetentionConfig;
use crate::error::Result;
use crate::repository::WalRange;

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
    let (stored, bases) = backups::verdicts(holdings, policy, now)?;
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

#[cfg(test)]
mod tests;
