//! Reckons in how many days a file system is full. Each kind of object grows until retention deletes as much as comes,
//! so that a young repository is not taken for one that grows for ever.

use jiff::Timestamp;

use crate::storage::Volume;

/// Over how many days the rate is taken.
const RATE_DAYS: i64 = 7;

/// More than so many times what retention would leave means that nobody prunes.
const NOT_PRUNED: f64 = 2.0;

/// Objects that are kept by one rule.
#[derive(Debug, Clone, Copy)]
pub struct Class<'a> {
    pub volume: &'a Volume,
    /// How many days' worth of them retention leaves in the end.
    pub kept_days: f64,
}

/// Days until this much room is full, when as much is stored a day as within the last week, and retention
/// deletes what it deletes. `None`: never, or nobody can tell, because a day of it was not seen yet.
pub fn days_until_full(classes: &[Class<'_>], free: u64, now: Timestamp) -> Option<f64> {
    // Bytes a day, and how many more come before retention holds the balance.
    let growing = classes.iter().filter_map(|class| {
        let days = class.volume.days(now).min(RATE_DAYS);
        // What a first day holds may be all that there was to store.
        let rate = (days > 1).then(|| class.volume.within(days, now) as f64 / days as f64)?;
        let (left, stored) = (rate * class.kept_days, class.volume.total() as f64);
        let more =
            if stored > left * NOT_PRUNED { f64::INFINITY } else { (left - stored).max(0.0) };
        (rate > 0.0 && more > 0.0).then_some((rate, more))
    });
    let mut growing: Vec<(f64, f64)> = growing.collect();
    growing.sort_by(|one, other| (one.1 / one.0).total_cmp(&(other.1 / other.0)));
    let (mut free, mut passed) = (free as f64, 0.0);
    for at in 0..growing.len() {
        let rate: f64 = growing[at..].iter().map(|(rate, _)| rate).sum();
        let until = growing[at].1 / growing[at].0;
        if free <= rate * (until - passed) {
            return Some(passed + free / rate);
        }
        free -= rate * (until - passed);
        passed = until;
    }
    None
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const NOW: i64 = 1_795_000_000;

    /// So many bytes a day, for so many days up to today.
    fn daily(bytes: u64, days: i64) -> Volume {
        let mut volume = Volume::default();
        for day in 0..days {
            let time = Timestamp::from_second(NOW).unwrap() - SignedDuration::from_hours(24 * day);
            volume.add_bytes(bytes, Some(time));
        }
        volume
    }

    fn until(classes: &[(&Volume, f64)], free: u64) -> Option<f64> {
        let class =
            |(volume, kept_days): &(&'static Volume, f64)| Class { volume, kept_days: *kept_days };
        let classes: Vec<(&'static Volume, f64)> = classes
            .iter()
            .map(|(volume, days)| (&*Box::leak(Box::new((*volume).clone())), *days))
            .collect();
        let classes: Vec<_> = classes.iter().map(class).collect();
        days_until_full(&classes, free, Timestamp::from_second(NOW).unwrap())
    }

    #[test]
    fn a_young_repository_grows_until_retention_holds_the_balance() {
        let young = daily(10, 3);
        // Seven days' worth are kept: 40 bytes more come, in four days.
        assert_eq!(until(&[(&young, 7.0)], 20), Some(2.0));
        assert_eq!(until(&[(&young, 7.0)], 40), Some(4.0));
        assert_eq!(until(&[(&young, 7.0)], 41), None);
    }

    #[test]
    fn what_retention_holds_does_not_grow_and_what_nobody_prunes_does() {
        assert_eq!(until(&[(&daily(10, 8), 8.0)], 1), None);
        assert_eq!(until(&[(&daily(10, 30), 8.0)], 100), Some(10.0));
    }

    #[test]
    fn several_kinds_fill_it_together() {
        let (one, other) = (daily(10, 3), daily(20, 3));
        // Both for one day, then the second one alone.
        assert_eq!(until(&[(&one, 4.0), (&other, 100.0)], 30 + 40), Some(3.0));
        assert_eq!(until(&[(&one, 4.0)], 10), Some(1.0));
    }

    #[test]
    fn a_first_day_tells_nothing() {
        assert_eq!(until(&[(&daily(1000, 1), 7.0)], 1), None);
        assert_eq!(until(&[(&Volume::default(), 7.0)], 1), None);
        assert_eq!(until(&[], 1), None);
    }
}
