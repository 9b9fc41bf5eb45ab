//! Texts for standard output: sizes, times and durations as people read them, JSON documents for programs, and long
//! outputs that are written piece by piece.
//!
//! `table` aligns columns, `paper` fits lines to a terminal. A write that fails is an error: on a full disk a part of
//! the output would else pass for all of it.

mod paper;
mod table;

use std::io::{self, Write};
use std::time::Duration;

use bytesize::ByteSize;
use jiff::Timestamp;
use serde::Serialize;

pub use self::paper::{Paper, Tone};
pub use self::table::{Spare, fitted, table};
use crate::error::{Class, Error, Result};
use crate::words::two_units;
pub use crate::words::{count, plain, plain_bytes};

/// One JSON document, for programs: over several lines, with an end of line. A value that can't be written is a bug of
/// Seawall.
pub fn document(content: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(content);
    text.map(|text| text + "\n")
        .map_err(|error| Error::new(Class::Internal, format!("could not write JSON: {error}")))
}

/// Hands on a piece. Where it goes nowhere, the rest is not made.
pub fn write(out: &mut dyn Write, text: &str) -> Result<()> {
    out.write_all(text.as_bytes()).map_err(|error| not_written(&error))
}

pub fn not_written(error: &io::Error) -> Error {
    Error::new(Class::LocalFile, format!("could not write to standard output: {error}"))
        .hint("The output is not complete. Is the disk full?")
}

/// `1.7 GiB`
pub fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// The same of a whole number of units: `16 MiB`
pub fn whole_size(bytes: u64) -> String {
    size(bytes).replace(".0", "")
}

/// `1.7G`
pub fn short_size(bytes: u64) -> String {
    ByteSize(bytes).display().iec_short().to_string()
}

/// RFC 3339 in UTC, to the second.
pub fn at_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// How long it took, in the two largest units: `1h 5m`. A clock may have been set back meanwhile.
pub fn took(start: Timestamp, stop: Timestamp) -> String {
    let seconds = stop.duration_since(start).as_secs();
    let Ok(seconds) = u64::try_from(seconds) else { return "?".to_owned() };
    two_units(seconds)
}

/// Seconds with one digit behind the point: what a clock says of a restore is no better.
pub fn tenths(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_two_units() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (65, "1m 5s"),
            (3600, "1h"),
            (3661, "1h 1m"),
            (90_000, "1d 1h"),
            (86_460, "1d"),
            (-5, "?"),
        ] {
            let start = Timestamp::UNIX_EPOCH;
            assert_eq!(took(start, start + jiff::SignedDuration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!((size(300), short_size(300)), ("300 B".to_owned(), "300B".to_owned()));
        assert_eq!((size(1 << 30), short_size(1 << 30)), ("1.0 GiB".to_owned(), "1.0G".to_owned()));
        assert_eq!(whole_size(16 << 20), "16 MiB");
    }
}
