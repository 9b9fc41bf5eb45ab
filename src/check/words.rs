//! Times, sizes and ages in the words of findings.

use std::time::Duration;

use bytesize::ByteSize;
use jiff::Timestamp;

pub use crate::words::{count, plain};

/// In the two largest units: `1h 5m`.
pub fn time(seconds: f64) -> String {
    crate::words::two_units(seconds.max(0.0).round() as u64)
}

pub fn objective(time: Duration) -> String {
    self::time(time.as_secs_f64())
}

pub fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// Seconds since then; 0 where that is in the future: what is wrong with the clock is said elsewhere.
pub fn age(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).as_secs_f64().max(0.0)
}

/// RFC 3339 in UTC, to the second.
pub fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
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
        assert_eq!(size(1 << 20), "1.0 MiB");
    }
}
