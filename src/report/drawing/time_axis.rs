//! The axis of time below a picture: moments of a period become places on the paper, with names below the line. Marks
//! are so close together that they tell something, and so far apart that each has room for its name, on whatever day;
//! a name that has no room is left out, and its line stays.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};

use super::labels::{Labels, TextAnchor, TextStyle};
use super::n;
use crate::report::zone::PageZone;

/// The picture of a course goes back at least so far: an axis needs two ends.
const LEAST_COURSE_SECONDS: i64 = 86_400;

/// The part of it before the first point, which would be cut in half on the edge.
const LEAD: i64 = 25;

const DAY: i64 = 86_400;

/// By so much clocks are put forward or back at most.
const DAY_CHANGE: i64 = 7200;

/// What is left free between two names, and how close together marks may be where names are short.
const APART: f64 = 8.0;
const CLOSEST: f64 = 54.0;

/// A period is never shorter: an axis needs two ends.
const LEAST_SECONDS: i64 = 60;

/// From so much on days are marked, and no hours.
const DAYS_FROM: i64 = 2 * DAY;

/// How far apart marks may be, and the widest name of each kind; of months also how many days they have at least. No
/// step is more than two and a half times the one before, so that where one is too close, the next one still
/// gives two marks.
const HOURS: ([i64; 11], &str) =
    ([60, 120, 300, 600, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200], "30 May");
const DAYS: ([i64; 5], &str) = ([1, 2, 4, 7, 14], "30 May");
const MONTHS: ([(i64, i64); 4], &str) = ([(1, 28), (2, 59), (3, 90), (6, 181)], "May 2026");
const YEARS: ([i64; 12], &str) = ([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000], "-2026");

const YEAR_DAYS: i64 = 365;

/// Where an axis begins whose first point lies there.
pub(crate) fn begin(first: Timestamp, now: Timestamp) -> Timestamp {
    let (first, end) = (first.as_second(), now.as_second());
    let begin = (first - (end - first) / LEAD).min(end - LEAST_COURSE_SECONDS);
    Timestamp::from_second(begin).unwrap_or(Timestamp::MIN)
}

/// An axis of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeAxis<'a> {
    span: AxisSpan<'a>,
    left: f64,
    right: f64,
}

impl<'a> TimeAxis<'a> {
    pub(crate) fn new(
        (from, to): (Timestamp, Timestamp),
        zone: &'a PageZone,
        left: f64,
        right: f64,
    ) -> Self {
        Self { span: AxisSpan::new(from, to, zone), left, right }
    }

    /// Where a moment is drawn, at an edge if it lies beyond.
    pub(crate) fn x(&self, time: Timestamp) -> f64 {
        self.left + self.span.part(time) * (self.right - self.left)
    }

    pub(super) fn holds(&self, time: Timestamp) -> bool {
        self.span.holds(time)
    }

    /// The axis itself: a thin line at `y` with its days below, and faint lines up to `top`.
    pub(super) fn draw(&self, labels: &mut Labels, top: f64, y: f64) -> Markup {
        let marks = self.span.marks(self.right - self.left);
        self.name(labels, y + 15.0, &marks);
        html! {
            @for mark in &marks {
                @let x = n(self.x(mark.time));
                line class="grid" x1=(x) x2=(x) y1=(n(top)) y2=(n(y)) {}
            }
            line class="axis" x1=(n(self.left)) x2=(n(self.right)) y1=(n(y)) y2=(n(y)) {}
        }
    }

    /// Those at the edges of the paper can't stand under their marks. Where they have no room beside them they go.
    fn name(&self, labels: &mut Labels, y: f64, marks: &[AxisMark]) {
        let place = |mark: &AxisMark| (TextStyle::Mark, TextAnchor::Middle, self.x(mark.time));
        let (inside, edge): (Vec<_>, Vec<_>) = marks.iter().partition(|mark| {
            let (style, anchor, x) = place(mark);
            labels.holds(style, anchor, x, &mark.name)
        });
        for mark in inside.into_iter().chain(edge) {
            let (style, anchor, x) = place(mark);
            labels.write(style, anchor, x, y, &mark.name);
        }
    }

    /// Where it ends is told where there is room: of a short past, no mark may lie near.
    pub(super) fn until_now(&self, labels: &mut Labels, y: f64) {
        labels.write(TextStyle::Mark, TextAnchor::End, self.right, y + 15.0, "now");
    }
}

/// From one moment to a later one, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct AxisSpan<'a> {
    from: i64,
    to: i64,
    zone: &'a PageZone,
}

/// A moment and what it is called.
#[derive(Debug)]
pub(super) struct AxisMark {
    pub time: Timestamp,
    pub name: String,
}

/// How far apart marks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MarkStep {
    Seconds(i64),
    Days(i64),
    /// Of so many days at least.
    Months(i64, i64),
    Years(i64),
}

impl MarkStep {
    /// All there are, the closest first.
    fn all() -> impl Iterator<Item = (Self, &'static str)> {
        let hours = HOURS.0.map(|step| (Self::Seconds(step), HOURS.1));
        let days = DAYS.0.map(|step| (Self::Days(step), DAYS.1));
        let months = MONTHS.0.map(|(step, days)| (Self::Months(step, days), MONTHS.1));
        let years = YEARS.0.map(|step| (Self::Years(step), YEARS.1));
        hours.into_iter().chain(days).chain(months).chain(years)
    }

    /// Between two marks lie at least so many.
    fn seconds(self) -> i64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::Days(days) | Self::Months(_, days) => days * DAY,
            Self::Years(years) => years * YEAR_DAYS * DAY,
        }
    }
}

impl<'a> AxisSpan<'a> {
    pub(crate) fn new(from: Timestamp, to: Timestamp, zone: &'a PageZone) -> Self {
        let (from, to) = (from.as_second(), to.as_second());
        Self { from, to: to.max(from + LEAST_SECONDS), zone }
    }

    fn seconds(&self) -> i64 {
        self.to - self.from
    }

    /// Which part of the period is over then.
    pub(crate) fn part(&self, time: Timestamp) -> f64 {
        let part = (time.as_second() - self.from) as f64 / self.seconds() as f64;
        part.clamp(0.0, 1.0)
    }

    pub(super) fn holds(&self, time: Timestamp) -> bool {
        (self.from..=self.to).contains(&time.as_second())
    }

    /// Moments to mark where the period is drawn so wide, the oldest first: times of the day, days, which begin at
    /// midnight, months or years.
    pub(super) fn marks(&self, width: f64) -> Vec<AxisMark> {
        let inside = |mark: &AxisMark| (self.from..self.to).contains(&mark.time.as_second());
        // What a clock skips, when it is put forward, is not marked.
        let mark = |(civil, form): (DateTime, &str)| {
            let time = match civil.time() == jiff::civil::Time::midnight() {
                true => self.zone.midnight(civil.date())?,
                false => self.zone.at(civil)?,
            };
            Some(AxisMark { time, name: civil.strftime(form).to_string() })
        };
        let all = match self.step(width) {
            MarkStep::Seconds(seconds) => self.clock(seconds),
            MarkStep::Days(days) => self.days(days),
            MarkStep::Months(months, _) => self.months(months, "%b %Y"),
            MarkStep::Years(years) => self.months(years * 12, "%Y"),
        };
        all.into_iter().filter_map(mark).filter(inside).collect()
    }

    /// The closest that leaves room for the names.
    fn step(&self, width: f64) -> MarkStep {
        let hours = self.seconds() < DAYS_FROM;
        let fits = |(step, name): &(MarkStep, &str)| {
            let apart = step.seconds() as f64 / self.seconds() as f64 * width;
            apart >= CLOSEST.max(TextStyle::Mark.width(name) + APART)
        };
        let wanted = |(step, _): &(MarkStep, &str)| hours || !matches!(step, MarkStep::Seconds(_));
        let found = MarkStep::all().filter(wanted).find(fits);
        found.map_or(MarkStep::Years(10_000), |(step, _)| step)
    }

    /// Where the period begins and ends, as clocks show it there.
    fn ends(&self) -> Option<(DateTime, DateTime)> {
        let local = |second| Some(self.zone.local(Timestamp::from_second(second).ok()?).datetime());
        Some((local(self.from)?, local(self.to - 1)?))
    }

    fn clock(&self, step: i64) -> Vec<(DateTime, &'static str)> {
        let Some((from, to)) = self.ends() else { return Vec::new() };
        let midnight = from.date().at(0, 0, 0, 0);
        let before = (from.hour() as i64 * 60 + from.minute() as i64) * 60 / step * step;
        let count = (self.seconds() + 2 * DAY_CHANGE) / step + 2;
        let time = |number: i64| midnight.checked_add((before + number * step).seconds()).ok();
        let form = |at: DateTime| {
            if at.time() == jiff::civil::Time::midnight() { "%-d %b" } else { "%H:%M" }
        };
        let times = (0..count).filter_map(time).filter(|time| *time <= to);
        times.map(|time| (time, form(time))).collect()
    }

    fn days(&self, step: i64) -> Vec<(DateTime, &'static str)> {
        // Counted back from the last day, so that the newest marks stay where they are while the axis grows.
        let Some((from, to)) = self.ends() else { return Vec::new() };
        let back = |count: i64| to.date().checked_sub((count * step).days()).ok();
        let days = (0..).map_while(back).take_while(|day| *day >= from.date());
        let mut days: Vec<_> = days.map(|day| (day.at(0, 0, 0, 0), "%-d %b")).collect();
        days.reverse();
        days
    }

    fn months(&self, step: i64, form: &'static str) -> Vec<(DateTime, &'static str)> {
        let Some((from, to)) = self.ends() else { return Vec::new() };
        let counts = month(from.date()).div_euclid(step)..=month(to.date()).div_euclid(step);
        counts.filter_map(|count| Some((first_day(count * step)?.at(0, 0, 0, 0), form))).collect()
    }
}

/// The month of a day, counted from the beginning of the year 0.
fn month(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

/// The day on which such a month begins.
fn first_day(month: i64) -> Option<Date> {
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    let number = i8::try_from(month.rem_euclid(12) + 1).ok()?;
    Date::new(year, number, 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(from: &str, to: &str, width: f64) -> Vec<String> {
        let zone = PageZone::utc();
        let span = AxisSpan::new(from.parse().unwrap(), to.parse().unwrap(), &zone);
        span.marks(width).into_iter().map(|mark| mark.name).collect()
    }

    #[test]
    fn hours_are_marked_then_days_then_months_then_years() {
        let to = "2026-11-23T01:30:00Z";
        let wide = |from| names(from, to, 690.0);
        assert_eq!(wide("2026-11-23T01:25:30Z"), ["01:26", "01:27", "01:28", "01:29"]);
        assert_eq!(
            wide("2026-11-22T22:10:00Z"),
            [
                "22:20", "22:40", "23:00", "23:20", "23:40", "23 Nov", "00:20", "00:40", "01:00",
                "01:20"
            ]
        );
        let days = wide("2026-11-20T12:00:00Z");
        assert_eq!(days, ["21 Nov", "22 Nov", "23 Nov"]);
        assert_eq!(wide("2026-11-09T12:00:00Z").len(), 7);
        assert_eq!(wide("2026-10-01T00:00:00Z").last().unwrap(), "23 Nov");
        assert_eq!(wide("2026-05-20T00:00:00Z")[..2], ["Jun 2026", "Jul 2026"]);
        assert_eq!(
            wide("2019-01-15T00:00:00Z"),
            ["2020", "2021", "2022", "2023", "2024", "2025", "2026"]
        );
        assert_eq!(names("0001-01-01T00:00:00Z", "9998-01-01T00:00:00Z", 690.0).len(), 9);
        assert_eq!(names("2026-11-21T12:30:00Z", to, 290.0), ["22 Nov", "12:00", "23 Nov"]);
        assert_eq!(names("2026-11-09T01:30:00Z", to, 290.0).len(), 4);
    }

    /// Marks of one step are never closer together than their names are wide, and an axis has two at least.
    #[test]
    fn whatever_the_period_its_marks_have_room() {
        let begin = 1_767_225_600 - 7;
        let zone = PageZone::utc();
        for from in (0..800).map(|day| begin + day * (DAY - 61)) {
            for (count, width) in (0..23).flat_map(|count| [(count, 282.0), (count, 748.0)]) {
                let seconds = (60.0 * 2.4_f64.powi(count)) as i64 + from % 1009;
                let at = |second: i64| Timestamp::from_second(second.min(253_402_207_000)).unwrap();
                let span = AxisSpan::new(at(from), at(from + seconds), &zone);
                let marks = span.marks(width);
                assert!(
                    seconds < 120 || (2..=14).contains(&marks.len()),
                    "{from} {seconds} {marks:?}"
                );
                for pair in marks.windows(2) {
                    let apart = (span.part(pair[1].time) - span.part(pair[0].time)) * width;
                    let names =
                        pair.iter().map(|mark| TextStyle::Mark.width(&mark.name)).sum::<f64>()
                            / 2.0;
                    assert!(
                        apart >= names + APART - 0.01,
                        "{from} {seconds} {pair:?}: {apart} {names}"
                    );
                }
            }
        }
    }
}
