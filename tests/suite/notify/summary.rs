//! The day of a summary is that of those who read it.

use std::fs;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::Told;

/// A zone in which it is another day than in UTC.
fn far_zone() -> &'static str {
    let hour = Timestamp::now().to_zoned(TimeZone::UTC).hour();
    if hour >= 12 { "Etc/GMT-14" } else { "Etc/GMT+12" }
}

fn day_of_the_summary(told: &Told) -> String {
    let note: Value = serde_json::from_str(&fs::read_to_string(told.note()).unwrap()).unwrap();
    let ways = note["ways"].as_object().unwrap();
    ways.values().next().unwrap()["summary"].as_str().unwrap().to_owned()
}

#[test]
fn its_day_and_hour_are_those_of_the_zone_of_reports() {
    let zone = far_zone();
    let told =
        Told::new(&["json"], &format!("summary_hour = 0\n[report]\ntimezone = \"{zone}\"\n"));
    told.run(0);
    assert_eq!(told.got().len(), 1);
    let day = |zone: TimeZone| Timestamp::now().to_zoned(zone).date().to_string();
    assert_eq!(day_of_the_summary(&told), day(TimeZone::get(zone).unwrap()));
    assert_ne!(day_of_the_summary(&told), day(TimeZone::UTC));
}

/// People hear of it all the same, in UTC, and the check says what is wrong.
#[test]
fn a_zone_that_this_host_does_not_know_is_said() {
    let told = Told::new(&["json"], "summary_hour = 0\n[report]\ntimezone = \"Europe/Nowhere\"\n");
    told.run(3).says("expected a time zone that this host knows as report.timezone");
    assert_eq!(told.got().len(), 1);
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date().to_string();
    assert_eq!(day_of_the_summary(&told), today);
}
