use std::time::Duration;

use bytesize::ByteSize;
use jiff::Timestamp;

/// In the two largest units: `1h 5m`.
pub fn time(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    let units = [(seconds / 86400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m")];
    let units = units.into_iter().chain([(seconds % 60, "s")]);
    let shown = units.skip_while(|(count, unit)| *count == 0 && *unit != "s").take(2).enumerate();
    let shown = shown.filter(|(at, (count, _))| *at == 0 || *count > 0);
    let shown: Vec<_> = shown.map(|(_, (count, unit))| format!("{count}{unit}")).collect();
    shown.join(" ")
}

pub fn objective(time: Duration) -> String {
    self::time(time.as_secs_f64())
}

pub fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// `1 segment`, `2 segments`
pub fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Seconds since then; 0 where that is in the future: what is wrong with the clock is said elsewhere.
pub fn age(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).as_secs_f64().max(0.0)
}

/// RFC 3339 in UTC, to the second.
pub fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// One line: names and errors come from stores and servers.
pub fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_two_units() {
        for (seconds, expected) in
            [(0.4, "0s"), (59.6, "1m"), (65.0, "1m 5s"), (90_000.0, "1d 1h"), (-5.0, "0s")]
        {
            assert_eq!(time(seconds), expected);
        }
        assert_eq!(objective(Duration::from_secs(300)), "5m");
        assert_eq!(
            (size(1 << 20), count(1, "gap"), plain("a\n")),
            ("1.0 MiB".into(), "1 gap".into(), "a\\n".into())
        );
    }
}
