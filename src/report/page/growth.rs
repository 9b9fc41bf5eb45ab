//! What a month adds to a repository: the bytes that came on the last whole days, taken for 30 days. Today is not over
//! and would look like a saving, and of too few days nothing is said.

use std::time::Duration;

use crate::report::facts::{Facts, RATE};
use crate::report::words::{between, size, span};

const DAY_SECONDS: u64 = 86_400;

const MONTH_SECONDS: u64 = 30 * DAY_SECONDS;

/// Of a shorter time nothing is said of a month.
const LEAST: Duration = Duration::from_secs(3 * DAY_SECONDS);

/// What a month adds to the repository at this place, before retention takes off what is older.
pub fn monthly(facts: &Facts, place: usize) -> Option<u64> {
    let time = known(facts).filter(|time| *time >= LEAST)?;
    let series = facts.series.iter().filter_map(|it| it.came.get(place)).sum::<u64>();
    let came = facts.places.get(place)?.came + series;
    let month = u128::from(came) * u128::from(MONTH_SECONDS) / u128::from(time.as_secs());
    Some(month.try_into().unwrap_or(u64::MAX))
}

/// The same in words.
pub fn told(facts: &Facts, place: usize) -> String {
    monthly(facts, place).map_or_else(|| "not known yet".to_owned(), size)
}

/// What that goes by.
pub fn explained(facts: &Facts) -> String {
    match known(facts).filter(|time| *time >= LEAST) {
        None => format!("What a month adds is told once there are {} before today.", span(LEAST)),
        Some(time) => format!(
            "What a month adds is what came in the {} before today, taken for 30 days. What retention deletes meanwhile is not \
             taken off, so a repository grows by less. For the bill of a store see docs/s3-providers.md.",
            span(time)
        ),
    }
}

/// How much of the days that count there was anything at all.
fn known(facts: &Facts) -> Option<Duration> {
    let days = facts.days.all(RATE);
    let begun = facts.begun()?.max(days.start);
    Some(between(begun, days.end)).filter(|_| begun < days.end)
}
