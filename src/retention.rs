//! Which backups are kept, whatever they are of. Pure: no I/O, no clock.
//!
//! Here is the policy; `clocks` says what time it is and whose word on a time counts, before the policy is asked.

mod clocks;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use humantime::format_duration;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::KeepConfig;
use crate::error::{Class, Error, Result};

pub use self::clocks::{Clocks, Dates, Noted, believable, doubt};

/// How far the clocks of two hosts may be apart.
pub const CLOCKS_APART: SignedDuration = SignedDuration::from_hours(1);

/// What becomes of something, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionVerdict {
    pub keep: bool,
    pub reason: String,
}

/// Whether a backup can be restored from its repository alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    Good,
    /// Why that can't be told.
    Unknown(String),
    /// Why not.
    Bad(String),
}

/// A backup in one repository.
pub trait Prunable {
    /// As its description says: who wrote it may say anything.
    fn ended(&self) -> Timestamp;
    /// When that was stored.
    fn dates(&self) -> Dates;
    fn pinned(&self) -> bool;
    fn condition(&self) -> &Condition;
    /// Whether it holds so much less than those before it that it must not take their place.
    fn fell(&self) -> bool {
        false
    }

    /// Why what it says of its time counts for nothing.
    fn doubt(&self) -> Option<String> {
        self.dates().doubt(self.ended())
    }

    /// Whether it can be restored, and ended when it says so: only such a one takes the place of others.
    fn is_sure(&self) -> bool {
        *self.condition() == Condition::Good && self.doubt().is_none()
    }

    fn seen(&self) -> Timestamp {
        self.dates().seen(self.ended())
    }
}

impl RetentionVerdict {
    pub fn keep(reason: impl Into<String>) -> Self {
        Self { keep: true, reason: reason.into() }
    }

    pub fn delete(reason: impl Into<String>) -> Self {
        Self { keep: false, reason: reason.into() }
    }

    /// Where not all is known, or not what time it is.
    pub fn closed() -> Self {
        Self::keep("nothing is deleted in this repository")
    }

    /// Of a backup that is kept for these reasons; none is kept for none.
    pub fn of(condition: &Condition, reasons: &[String]) -> Self {
        match (condition, reasons.is_empty()) {
            (Condition::Bad(fault), true) => Self::delete(format!("can't be restored: {fault}")),
            (Condition::Bad(fault), false) => {
                Self::keep(format!("{}; can't be restored: {fault}", reasons.join(", ")))
            }
            (_, true) => Self::delete("no rule keeps it"),
            (_, false) => Self::keep(reasons.join(", ")),
        }
    }

    /// Of what was begun at some time, as its name says, and has come to no end yet. What the store saw last of it,
    /// where that is known, is younger, or shows that the name can't be right. `what` begins the reason.
    pub fn of_leavings(
        what: &str,
        begun: Option<Timestamp>,
        seen: Option<Timestamp>,
        keep: &KeepConfig,
        now: Timestamp,
    ) -> Self {
        let limit = format_duration(keep.unfinished);
        let last = |begun: Timestamp| match seen {
            Some(seen) if begun.duration_since(seen) > CLOCKS_APART => seen,
            Some(seen) => begun.max(seen),
            None => begun,
        };
        match begun.map(last) {
            None => Self::keep(format!("{what}, and its name does not tell when it was begun")),
            Some(begun) if begun > now => Self::keep(format!("{what}, begun later than now")),
            Some(begun) if begun > ago(now, keep.unfinished) => {
                Self::keep(format!("{what}, and begun within {limit}: may still be running"))
            }
            Some(_) => Self::delete(format!("{what}, and begun more than {limit} ago")),
        }
    }
}

/// Why the rules keep each of the backups in one repository, given from the oldest on.
///
/// A backup goes only when it is old by what it says of itself and by the clock of the store. One whose two times
/// disagree takes nobody's place: it was planted, or copied from elsewhere. It is kept for `window`, by the clock of
/// the store, and then as the rules would have it beside all others, which are kept as if it were not there.
pub fn reasons<S: Prunable>(
    all: &[&S],
    keep: &KeepConfig,
    window: Duration,
    now: Timestamp,
) -> Vec<Vec<String>> {
    let of = |wanted: &dyn Fn(&S) -> bool| -> Vec<usize> {
        (0..all.len()).filter(|at| wanted(all[*at])).collect()
    };
    let good = of(&|it| *it.condition() == Condition::Good);
    let sure = of(&|it| it.is_sure());
    let mut beside = slots(&good, &|at| all[at].ended(), keep);
    let mut slots = slots(&sure, &|at| all[at].ended(), keep);
    before_a_fall(all, &sure, keep, &mut slots);
    let newest = sure.last().or(good.last());
    let of_one = |(at, it): (usize, &&S)| {
        let mut reasons = Vec::new();
        if it.pinned() {
            reasons.push("pinned".to_owned());
        }
        match newest {
            None => reasons.push("there is no good one in this repository".to_owned()),
            Some(newest) if *newest == at => reasons.push("the newest good one".to_owned()),
            Some(_) => {}
        }
        if let Condition::Unknown(why) = it.condition() {
            reasons.push(format!("perhaps can't be restored: {why}"));
        }
        let (seen, doubt) = (it.seen(), it.doubt());
        match &doubt {
            Some(doubt) if seen >= ago(now, window) => {
                let window = format_duration(window);
                reasons.push(format!("{doubt}: counts for no rule, stays {window}"));
            }
            None if seen >= ago(now, keep.within) => {
                reasons.push(format!("within {}", format_duration(keep.within)));
            }
            _ => {}
        }
        let slots = if doubt.is_some() { &mut beside } else { &mut slots };
        reasons.extend(slots.remove(&at).into_iter().flatten());
        reasons
    };
    all.iter().enumerate().map(of_one).collect()
}

/// What holds far less than before is kept like any other, but does not make the others old: they are kept as if it
/// were not there.
fn before_a_fall<S: Prunable>(
    all: &[&S],
    good: &[usize],
    keep: &KeepConfig,
    reasons: &mut BTreeMap<usize, Vec<String>>,
) {
    let steady: Vec<usize> = good.iter().copied().filter(|at| !all[*at].fell()).collect();
    if steady.len() == good.len() {
        return;
    }
    let last = good.iter().zip(good.iter().skip(1));
    let last = last.filter(|(one, next)| !all[**one].fell() && all[**next].fell());
    for (at, _) in last {
        reasons.entry(*at).or_default().push("the last before it fell".to_owned());
    }
    for (at, more) in slots(&steady, &|at| all[at].ended(), keep) {
        let known = reasons.entry(at).or_default();
        if known.is_empty() {
            known.extend(more.iter().map(|it| format!("{it} before it fell")));
        }
    }
}

/// Fails when the clock of this host is wrong for certain: earlier than the end of this backup. Whether it runs ahead,
/// the clocks of the stores tell ([`Clocks`]).
pub fn check_clock(what: &str, id: &str, ended: Timestamp, now: Timestamp) -> Result<()> {
    if ended.duration_since(now) <= CLOCKS_APART {
        return Ok(());
    }
    let message =
        format!("expected it to be later than the end of {what} {id} at {ended}, found {now:.0}");
    Err(Error::new(Class::Configuration, message)
        .hint("Set this host's clock right; nothing was deleted."))
}

/// `time` ago; the beginning of time where that is before it.
pub fn ago(now: Timestamp, time: Duration) -> Timestamp {
    now.saturating_sub(time).unwrap_or(Timestamp::MIN)
}

/// What a period is called, such as `2026-11` for a month.
type PeriodName = fn(Timestamp) -> String;

const DAY: PeriodName = |time| time.strftime("%Y-%m-%d").to_string();
const MONTH: PeriodName = |time| time.strftime("%Y-%m").to_string();
const YEAR: PeriodName = |time| time.strftime("%Y").to_string();
const WEEK: PeriodName = |time| {
    let week = time.to_zoned(TimeZone::UTC).date().iso_week_date();
    format!("{}-W{:02}", week.year(), week.week())
};

/// Why the policy keeps which of the good backups of one repository. `good` are their places, oldest first.
///
/// Periods are counted that have a backup, so no clock is asked and a time without backups costs none. What
/// is deleted of the rest changes nothing in the next answer.
pub fn slots(
    good: &[usize],
    ended: &dyn Fn(usize) -> Timestamp,
    keep: &KeepConfig,
) -> BTreeMap<usize, Vec<String>> {
    let mut reasons: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let last = good.iter().rev().enumerate();
    for (number, at) in last.take(keep.last) {
        reasons.entry(*at).or_default().push(format!("last {}", number + 1));
    }
    for (count, period) in
        [(keep.daily, DAY), (keep.weekly, WEEK), (keep.monthly, MONTH), (keep.yearly, YEAR)]
    {
        let mut seen = BTreeSet::new();
        for at in good.iter().rev() {
            let name = period(ended(*at));
            if seen.len() < count && seen.insert(name.clone()) {
                reasons.entry(*at).or_default().push(format!("newest of {name}"));
            }
        }
    }
    reasons
}
