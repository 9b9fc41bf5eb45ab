use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::KeepConfig;

/// What a period is called, such as `2026-11` for a month.
type Period = fn(Timestamp) -> String;

const DAY: Period = |time| time.strftime("%Y-%m-%d").to_string();
const MONTH: Period = |time| time.strftime("%Y-%m").to_string();
const YEAR: Period = |time| time.strftime("%Y").to_string();
const WEEK: Period = |time| {
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
