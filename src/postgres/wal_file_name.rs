//! The names that PostgreSQL gives to files it archives: segments, partial ones, histories, and those of
//! backups.
//!
//! A name becomes part of a key in every repository, so anything that PostgreSQL would not write is refused.

use std::fmt;
use std::str::FromStr;

use super::{Malformed, TimelineId, WalSegment};

/// A name that PostgreSQL gives to a file it archives (`xlog_internal.h`: `XLogFileName`,
/// `TLHistoryFileName`, `BackupHistoryFileName`; `.partial` is made by `CleanupAfterArchiveRecovery`).
/// Hexadecimal digits are upper case, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalFileName {
    /// `000000010000000200000003`
    Segment(WalSegment),
    /// `000000010000000200000003.partial`: the last segment of a timeline that was left.
    Partial(WalSegment),
    /// `00000002.history`
    History(TimelineId),
    /// `000000010000000200000003.00000028.backup`: the backup history file of a base backup that
    /// started `offset` bytes into the segment.
    Backup { segment: WalSegment, offset: u32 },
}

impl WalFileName {
    /// The segment that the name speaks of; a history file has none.
    pub fn segment(self) -> Option<WalSegment> {
        match self {
            Self::Segment(segment) | Self::Partial(segment) | Self::Backup { segment, .. } => {
                Some(segment)
            }
            Self::History(_) => None,
        }
    }

    pub fn timeline(self) -> TimelineId {
        match self {
            Self::History(timeline) => timeline,
            Self::Segment(segment) | Self::Partial(segment) | Self::Backup { segment, .. } => {
                segment.timeline
            }
        }
    }

    /// Whether it is a few lines of text rather than a segment.
    pub fn is_small(self) -> bool {
        matches!(self, Self::History(_) | Self::Backup { .. })
    }
}

impl fmt::Display for WalFileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(segment) => segment.fmt(f),
            Self::Partial(segment) => write!(f, "{segment}.partial"),
            Self::History(timeline) => write!(f, "{timeline}.history"),
            Self::Backup { segment, offset } => write!(f, "{segment}.{offset:08X}.backup"),
        }
    }
}

impl FromStr for WalFileName {
    type Err = Malformed;

    fn from_str(name: &str) -> Result<Self, Malformed> {
        parse(name).ok_or_else(|| {
            Malformed::new(format!(
                "expected a WAL file name (24 upper-case hexadecimal digits, perhaps .partial or \
                 .XXXXXXXX.backup, or 8 digits and .history), found {name:?}"
            ))
        })
    }
}

fn parse(name: &str) -> Option<WalFileName> {
    let (stem, rest) = name.split_once('.').map_or((name, None), |(a, b)| (a, Some(b)));
    if stem.len() == 8 {
        let history = rest == Some("history");
        return history.then(|| timeline(stem)).flatten().map(WalFileName::History);
    }
    let segment = segment(stem)?;
    match rest {
        None => Some(WalFileName::Segment(segment)),
        Some("partial") => Some(WalFileName::Partial(segment)),
        Some(rest) => {
            let offset = digits(rest.strip_suffix(".backup")?)?;
            Some(WalFileName::Backup { segment, offset })
        }
    }
}

fn segment(stem: &str) -> Option<WalSegment> {
    if stem.len() != 24 || !stem.is_ascii() {
        return None;
    }
    let (log, number) = (digits(&stem[8..16])?, digits(&stem[16..])?);
    Some(WalSegment { timeline: timeline(&stem[..8])?, log, segment: number })
}

fn timeline(text: &str) -> Option<TimelineId> {
    TimelineId::new(digits(text)?)
}

/// Exactly eight upper-case hexadecimal digits; `from_str_radix` alone would take `+1` and `ab`.
fn digits(text: &str) -> Option<u32> {
    let upper_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    let valid = text.len() == 8 && text.bytes().all(upper_hex);
    valid.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_name_and_writes_it_back() {
        for name in [
            "000000010000000200000003",
            "0000000A000000FF000000FE.partial",
            "00000002.history",
            "000000010000000200000003.00000028.backup",
        ] {
            assert_eq!(name.parse::<WalFileName>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn refuses_names_that_postgres_does_not_make() {
        for name in [
            "",
            "00000001000000020000000",
            "0000000100000002000000033",
            "00000001000000020000000a",
            "000000000000000200000003",
            "00000000.history",
            "0000002.history",
            "00000002.History",
            "000000010000000200000003.",
            "000000010000000200000003.PARTIAL",
            "000000010000000200000003.28.backup",
            "000000010000000200000003.00000028.backup.zst",
            "../000010000000200000003",
            "+00000010000000200000003",
            "0000000100000002000000é3",
        ] {
            let error = name.parse::<WalFileName>().unwrap_err();
            assert!(error.0.ends_with(&format!("found {name:?}")), "{name}: {error}");
        }
    }
}
