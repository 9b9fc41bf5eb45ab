//! The zone in which a page tells times: UTC, unless somebody set another. Months are English ones, wherever it is
//! read. And the last days, as they begin and end in that zone: a day on which clocks are changed does not have 24 hours,
//! so each beginning is asked of the zone.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use crate::error::{Class, Error, Result};

/// What needs no database of zones.
const UTC: [&str; 4] = ["UTC", "Etc/UTC", "GMT", "Etc/GMT"];

/// From one moment to another that is closer than this, seconds are told.
const CLOSE_SECONDS: i64 = 600;

#[derive(Debug, Clone)]
pub struct PageZone(TimeZone);

impl PageZone {
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// As the IANA database calls it.
    pub fn named(name: &str) -> Result<Self> {
        if UTC.contains(&name) {
            return Ok(Self::utc());
        }
        TimeZone::get(name).map(Self).map_err(|_| {
            let message = format!(
                "expected a time zone that this host knows as report.timezone, found {name:?}"
            );
            Error::new(Class::Configuration, message).hint(
                "Write it like Europe/Berlin (`timedatectl list-timezones` shows all). Install tzdata if the name is \
                 right.",
            )
        })
    }

    pub fn name(&self) -> &str {
        if self.0 == TimeZone::UTC { "UTC" } else { self.0.iana_name().unwrap_or("UTC") }
    }

    pub fn local(&self, time: Timestamp) -> Zoned {
        time.to_zoned(self.0.clone())
    }

    /// When a day begins there.
    pub fn midnight(&self, date: Date) -> Option<Timestamp> {
        Some(date.to_zoned(self.0.clone()).ok()?.timestamp())
    }

    /// When the clock on the wall shows this; `None` where it skips it.
    pub fn at(&self, time: jiff::civil::DateTime) -> Option<Timestamp> {
        let zoned = time.to_zoned(self.0.clone()).ok()?;
        (zoned.datetime() == time).then(|| zoned.timestamp())
    }

    fn written(&self, time: Timestamp, form: &str) -> String {
        self.local(time).strftime(form).to_string()
    }

    /// The whole of it: `22 Nov 2026, 20:30 UTC`. A line ends behind the year only.
    pub fn moment(&self, time: Timestamp) -> String {
        self.written(time, "%-d\u{a0}%b\u{a0}%Y, %H:%M\u{a0}%Z")
    }

    /// From one moment to another, without what is said already: `22 Nov 2026, 20:30 to 23 Nov 2026, 08:00 UTC`, or
    /// `22 Nov 2026, 20:30 to 22:15 UTC`; with seconds where the two are close together.
    pub fn range(&self, from: Timestamp, to: Timestamp) -> String {
        let (begin, end) = (self.local(from), self.local(to));
        let close = to.as_second() - from.as_second() < CLOSE_SECONDS;
        let clock = if close { "%H:%M:%S" } else { "%H:%M" };
        let day = "%-d\u{a0}%b\u{a0}%Y, ";
        // When clocks are changed, the same time of day is another one.
        let zone = if begin.offset() == end.offset() { "" } else { "\u{a0}%Z" };
        let first = begin.strftime(&format!("{day}{clock}{zone}")).to_string();
        let day = if begin.date() == end.date() { "" } else { day };
        let last = end.strftime(&format!("{day}{clock}\u{a0}%Z")).to_string();
        format!("{first} to {last}")
    }

    /// For a table: `22 Nov 20:30`, and the year where it is another one than now.
    pub(super) fn brief(&self, time: Timestamp, now: Timestamp) -> String {
        let same_year = self.local(time).year() == self.local(now).year();
        let year = if same_year { "" } else { "\u{a0}%Y" };
        self.written(time, &format!("%-d\u{a0}%b{year} %H:%M"))
    }

    /// `22 Nov`
    pub fn day(&self, time: Timestamp) -> String {
        self.written(time, "%-d %b")
    }

    /// `22 Nov 20:30`
    pub(super) fn day_and_hour(&self, time: Timestamp) -> String {
        self.written(time, "%-d %b %H:%M")
    }
}

/// How many days WAL is counted for.
pub(super) const DAYS: usize = 30;

/// What came on these is what a month is told by: the last whole ones. Retention seldom deletes what is younger.
pub(super) const RATE: Range<usize> = DAYS - 8..DAYS - 1;

/// Today is the last of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Days {
    /// The end of today comes last.
    begins: [Timestamp; DAYS + 1],
}

impl Days {
    pub(super) fn until(now: Timestamp, zone: &PageZone) -> Self {
        let today = zone.local(now).date();
        let begin = |at: usize| {
            let back = DAYS as i64 - 1 - at as i64;
            let date = today.checked_sub(back.days()).ok();
            date.and_then(|date| zone.midnight(date)).unwrap_or(now)
        };
        Self { begins: std::array::from_fn(begin) }
    }

    /// Which of them a moment belongs to.
    pub(super) fn of(&self, time: Timestamp) -> Option<usize> {
        let at = self.begins.partition_point(|begin| *begin <= time).checked_sub(1)?;
        (at < DAYS).then_some(at)
    }

    /// From the beginning of the first to the end of the last.
    pub(super) fn all(&self, days: Range<usize>) -> Range<Timestamp> {
        self.begin(days.start)..self.begin(days.end)
    }

    pub(super) fn begin(&self, at: usize) -> Timestamp {
        self.begins[at.min(DAYS)]
    }

    pub(super) fn end(&self, at: usize) -> Timestamp {
        self.begin(at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn plain(text: String) -> String {
        text.replace('\u{a0}', " ")
    }

    /// The rules themselves (POSIX), so that it does not matter which zones are installed.
    fn berlin() -> PageZone {
        PageZone(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
    }

    #[test]
    fn times_need_no_locale() {
        let (utc, time) = (PageZone::utc(), at("2026-11-02T20:30:59Z"));
        assert_eq!(plain(utc.moment(time)), "2 Nov 2026, 20:30 UTC");
        assert_eq!((utc.day(time), utc.day_and_hour(time)), ("2 Nov".into(), "2 Nov 20:30".into()));
        assert_eq!(plain(berlin().moment(time)), "2 Nov 2026, 21:30 CET");
        assert_eq!(plain(berlin().moment(at("2026-07-02T22:30:59Z"))), "3 Jul 2026, 00:30 CEST");
        assert_eq!(plain(utc.brief(time, time)), "2 Nov 20:30");
        assert_eq!(plain(utc.brief(at("2025-11-02T20:30:59Z"), time)), "2 Nov 2025 20:30");
    }

    #[test]
    fn nothing_is_said_twice_in_a_range() {
        let range = |from: &str, to: &str| plain(PageZone::utc().range(at(from), at(to)));
        assert_eq!(
            range("2026-11-29T17:12:05Z", "2026-11-29T17:12:40Z"),
            "29 Nov 2026, 17:12:05 to 17:12:40 UTC"
        );
        assert_eq!(
            range("2026-11-29T07:12:05Z", "2026-11-29T17:12:40Z"),
            "29 Nov 2026, 07:12 to 17:12 UTC"
        );
        assert_eq!(
            range("2026-11-22T07:12:05Z", "2026-11-29T17:12:40Z"),
            "22 Nov 2026, 07:12 to 29 Nov 2026, 17:12 UTC"
        );
        let changed = berlin().range(at("2026-10-24T22:00:00Z"), at("2026-10-25T20:00:00Z"));
        assert_eq!(plain(changed), "25 Oct 2026, 00:00 CEST to 21:00 CET");
    }

    #[test]
    fn a_zone_that_nobody_knows_is_said() {
        assert_eq!(PageZone::named("UTC").unwrap().name(), "UTC");
        let said = PageZone::named("Europe/Nowhere").unwrap_err().to_string();
        assert!(
            said.contains(
                "as report.timezone, found \"Europe/Nowhere\". HINT: Write it like Europe/Berlin"
            ),
            "{said}"
        );
    }

    #[test]
    fn what_a_clock_skips_is_no_moment() {
        let (zone, day) = (berlin(), jiff::civil::date(2026, 3, 29));
        assert_eq!(zone.at(day.at(2, 30, 0, 0)), None);
        assert_eq!(zone.at(day.at(3, 30, 0, 0)), Some(at("2026-03-29T01:30:00Z")));
        assert_eq!(zone.midnight(day), Some(at("2026-03-28T23:00:00Z")));
    }

    #[test]
    fn a_day_has_both_its_ends() {
        let now: Timestamp = "2026-11-22T20:30:00Z".parse().unwrap();
        let days = Days::until(now, &PageZone::utc());
        let of = |time: &str| days.of(time.parse().unwrap());
        assert_eq!(of("2026-11-22T00:00:00Z"), Some(DAYS - 1));
        assert_eq!(of("2026-11-21T23:59:59Z"), Some(DAYS - 2));
        assert_eq!(of("2026-10-24T00:00:00Z"), Some(0));
        assert_eq!((of("2026-10-23T23:59:59Z"), of("2026-11-23T00:00:00Z")), (None, None));
        assert_eq!(days.end(DAYS - 1), "2026-11-23T00:00:00Z".parse().unwrap());
    }
}
