//! Times of files, to the nanosecond and also before 1970: a file counts as unchanged only where its time is exactly
//! the same, so no digit may be lost in the index.

use std::fmt;
use std::str::FromStr;

const SECOND: i128 = 1_000_000_000;

/// A point in time as file systems have it: nanoseconds since 1970. Written as seconds with nine digits behind
/// the point, as `touch -d @…` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(i128);

impl Time {
    pub fn new(seconds: i64, nanoseconds: u32) -> Self {
        Self(i128::from(seconds) * SECOND + i128::from(nanoseconds))
    }

    /// Whole seconds, rounded down.
    pub fn second(self) -> i64 {
        i64::try_from(self.0.div_euclid(SECOND)).unwrap_or(i64::MAX)
    }

    /// Seconds, and the nanoseconds since.
    pub fn parts(self) -> (i64, u32) {
        (self.second(), u32::try_from(self.0.rem_euclid(SECOND)).unwrap_or(0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let all = self.0.unsigned_abs();
        let second = SECOND.unsigned_abs();
        write!(f, "{sign}{}.{:09}", all / second, all % second)
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a time like 1700000000.123456789, found {text:?}");
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (seconds, rest) = digits.split_once('.').ok_or_else(wrong)?;
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        if !plain(seconds) || !plain(rest) || rest.len() != 9 || seconds.len() > 18 {
            return Err(wrong());
        }
        let number = |text: &str| text.parse::<i128>().map_err(|_| wrong());
        let all = number(seconds)? * SECOND + number(rest)?;
        Ok(Self(if negative { -all } else { all }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_it_is_read() {
        for (parts, text) in [
            ((0, 0), "0.000000000"),
            ((1_700_000_000, 5), "1700000000.000000005"),
            ((-1, 0), "-1.000000000"),
            ((-2, 500_000_000), "-1.500000000"),
            ((i64::from(u32::MAX), 999_999_999), "4294967295.999999999"),
        ] {
            let time = Time::new(parts.0, parts.1);
            assert_eq!((time.to_string().as_str(), time.parts()), (text, parts));
            assert_eq!(text.parse(), Ok(time));
        }
        for text in
            ["", "1", "1.5", "1.0000000000", "--1.000000000", "x.000000000", "1e9.000000000"]
        {
            let expected = format!("expected a time like 1700000000.123456789, found {text:?}");
            assert_eq!(text.parse::<Time>(), Err(expected));
        }
    }
}
