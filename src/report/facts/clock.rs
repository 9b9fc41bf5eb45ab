//! At what time the WAL up to a position had come. WAL knows positions and people ask for times, so one position an
//! hour is remembered; years of segments fit into the memory.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;

use crate::postgres::{Lsn, TimelineId};

const HOUR_SECONDS: i64 = 3600;

/// For each timeline a few places and times, in order. Between them the time is told by proportion.
#[derive(Debug, Default)]
pub struct Clock(BTreeMap<TimelineId, Vec<(Lsn, Timestamp)>>);

impl Clock {
    /// Adds a segment, in order. Of those that follow one another one an hour is kept, and the last.
    pub fn add(&mut self, timeline: TimelineId, wal: &Range<Lsn>, came: Timestamp, follows: bool) {
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
    pub fn at(&self, timeline: TimelineId, lsn: Lsn) -> Option<Timestamp> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_an_hour_is_enough() {
        let at = |seconds| Timestamp::from_second(1_799_996_400 + seconds).unwrap();
        let one = TimelineId::new(1).unwrap();
        let mut clock = Clock::default();
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
