use std::ops::Range;

use jiff::Timestamp;

use super::clock::Clock;
use super::exposure::Exposure;
use crate::postgres::{Lsn, TimelineId, WalFileName, WalSegment, WalSegmentSize};
use crate::repository::Onlooker;
use crate::storage::Listed;

/// How many days WAL is counted for.
pub const DAYS: usize = 30;
const DAY_SECONDS: i64 = 86_400;

/// When the WAL of one system came to one repository, by the clock of the store: hours and days, whatever the
/// number of segments.
#[derive(Debug)]
pub struct Arrivals {
    pub clock: Clock,
    pub exposure: Exposure,
    /// Stored bytes by the day they came, in UTC, today last.
    pub per_day: [u64; DAYS],
    /// Bytes that all files of the WAL take.
    pub stored: u64,
    /// How many whole segments.
    pub segments: u64,
    /// When the last one came that has no gap before it, on any timeline.
    pub newest: Option<Timestamp>,
    now: Timestamp,
    size: WalSegmentSize,
    last: Option<(WalSegment, Timestamp)>,
}

impl Arrivals {
    pub fn new(size: WalSegmentSize, now: Timestamp) -> Self {
        Self {
            clock: Clock::default(),
            exposure: Exposure::until(now),
            per_day: [0; DAYS],
            stored: 0,
            segments: 0,
            newest: None,
            now,
            size,
            last: None,
        }
    }

    fn add(&mut self, name: WalFileName, stored: u64, created: Option<Timestamp>) {
        self.stored += stored;
        let Some(created) = created else { return };
        let age = day(self.now) - day(created);
        if let Some(counted) = usize::try_from(age).ok().and_then(|age| DAYS.checked_sub(age + 1)) {
            self.per_day[counted] += stored;
        }
        if let WalFileName::Segment(segment) = name {
            self.segment(segment, created);
        }
    }

    /// A segment is of use once all before it are there: of several servers one may store some a moment too early.
    fn segment(&mut self, segment: WalSegment, created: Timestamp) {
        let Some(wal) = self.place(segment) else { return };
        let before = self.last.filter(|(last, _)| last.timeline == segment.timeline);
        // The same one in the clear and encrypted.
        if before.is_some_and(|(last, _)| last == segment) {
            return;
        }
        self.segments += 1;
        let came = before.map_or(created, |(_, earlier)| earlier.max(created));
        if let Some((_, earlier)) = self.last.filter(|(_, earlier)| *earlier < came) {
            self.exposure.waited(earlier, came);
        }
        let follows = before.is_some_and(|(last, _)| last.next(self.size) == Some(segment));
        self.clock.add(segment.timeline, &wal, came, follows);
        self.newest = self.newest.max(Some(came));
        self.last = Some((segment, came));
    }

    fn place(&self, segment: WalSegment) -> Option<Range<Lsn>> {
        let start = segment.start(self.size).ok()?;
        Some(start..Lsn(start.0.saturating_add(self.size.bytes())))
    }

    /// Nothing more came until now.
    pub fn finish(&mut self) {
        if let Some(newest) = self.newest {
            self.exposure.waited(newest, self.now);
        }
    }
}

impl Onlooker for Arrivals {
    fn see(&mut self, name: WalFileName, listed: &Listed<'_>) {
        self.add(name, listed.size, listed.created);
    }
}

fn day(time: Timestamp) -> i64 {
    time.as_second().div_euclid(DAY_SECONDS)
}

/// When the WAL before this place was safe in some repository, as far as can be told.
pub fn came(all: &[Option<Arrivals>], timeline: TimelineId, lsn: Lsn) -> Option<Timestamp> {
    all.iter().flatten().filter_map(|one| one.clock.at(timeline, lsn)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    /// Segments of 16 MiB by timeline, number and time.
    fn arrivals(all: &[(u32, u32, i64)], now: i64) -> Arrivals {
        let size = WalSegmentSize::from_bytes(16 << 20).unwrap();
        let mut arrivals = Arrivals::new(size, at(now));
        for (timeline, segment, time) in all {
            let timeline = TimelineId::new(*timeline).unwrap();
            let segment = WalSegment { timeline, log: 0, segment: *segment };
            arrivals.add(WalFileName::Segment(segment), 10, Some(at(*time)));
        }
        arrivals.finish();
        arrivals
    }

    #[test]
    fn a_segment_counts_when_all_before_it_are_there() {
        let found = arrivals(&[(1, 1, 0), (1, 2, 100), (1, 3, 40)], 160);
        assert_eq!(found.newest, Some(at(100)));
        assert_eq!(found.exposure.worst(), Some(100));
        assert_eq!((found.segments, found.stored), (3, 30));
        let one = TimelineId::new(1).unwrap();
        let times = [1, 4, 5].map(|number: u64| found.clock.at(one, Lsn(number << 24)));
        assert_eq!(times, [Some(at(0)), Some(at(100)), None]);
    }

    #[test]
    fn days_that_are_long_ago_are_counted_in_the_whole_alone() {
        let found = arrivals(&[(1, 1, -40 * 86_400), (1, 2, -86_400), (2, 2, 0)], 0);
        assert_eq!((found.per_day[DAYS - 2], found.per_day[DAYS - 1], found.stored), (10, 10, 30));
    }

    #[test]
    fn of_a_timeline_nobody_knows_nothing_is_told() {
        let found = [Some(arrivals(&[(1, 1, 0)], 0)), None];
        assert_eq!(came(&found, TimelineId::new(2).unwrap(), Lsn(1 << 24)), None);
    }
}
