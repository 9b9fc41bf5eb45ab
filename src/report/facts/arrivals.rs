//! When the WAL of one system came to one repository: a visitor of the listing turns times of the store's clock into
//! hours, days and holes, so the memory does not grow with the number of segments. After a long time without WAL, more
//! segments at once show that the server had written meanwhile; without them it may have been idle.
//!
//! WAL knows positions and people ask for times, so one position an hour is remembered, too.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;

use super::exposure::{Exposure, HOUR_SECONDS};
use crate::postgres::{Lsn, TimelineId, WalFileName, WalSegment, WalSegmentSize};
use crate::report::zone::{DAYS, Days};
use crate::repository::ListingVisitor;
use crate::storage::Listed;

/// A time without WAL that is no longer than this tells of a server that writes.
const SHORT_SECONDS: i64 = 60;

/// WAL had piled up where so many more segments come within so many seconds behind one that was late.
const PILED_UP: u32 = 2;
const PILED_UP_SECONDS: i64 = 10;

/// What one listing told so far; `finish` ends it.
#[derive(Debug)]
pub(crate) struct Arrivals {
    pub clock: WalClock,
    pub exposure: Exposure,
    /// Stored bytes by the day they came, today last.
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
    days: Days,
    late: Option<LateWal>,
}

/// A long time without WAL, of which it is not known yet whether the server had any.
#[derive(Debug)]
struct LateWal {
    from: Timestamp,
    to: Timestamp,
    /// How many came right behind it.
    behind: u32,
}

impl Arrivals {
    pub(crate) fn new(size: WalSegmentSize, now: Timestamp, days: Days) -> Self {
        Self {
            clock: WalClock::default(),
            exposure: Exposure::until(now),
            per_day: [0; DAYS],
            stored: 0,
            segments: 0,
            newest: None,
            now,
            size,
            last: None,
            days,
            late: None,
        }
    }

    fn add(&mut self, name: WalFileName, stored: u64, created: Option<Timestamp>) {
        self.stored += stored;
        let Some(created) = created else { return };
        if let Some(counted) = self.days.of(created) {
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
            self.waited(earlier, came);
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

    fn waited(&mut self, from: Timestamp, to: Timestamp) {
        let seconds = |from: Timestamp, to: Timestamp| to.as_second() - from.as_second();
        if let Some(late) = &mut self.late {
            if seconds(late.to, to) <= PILED_UP_SECONDS {
                late.behind += 1;
            } else {
                self.end_late();
            }
        }
        if seconds(from, to) <= SHORT_SECONDS {
            self.exposure.waited(from, to, true);
        } else {
            self.late = Some(LateWal { from, to, behind: 0 });
        }
    }

    fn end_late(&mut self) {
        if let Some(LateWal { from, to, behind }) = self.late.take() {
            self.exposure.waited(from, to, behind >= PILED_UP);
        }
    }

    /// Nothing more came until now, although the server is ahead of what came where `behind`.
    pub(super) fn finish(&mut self, behind: bool) {
        self.end_late();
        if let Some(newest) = self.newest {
            self.exposure.waited(newest, self.now, behind);
        }
    }
}

impl ListingVisitor for Arrivals {
    fn see(&mut self, name: WalFileName, listed: &Listed<'_>) {
        self.add(name, listed.size, listed.created);
    }
}

/// At what time the WAL up to a position had come: for each timeline a few places and times, in order. Between them the time is told by proportion.
#[derive(Debug, Default)]
pub(crate) struct WalClock(BTreeMap<TimelineId, Vec<(Lsn, Timestamp)>>);

impl WalClock {
    /// Adds a segment, in order. Of those that follow one another one an hour is kept, and the last.
    pub(super) fn add(
        &mut self,
        timeline: TimelineId,
        wal: &Range<Lsn>,
        came: Timestamp,
        follows: bool,
    ) {
        let known = self.0.entry(timeline).or_default();
        let hour = |time: Timestamp| time.as_second().div_euclid(HOUR_SECONDS);
        if !follows {
            known.push((wal.start, came));
        } else if let [.., earlier, last] = known.as_slice()
            && hour(earlier.1) == hour(last.1)
            && hour(last.1) == hour(came)
            && earlier.0 < last.0
        {
            known.pop();
        }
        known.push((wal.end, came));
    }

    /// `None` before the first and behind the last place that is known.
    pub(crate) fn at(&self, timeline: TimelineId, lsn: Lsn) -> Option<Timestamp> {
        let known = self.0.get(&timeline)?;
        let at = known.partition_point(|(place, _)| *place < lsn);
        let (next, then) = *known.get(at)?;
        if next == lsn {
            return Some(then);
        }
        let (place, time) = *known.get(at.checked_sub(1)?)?;
        let part = (lsn.0 - place.0) as f64 / (next.0 - place.0) as f64;
        let seconds = (then.as_second() - time.as_second()) as f64 * part;
        Timestamp::from_second(time.as_second() + seconds as i64).ok()
    }
}

/// When the WAL before this place was safe in some repository, as far as can be told.
pub(crate) fn came(all: &[Option<Arrivals>], timeline: TimelineId, lsn: Lsn) -> Option<Timestamp> {
    all.iter().flatten().filter_map(|one| one.clock.at(timeline, lsn)).min()
}

#[cfg(test)]
mod tests {
    use super::super::exposure::LimitKept;
    use super::*;
    use crate::report::zone::PageZone;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    /// Segments of 16 MiB by timeline, number and time.
    fn arrivals(all: &[(u32, u32, i64)], now: i64) -> Arrivals {
        let size = WalSegmentSize::from_bytes(16 << 20).unwrap();
        let days = Days::until(at(now), &PageZone::utc());
        let mut arrivals = Arrivals::new(size, at(now), days);
        for (timeline, segment, time) in all {
            let timeline = TimelineId::new(*timeline).unwrap();
            let segment = WalSegment { timeline, log: 0, segment: *segment };
            arrivals.add(WalFileName::Segment(segment), 10, Some(at(*time)));
        }
        arrivals.finish(false);
        arrivals
    }

    #[test]
    fn a_segment_counts_when_all_before_it_are_there() {
        let found = arrivals(&[(1, 1, 0), (1, 2, 100), (1, 3, 40)], 160);
        assert_eq!(found.newest, Some(at(100)));
        assert_eq!(found.exposure.longest(), Some(100));
        assert_eq!((found.segments, found.stored), (3, 30));
        let one = TimelineId::new(1).unwrap();
        let times = [1, 4, 5].map(|number: u64| found.clock.at(one, Lsn(number << 24)));
        assert_eq!(times, [Some(at(0)), Some(at(100)), None]);
    }

    /// An idle server and one whose WAL does not arrive are told apart by what comes afterwards.
    #[test]
    fn what_piled_up_was_there_to_be_lost() {
        let idle = [(1, 1, 0), (1, 2, 7200), (1, 3, 7300)];
        let piled_up = [(1, 1, 0), (1, 2, 7200), (1, 3, 7201), (1, 4, 7202), (1, 5, 7300)];
        let counted = |all: &[_]| {
            let exposure = arrivals(all, 7400).exposure;
            [LimitKept::Yes, LimitKept::Unknown, LimitKept::No]
                .map(|kept| exposure.count(300, kept))
        };
        assert_eq!(counted(&idle), [0, 3, 0]);
        assert_eq!(counted(&piled_up), [0, 0, 3]);
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

    #[test]
    fn one_place_an_hour_is_enough() {
        let at = |seconds| Timestamp::from_second(1_799_996_400 + seconds).unwrap();
        let one = TimelineId::new(1).unwrap();
        let mut clock = WalClock::default();
        for number in 0..600_u32 {
            let start = u64::from(number) * 100;
            let wal = Lsn(start)..Lsn(start + 100);
            clock.add(one, &wal, at(i64::from(number) * 60), number > 0);
        }
        assert!(clock.0[&one].len() < 25, "{:?}", clock.0[&one].len());
        assert_eq!(clock.at(one, Lsn(60_000)), Some(at(599 * 60)));
        let told = clock.at(one, Lsn(30_050)).unwrap().as_second() - at(0).as_second();
        assert!((told - 300 * 60).abs() < 120, "{told}");
        assert_eq!((clock.at(one, Lsn(60_001)), clock.at(one, Lsn(0))), (None, Some(at(0))));
    }
}
