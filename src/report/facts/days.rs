//! The last days, as they begin and end in the zone of the page. Each beginning is asked of the zone, because a day on
//! which clocks are changed does not have 24 hours.

use std::ops::Range;

use jiff::{Timestamp, ToSpan};

use super::arrivals::DAYS;
use crate::report::zone::Zone;

/// Today is the last of them.
#[derive(Debug, Clone, Copy)]
pub struct Days {
    /// The end of today comes last.
    begins: [Timestamp; DAYS + 1],
}

impl Days {
    pub fn until(now: Timestamp, zone: &Zone) -> Self {
        let today = zone.local(now).date();
        let begin = |at: usize| {
            let back = DAYS as i64 - 1 - at as i64;
            let date = today.checked_sub(back.days()).ok();
            date.and_then(|date| zone.midnight(date)).unwrap_or(now)
        };
        Self { begins: std::array::from_fn(begin) }
    }

    /// Which of them a moment belongs to.
    pub fn of(&self, time: Timestamp) -> Option<usize> {
        let at = self.begins.partition_point(|begin| *begin <= time).checked_sub(1)?;
        (at < DAYS).then_some(at)
    }

    /// From the beginning of the first to the end of the last.
    pub fn all(&self, days: Range<usize>) -> Range<Timestamp> {
        self.begin(days.start)..self.begin(days.end)
    }

    pub fn begin(&self, at: usize) -> Timestamp {
        self.begins[at.min(DAYS)]
    }

    pub fn end(&self, at: usize) -> Timestamp {
        self.begin(at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_both_its_ends() {
        let now: Timestamp = "2026-11-22T20:30:00Z".parse().unwrap();
        let days = Days::until(now, &Zone::utc());
        let of = |time: &str| days.of(time.parse().unwrap());
        assert_eq!(of("2026-11-22T00:00:00Z"), Some(DAYS - 1));
        assert_eq!(of("2026-11-21T23:59:59Z"), Some(DAYS - 2));
        assert_eq!(of("2026-10-24T00:00:00Z"), Some(0));
        assert_eq!((of("2026-10-23T23:59:59Z"), of("2026-11-23T00:00:00Z")), (None, None));
        assert_eq!(days.end(DAYS - 1), "2026-11-23T00:00:00Z".parse().unwrap());
    }
}
