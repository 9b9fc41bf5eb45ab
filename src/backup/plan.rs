//! What retention keeps and deletes of backups, for each copy, and why. Pure.
//!
//! Each repository is judged by what it holds itself, so that it goes on being of use alone.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::catalogue::{Backup, Catalogue, StoredBackup};
use super::{Kind, SelfContained, begun, fallen};
use crate::config::KeepConfig;
use crate::error::Result;
use crate::retention::{
    Condition, Dates, Prunable, RetentionVerdict, believable, check_clock, reasons,
};

/// All backups of one system. `N` is what each needs beside its folder.
#[derive(Debug, Clone)]
pub struct Holdings<N = ()> {
    pub backups: Vec<Candidate<N>>,
    pub unfinished: Vec<Attempt>,
    /// With a description that can't be read: what they need is not known.
    pub broken: Vec<Attempt>,
    /// Repositories that are not known well enough to delete anything there.
    pub closed: BTreeSet<usize>,
}

/// A backup in one repository.
#[derive(Debug, Clone)]
pub struct Candidate<N = ()> {
    pub repository: usize,
    pub id: String,
    pub began: Timestamp,
    pub ended: Timestamp,
    /// When its description was stored.
    pub dates: Dates,
    /// Length of all that lies in its folder, in bytes.
    pub bytes: u64,
    pub pinned: bool,
    /// The names of the repositories that are owed it.
    pub owed_to: Vec<String>,
    pub condition: Condition,
    /// Whether it holds so much less than those before it that it must not take their place.
    pub fell: bool,
    pub needs: N,
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

/// What becomes of each, in the order of the holdings. What is broken is kept.
#[derive(Debug)]
pub struct Verdicts {
    pub backups: Vec<RetentionVerdict>,
    pub unfinished: Vec<RetentionVerdict>,
}

/// What becomes of one thing in one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanLine {
    pub repository: usize,
    pub id: String,
    pub what: PlanSubject,
    /// Length of all that lies in its folder, in bytes.
    pub bytes: u64,
    pub verdict: RetentionVerdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlanSubject {
    Backup,
    /// Objects without a description.
    Unfinished,
    /// Objects whose description can't be read.
    Broken,
}

impl<N> Prunable for Candidate<N> {
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

    fn fell(&self) -> bool {
        self.fell
    }
}

impl Attempt {
    /// As its id says.
    pub fn begun(&self) -> Option<Timestamp> {
        begun(&self.id)
    }
}

impl<N> Holdings<N> {
    /// What a catalogue has of one system. A repository that was not seen whole is closed.
    pub fn of<K: Kind>(
        catalogue: &Catalogue<K>,
        system: K::System,
        condition: &dyn Fn(&Backup<K>, &StoredBackup) -> Condition,
        needs: &dyn Fn(&Backup<K>) -> N,
    ) -> Self {
        let candidate = |it: &Backup<K>, copy: &StoredBackup| Candidate {
            repository: copy.repository,
            id: it.id.clone(),
            began: it.began,
            ended: it.ended,
            dates: copy.dates(),
            bytes: copy.occupied,
            pinned: copy.pinned,
            owed_to: copy.owed_to.clone(),
            condition: condition(it, copy),
            fell: false,
            needs: needs(it),
        };
        let backups = catalogue.backups.iter().filter(|it| it.system == system);
        let copies = backups.flat_map(|it| it.copies.iter().map(move |copy| (it, copy)));
        let unfinished = catalogue.unfinished.iter().filter(|it| it.system == system);
        let broken = catalogue.broken.iter().filter(|it| it.system == system);
        let attempt = |repository: usize, id: &str, newest, bytes| {
            let newest = believable(newest);
            Attempt { repository, id: id.to_owned(), newest, bytes }
        };
        Self {
            backups: copies.map(|(it, copy)| candidate(it, copy)).collect(),
            unfinished: unfinished
                .map(|it| attempt(it.repository, &it.id, it.newest, it.stored_size))
                .collect(),
            broken: broken.map(|it| attempt(it.repository, &it.id, None, 0)).collect(),
            closed: catalogue.failures.iter().map(|it| it.repository).collect(),
        }
    }

    /// Places of the backups from the oldest on, whatever the order they are in.
    pub fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.backups.len()).collect();
        order.sort_by_key(|at| {
            let it = &self.backups[*at];
            (it.ended, &it.id, it.repository)
        });
        order
    }

    /// The same of those that can be restored and ended when they say so.
    pub fn sure(&self) -> Vec<usize> {
        self.in_order().into_iter().filter(|at| self.backups[*at].is_sure()).collect()
    }

    /// The same of those that can be restored and whose time is in doubt.
    pub fn doubtful(&self) -> Vec<usize> {
        let doubtful = |it: &Candidate<N>| it.condition == Condition::Good && !it.is_sure();
        self.in_order().into_iter().filter(|at| doubtful(&self.backups[*at])).collect()
    }

    /// A line for each thing, backups first, from the oldest on.
    pub fn lines(&self, verdicts: &Verdicts) -> Vec<PlanLine> {
        let backups = self.in_order().into_iter().map(|at| {
            let Candidate { repository, id, bytes, .. } = &self.backups[at];
            (*repository, id, PlanSubject::Backup, *bytes, verdicts.backups[at].clone())
        });
        let attempt = |it: &'_ Attempt| (it.repository, it.bytes);
        let unfinished = self.unfinished.iter().zip(&verdicts.unfinished).map(|(it, verdict)| {
            let (repository, bytes) = attempt(it);
            (repository, &it.id, PlanSubject::Unfinished, bytes, verdict.clone())
        });
        let broken = self.broken.iter().map(|it| {
            let (repository, bytes) = attempt(it);
            let verdict = RetentionVerdict::keep("its description can't be read");
            (repository, &it.id, PlanSubject::Broken, bytes, verdict)
        });
        let line =
            |(repository, id, what, bytes, verdict): (usize, &String, _, u64, RetentionVerdict)| {
                PlanLine { repository, id: id.clone(), what, bytes, verdict }
            };
        backups.chain(unfinished).chain(broken).map(line).collect()
    }
}

/// Gets the places of the backups in one repository, the oldest first, with the reasons to keep each, and may add some.
pub type AddReasons<'a> = &'a mut dyn FnMut(&[usize], &mut [Vec<String>]);

/// Judges each repository by itself, for `window` at the least where somebody's time is in doubt. `more` adds to
/// the reasons of the rules.
///
/// Fails when the clock of this host is wrong for certain. `what` is what they are called.
pub fn judge<N>(
    (what, holdings): (&str, &Holdings<N>),
    keep: &KeepConfig,
    window: Duration,
    now: Timestamp,
    more: AddReasons<'_>,
) -> Result<Verdicts> {
    let backups = &holdings.backups;
    let sure = backups.iter().filter(|it| it.doubt().is_none());
    let newest = sure.max_by_key(|it| (it.ended, &it.id));
    newest.map_or(Ok(()), |it| check_clock(what, &it.id, it.ended, now))?;
    let judged = |repository: usize, verdict: RetentionVerdict| match holdings
        .closed
        .contains(&repository)
    {
        true => RetentionVerdict::closed(),
        false => verdict,
    };
    let mut verdicts = vec![RetentionVerdict::keep("nobody judged it"); backups.len()];
    let places: BTreeSet<usize> = backups.iter().map(|it| it.repository).collect();
    for repository in places {
        let all = holdings.in_order().into_iter();
        let all: Vec<usize> = all.filter(|at| backups[*at].repository == repository).collect();
        let here: Vec<&Candidate<N>> = all.iter().map(|at| &backups[*at]).collect();
        let mut reasons = reasons(&here, keep, window, now);
        for (it, reasons) in here.iter().zip(&mut reasons).filter(|(it, _)| !it.owed_to.is_empty())
        {
            reasons.push(format!("owed to {}", it.owed_to.join(", ")));
        }
        more(&all, &mut reasons);
        for ((at, it), reasons) in all.iter().zip(here).zip(&reasons) {
            verdicts[*at] = judged(repository, RetentionVerdict::of(&it.condition, reasons));
        }
    }
    let unfinished = holdings.unfinished.iter().map(|it| {
        let verdict = RetentionVerdict::of_leavings("unfinished", it.begun(), it.newest, keep, now);
        judged(it.repository, verdict)
    });
    Ok(Verdicts { backups: verdicts, unfinished: unfinished.collect() })
}

/// The plan for backups that stand alone: a line for each thing, by repository and then by the time in its id. Fails when the
/// clock of this host is wrong for certain.
pub fn plan<D: SelfContained>(
    catalogue: &Catalogue<D>,
    keep: &KeepConfig,
    now: Timestamp,
) -> Result<Vec<PlanLine>> {
    let condition = |_: &Backup<D>, copy: &StoredBackup| {
        copy.fault.clone().map_or(Condition::Good, Condition::Bad)
    };
    let mut holdings = Holdings::of(catalogue, (), &condition, &|_| ());
    mark_fallen(catalogue, &mut holdings);
    let verdicts = judge((D::WHAT, &holdings), keep, keep.within, now, &mut |_, _| {})?;
    let mut lines = holdings.lines(&verdicts);
    for line in lines.iter_mut().filter(|it| holdings.closed.contains(&it.repository)) {
        line.verdict = RetentionVerdict::closed();
    }
    lines.sort_by_key(|line| (line.repository, begun(&line.id), line.what));
    Ok(lines)
}

/// Those that hold far less than one before them in their repository, as from a disk that was not mounted.
fn mark_fallen<D: SelfContained>(catalogue: &Catalogue<D>, holdings: &mut Holdings) {
    let places: BTreeSet<usize> = holdings.backups.iter().map(|it| it.repository).collect();
    for repository in places {
        let described = |at: usize| {
            let copy = &holdings.backups[at];
            let good = copy.repository == repository && copy.condition == Condition::Good;
            let it = catalogue.backups.iter().find(|it| good && it.id == copy.id)?;
            Some((at, &it.facts))
        };
        let described = holdings.in_order().into_iter().filter_map(described);
        let (good, descriptions): (Vec<usize>, Vec<&D>) = described.unzip();
        for (at, fell) in good.into_iter().zip(fallen(descriptions)) {
            holdings.backups[at].fell = fell.is_some();
        }
    }
}
