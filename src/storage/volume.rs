//! How much lies in a store and how fast it grows, gathered from listings in little room.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Listed;

const DAY_SECONDS: i64 = 86_400;

/// How much lies below some prefix, by the day (UTC) on which it was stored: how fast it grows, in little
/// room. Copying a repository makes everything young.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// Bytes by the number of the day since 1970.
    days: BTreeMap<i64, u64>,
    /// Bytes of what has no time.
    undated: u64,
    newest: Option<Timestamp>,
}

impl Volume {
    pub fn add(&mut self, listed: &Listed<'_>) {
        self.add_bytes(listed.size, listed.created);
    }

    pub fn add_bytes(&mut self, bytes: u64, created: Option<Timestamp>) {
        match created {
            Some(time) => *self.days.entry(day(time)).or_default() += bytes,
            None => self.undated += bytes,
        }
        self.newest = self.newest.max(created);
    }

    pub fn merge(&mut self, other: &Self) {
        for (day, bytes) in &other.days {
            *self.days.entry(*day).or_default() += bytes;
        }
        self.undated += other.undated;
        self.newest = self.newest.max(other.newest);
    }

    /// In bytes.
    pub fn total(&self) -> u64 {
        self.days.values().sum::<u64>() + self.undated
    }

    /// Bytes stored within `days` whole days before this time.
    pub fn within(&self, days: i64, now: Timestamp) -> u64 {
        let today = day(now);
        self.days.range(today - days + 1..=today).map(|(_, bytes)| bytes).sum()
    }

    /// Over how many days, today included, things were stored; 0 when nothing was.
    pub fn days(&self, now: Timestamp) -> i64 {
        let first = self.days.first_key_value();
        first.map_or(0, |(first, _)| (day(now) - first + 1).max(0))
    }

    /// When the newest was stored, by the clock of the store.
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }
}

fn day(time: Timestamp) -> i64 {
    time.as_second().div_euclid(DAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_day() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let (mut one, mut other) = (Volume::default(), Volume::default());
        one.add_bytes(1, Some(at("2026-11-20T23:59:59Z")));
        one.add_bytes(10, Some(at("2026-11-21T00:00:00Z")));
        other.add_bytes(100, Some(at("2026-11-23T12:00:00Z")));
        other.add_bytes(1000, None);
        one.merge(&other);
        let now = at("2026-11-23T13:00:00Z");
        assert_eq!((one.total(), one.within(3, now), one.within(1, now)), (1111, 110, 100));
        assert_eq!((one.days(now), Volume::default().days(now)), (4, 0));
        assert_eq!(one.newest(), Some(at("2026-11-23T12:00:00Z")));
    }
}
