//! What retention keeps and deletes of backups that stand alone, for each copy, and why. Pure, but for what the series
//! knows.
//!
//! Each repository is judged by what it holds itself, so that it goes on being of use alone.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Backup, SelfContained, Series};
use crate::backup::{StoredBackup, begun, fallen};
use crate::config::KeepConfig;
use crate::error::Result;
use crate::retention::{
    Condition, Dates, Prunable, RetentionVerdict, believable, check_clock, reasons,
};

/// What becomes of one thing in one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub repository: usize,
    pub id: String,
    pub what: What,
    /// Length of all that lies in its folder, in bytes.
    pub bytes: u64,
    pub verdict: RetentionVerdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Backup,
    /// Objects without a description.
    Unfinished,
    /// Objects whose description can't be read.
    Broken,
}

/// A backup in one repository, as the rules see it.
struct Copy<'a> {
    id: &'a str,
    ended: Timestamp,
    stored: &'a StoredBackup,
    condition: Condition,
    fell: bool,
}

impl Prunable for Copy<'_> {
    fn ended(&self) -> Timestamp {
        self.ended
    }

    fn dates(&self) -> Dates {
        self.stored.dates()
    }

    fn pinned(&self) -> bool {
        self.stored.pinned
    }

    fn condition(&self) -> &Condition {
        &self.condition
    }

    fn fell(&self) -> bool {
        self.fell
    }
}

/// A line for each thing, by repository and then by the time in its id. Fails when the clock of this host is wrong for
/// certain.
pub fn plan<D: SelfContained>(
    series: &Series<D>,
    keep: &KeepConfig,
    now: Timestamp,
) -> Result<Vec<Line>> {
    if let Some(newest) = newest(series) {
        check_clock(D::WHAT, &newest.id, newest.ended, now)?;
    }
    let mut lines = Vec::new();
    for repository in places(series) {
        let closed = series.failures.iter().any(|it| it.repository == repository);
        let mut copies: Vec<Copy<'_>> =
            series.backups.iter().flat_map(|it| copy_in(it, repository)).collect();
        copies.sort_by_key(|it| (it.ended, it.id));
        mark_fallen(series, &mut copies);
        let subjects: Vec<&Copy<'_>> = copies.iter().collect();
        let reasons = reasons(&subjects, keep, keep.within, now);
        let mut here = Vec::new();
        let mut push = |id: &str, what, bytes, verdict: RetentionVerdict| {
            let verdict = match closed {
                true => RetentionVerdict::keep("nothing is deleted in this repository"),
                false => verdict,
            };
            here.push(Line { repository, id: id.to_owned(), what, bytes, verdict });
        };
        for (copy, reasons) in copies.iter().zip(&reasons) {
            let verdict = RetentionVerdict::of(&copy.condition, reasons);
            push(copy.id, What::Backup, copy.stored.occupied, verdict);
        }
        for (_, it) in series.unfinished.iter().filter(|(at, _)| *at == repository) {
            let (begun, seen) = (begun(&it.id), believable(it.newest));
            let verdict = RetentionVerdict::of_leavings("unfinished", begun, seen, keep, now);
            push(&it.id, What::Unfinished, it.stored_size, verdict);
        }
        for it in series.broken.iter().filter(|it| it.repository == repository) {
            push(&it.id, What::Broken, 0, RetentionVerdict::keep("its description can't be read"));
        }
        here.sort_by(|one: &Line, other| {
            (begun(&one.id), one.what as u8).cmp(&(begun(&other.id), other.what as u8))
        });
        lines.append(&mut here);
    }
    Ok(lines)
}

/// The newest backup that ended when it says so, as far as some repository knows.
pub fn newest<D>(series: &Series<D>) -> Option<&Backup<D>> {
    let sure =
        |it: &&Backup<D>| it.copies.iter().any(|copy| copy.dates().doubt(it.ended).is_none());
    series.backups.iter().filter(sure).max_by_key(|it| (it.ended, &it.id))
}

fn places<D>(series: &Series<D>) -> BTreeSet<usize> {
    let backups = series.backups.iter().flat_map(|it| it.copies.iter().map(|copy| copy.repository));
    let unfinished = series.unfinished.iter().map(|(repository, _)| *repository);
    let broken = series.broken.iter().map(|it| it.repository);
    backups.chain(unfinished).chain(broken).collect()
}

fn copy_in<D>(backup: &Backup<D>, repository: usize) -> Option<Copy<'_>> {
    let stored = backup.copies.iter().find(|copy| copy.repository == repository)?;
    let condition = stored.fault.clone().map_or(Condition::Good, Condition::Bad);
    Some(Copy { id: &backup.id, ended: backup.ended, stored, condition, fell: false })
}

/// Those that hold far less than one before them, as from a disk that was not mounted.
fn mark_fallen<D: SelfContained>(series: &Series<D>, copies: &mut [Copy<'_>]) {
    let described = |copy: &Copy<'_>| series.backups.iter().find(|it| it.id == copy.id);
    let good = copies.iter_mut().filter(|it| it.condition == Condition::Good);
    let (mut good, descriptions): (Vec<_>, Vec<_>) =
        good.filter_map(|copy| described(copy).map(|it| (copy, &it.description))).unzip();
    for (copy, fell) in good.iter_mut().zip(fallen(descriptions)) {
        copy.fell = fell.is_some();
    }
}
