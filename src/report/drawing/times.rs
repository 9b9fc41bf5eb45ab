use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};

use super::n;

const DAY_SECONDS: i64 = 86_400;

/// Seconds between two marks where there are no two days, from five minutes to half a day.
const SECONDS: [i64; 7] = [300, 600, 1800, 3600, 10_800, 21_600, 43_200];

/// Days between two marks, from a day to half a month; then whole months.
const DAYS: [i64; 5] = [1, 2, 4, 7, 14];
const MONTHS: [i8; 5] = [1, 2, 3, 6, 12];

/// An axis of time.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    from: i64,
    to: i64,
    left: f64,
    right: f64,
}

impl Times {
    pub fn new(from: Timestamp, to: Timestamp, left: f64, right: f64) -> Self {
        let (from, to) = (from.as_second(), to.as_second());
        Self { from, to: to.max(from + 60), left, right }
    }

    /// Where a moment is drawn, at an edge if it lies beyond.
    pub fn x(&self, time: Timestamp) -> f64 {
        let part = (time.as_second() - self.from) as f64 / (self.to - self.from) as f64;
        self.left + part.clamp(0.0, 1.0) * (self.right - self.left)
    }

    pub fn holds(&self, time: Timestamp) -> bool {
        (self.from..=self.to).contains(&time.as_second())
    }

    /// Moments to mark, at most so many, each with how it is called: days, which begin at midnight UTC, or
    /// times of the day.
    fn marks(&self, at_most: i64) -> Vec<(Timestamp, String)> {
        let span = self.to - self.from;
        if span < 2 * DAY_SECONDS {
            let step = SECONDS.into_iter().find(|step| span / step < at_most);
            return self.clock(step.unwrap_or(DAY_SECONDS));
        }
        let days = (self.to - self.from) / DAY_SECONDS + 1;
        let step = DAYS.into_iter().find(|step| days / step <= at_most);
        let (all, form): (Vec<Date>, _) = match step {
            Some(step) => (self.every(step), "%-d %b"),
            None => (self.months(days / 30 / at_most.max(1)), "%b %Y"),
        };
        let midnight = |day: Date| {
            let time = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
            let inside = (self.from..self.to).contains(&time.as_second());
            inside.then(|| (time, time.strftime(form).to_string()))
        };
        all.into_iter().filter_map(midnight).collect()
    }

    fn clock(&self, seconds: i64) -> Vec<(Timestamp, String)> {
        let first = self.from.div_euclid(seconds) + i64::from(self.from.rem_euclid(seconds) > 0);
        let all = (first..).map(|count| count * seconds).take_while(|at| *at < self.to);
        let mark = |at: i64| {
            let time = Timestamp::from_second(at).ok()?;
            let form = if at % DAY_SECONDS == 0 { "%-d %b" } else { "%H:%M" };
            Some((time, time.strftime(form).to_string()))
        };
        all.filter_map(mark).collect()
    }

    fn every(&self, days: i64) -> Vec<Date> {
        // Counted back from today, so that the newest marks stay where they are while the axis grows.
        let first = self.to.div_euclid(DAY_SECONDS);
        let back = (0..).map(|step| first - step * days);
        let days = back.take_while(|day| *day * DAY_SECONDS >= self.from);
        let date = |day: i64| date(1970, 1, 1).checked_add(day.days()).ok();
        let mut found: Vec<Date> = days.filter_map(date).collect();
        found.reverse();
        found
    }

    fn months(&self, about: i64) -> Vec<Date> {
        let step = MONTHS.into_iter().find(|step| i64::from(*step) > about).unwrap_or(12);
        let zoned = |at| Timestamp::from_second(at).map(|it| it.to_zoned(TimeZone::UTC).date());
        let (Ok(from), Ok(to)) = (zoned(self.from), zoned(self.to)) else { return Vec::new() };
        let years = from.year()..=to.year();
        let months = years.flat_map(|year| (1..=12_i8).map(move |month| (year, month)));
        let wanted = months.filter(|(_, month)| (month - 1) % step == 0);
        wanted.filter_map(|(year, month)| Date::new(year, month, 1).ok()).collect()
    }

    /// The axis itself: a thin line at `y` with its days below, and faint lines up to `top`.
    pub fn draw(&self, top: f64, y: f64, at_most: i64) -> Markup {
        let width = self.right - self.left;
        let marks = self.marks(at_most);
        html! {
            @for (time, _) in &marks {
                line class="grid" x1=(n(self.x(*time))) x2=(n(self.x(*time))) y1=(n(top)) y2=(n(y)) {}
            }
            line class="axis" x1=(n(self.left)) x2=(n(self.left + width)) y1=(n(y)) y2=(n(y)) {}
            @for (time, label) in &marks {
                @let x = self.x(*time);
                // A label at the edge would be cut off.
                @let anchor = if x > self.right - 18.0 { "end" } else if x < self.left + 4.0 { "start" } else { "middle" };
                text class="mark" x=(n(x)) y=(n(y + 15.0)) text-anchor=(anchor) { (label) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(from: &str, to: &str, at_most: i64) -> Vec<String> {
        let times = Times::new(from.parse().unwrap(), to.parse().unwrap(), 0.0, 100.0);
        times.marks(at_most).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn hours_are_marked_then_days_then_weeks_then_months() {
        let to = "2026-11-23T01:30:00Z";
        assert_eq!(labels("2026-11-20T12:00:00Z", to, 7), ["21 Nov", "22 Nov", "23 Nov"]);
        assert_eq!(labels("2026-11-09T12:00:00Z", to, 8).len(), 7);
        assert_eq!(labels("2026-10-01T00:00:00Z", to, 8).last().unwrap(), "23 Nov");
        assert_eq!(labels("2026-05-20T00:00:00Z", to, 8)[..2], ["Jun 2026", "Jul 2026"]);
        assert!((2..=8).contains(&labels("2019-01-15T00:00:00Z", to, 8).len()));
        assert_eq!(labels(to, to, 8), ["01:30"]);
        assert_eq!(
            labels("2026-11-22T22:10:00Z", to, 8),
            ["22:30", "23:00", "23:30", "23 Nov", "00:30", "01:00"]
        );
        assert_eq!(labels("2026-11-21T12:30:00Z", to, 5), ["22 Nov", "12:00", "23 Nov"]);
    }
}
