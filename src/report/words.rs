//! Ages, sizes and numbers as people read them anywhere, with their units.

use std::time::Duration;

use bytesize::ByteSize;
use jiff::Timestamp;

pub(super) use crate::words::listed;
pub use crate::words::plain;

/// `1.7 GiB`
pub(super) fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// The time between two moments; none when clocks disagree.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Between a number and its unit no line ends.
pub(super) const JOINED: char = '\u{a0}';

/// In its two largest units: `4 min 10 s`, `3 days`. From a day on, hours are left out once there are ten.
pub(super) fn span(time: Duration) -> String {
    let seconds = (time.as_secs_f64().round()) as u64;
    let days = seconds / 86_400;
    if days >= 10 {
        return format!("{days}{JOINED}days");
    }
    let units = [
        (days, if days == 1 { "day" } else { "days" }),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(units.len() - 1);
    let shown = units.iter().skip(first).take(2).enumerate();
    let shown = shown.filter(|(at, (count, _))| *at == 0 || *count > 0);
    let shown: Vec<String> =
        shown.map(|(_, (count, unit))| format!("{count}{JOINED}{unit}")).collect();
    shown.join(&JOINED.to_string())
}

/// The same of seconds as a record has them.
pub(super) fn took(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| "?".to_owned(), span)
}

/// The same in one unit, for an axis: `90 s` is `1.5 min`.
pub(super) fn short_span(seconds: f64) -> String {
    let (count, unit) = match seconds {
        s if s < 90.0 => (s, "s"),
        s if s < 5400.0 && s != 3600.0 => (s / 60.0, "min"),
        s if s < 172_800.0 => (s / 3600.0, "h"),
        s => (s / 86_400.0, "days"),
    };
    let rounded = format!("{count:.1}");
    format!("{} {unit}", rounded.strip_suffix(".0").unwrap_or(&rounded))
}

/// `1 segment`, `184,213 segments`
pub(super) fn count(number: u64, what: &str) -> String {
    format!("{}{JOINED}{what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// In groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units() {
        let shown = |seconds| span(Duration::from_secs(seconds)).replace(JOINED, " ");
        let expected = [
            (0, "0 s"),
            (59, "59 s"),
            (250, "4 min 10 s"),
            (3600, "1 h"),
            (3661, "1 h 1 min"),
            (86_400, "1 day"),
            (3 * 86_400 + 7200, "3 days 2 h"),
            (40 * 86_400, "40 days"),
        ];
        assert_eq!(expected.map(|(seconds, _)| shown(seconds)), expected.map(|(_, text)| text));
        assert_eq!(
            [45.0, 90.0, 300.0, 3600.0, 5400.0, 172_800.0].map(short_span),
            ["45 s", "1.5 min", "5 min", "1 h", "1.5 h", "2 days"]
        );
    }

    #[test]
    fn numbers_need_no_locale() {
        assert_eq!(count(1, "key"), "1\u{a0}key");
        assert_eq!([999, 1000, 1_234_567].map(grouped), ["999", "1,000", "1,234,567"]);
    }
}
