//! Places in the WAL: a position ([`Lsn`]), a timeline, a segment, and the system whose they are.
//!
//! The name of a segment says where it starts only together with the length of segments, which belongs to the
//! server; so that length goes with every question.

use std::fmt;
use std::str::FromStr;

use super::Malformed;

/// The number that `initdb` gives a cluster for life and that every WAL segment carries. Written in
/// decimal, as `pg_controldata` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemIdentifier(pub u64);

impl fmt::Display for SystemIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The length of a WAL segment in bytes: a power of two from 1 MiB to 1 GiB (`IsValidWalSegSize`
/// in `xlog_internal.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalSegmentSize(u32);

impl WalSegmentSize {
    const MIN: u32 = 1 << 20;
    const MAX: u32 = 1 << 30;

    /// No segment is longer.
    pub const MAX_BYTES: u64 = Self::MAX as u64;

    pub fn from_bytes(bytes: u32) -> Result<Self, Malformed> {
        if bytes.is_power_of_two() && (Self::MIN..=Self::MAX).contains(&bytes) {
            return Ok(Self(bytes));
        }
        Err(Malformed::new(format!(
            "expected a segment size that is a power of two from 1 MiB to 1 GiB, found {bytes} bytes"
        )))
    }

    pub fn bytes(self) -> u64 {
        u64::from(self.0)
    }

    /// How many segments share the middle eight digits of a name (`XLogSegmentsPerXLogId`).
    fn per_log(self) -> u64 {
        (1 << 32) / self.bytes()
    }
}

/// One WAL segment as its 24-digit name says it: timeline, then the high and low half of its number.
/// Where it starts follows from the name only together with the segment size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WalSegment {
    pub timeline: TimelineId,
    pub log: u32,
    pub segment: u32,
}

impl WalSegment {
    /// The segment that holds the byte at `lsn`; `None` beyond the number space.
    pub fn at(lsn: Lsn, timeline: TimelineId, size: WalSegmentSize) -> Option<Self> {
        let log = u32::try_from(lsn.0 >> 32).ok()?;
        let segment = u32::try_from((lsn.0 & 0xFFFF_FFFF) / size.bytes()).ok()?;
        Some(Self { timeline, log, segment })
    }

    /// The LSN of its first byte, or an error when no segment of that size has such a name.
    pub fn start(self, size: WalSegmentSize) -> Result<Lsn, Malformed> {
        if u64::from(self.segment) >= size.per_log() {
            return Err(Malformed::new(format!(
                "expected the last eight digits below {:08X} for segments of {} bytes, found {:08X}",
                size.per_log(),
                size.bytes(),
                self.segment
            )));
        }
        Ok(Lsn((u64::from(self.log) << 32) + u64::from(self.segment) * size.bytes()))
    }

    /// The one that follows it on the same timeline; `None` at the end of the number space.
    pub fn next(self, size: WalSegmentSize) -> Option<Self> {
        if u64::from(self.segment) + 1 < size.per_log() {
            return Some(Self { segment: self.segment + 1, ..self });
        }
        Some(Self { log: self.log.checked_add(1)?, segment: 0, ..self })
    }

    /// The one before it on the same timeline; `None` for the first one of all.
    pub fn previous(self, size: WalSegmentSize) -> Option<Self> {
        let last_byte_before = self.start(size).ok()?.0.checked_sub(1)?;
        Self::at(Lsn(last_byte_before), self.timeline, size)
    }

    /// The first 16 digits of its name: the folder that a repository keeps it in.
    pub fn folder(self) -> String {
        format!("{}{:08X}", self.timeline, self.log)
    }
}

impl fmt::Display for WalSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:08X}{:08X}", self.timeline, self.log, self.segment)
    }
}

/// A byte position in the WAL stream, written `16/B374D848`: the high and the low 32 bits in
/// hexadecimal (PostgreSQL documentation, "pg_lsn Type").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl FromStr for Lsn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parse = |half: &str| {
            let hex = (1..=8).contains(&half.len()) && half.bytes().all(|b| b.is_ascii_hexdigit());
            hex.then(|| u64::from_str_radix(half, 16).ok()).flatten()
        };
        text.split_once('/')
            .and_then(|(high, low)| Some(Lsn((parse(high)? << 32) + parse(low)?)))
            .ok_or_else(|| {
                Malformed::new(format!("expected an LSN like 16/B374D848, found {text:?}"))
            })
    }
}

/// The number of a timeline, 1 and up. It is the first eight hexadecimal digits of every WAL file
/// name (PostgreSQL documentation, "Timelines").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimelineId(u32);

impl TimelineId {
    /// `None` for 0, which PostgreSQL never uses for a timeline.
    pub fn new(number: u32) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    pub fn number(self) -> u32 {
        self.0
    }
}

/// As in a file name: eight upper-case hexadecimal digits.
impl fmt::Display for TimelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u32 = 1 << 20;

    fn segment(log: u32, segment: u32) -> WalSegment {
        WalSegment { timeline: TimelineId::new(1).unwrap(), log, segment }
    }

    #[test]
    fn every_power_of_two_from_1_mib_to_1_gib_is_a_segment_size() {
        for shift in 0..32 {
            let valid = (20..=30).contains(&shift);
            assert_eq!(WalSegmentSize::from_bytes(1 << shift).is_ok(), valid, "1 << {shift}");
        }
        assert!(WalSegmentSize::from_bytes(3 * MIB).is_err());
    }

    #[test]
    fn the_next_segment_crosses_into_the_next_log_where_the_size_says_so() {
        for (mib, last) in [(1, 0xFFF), (16, 0xFF), (64, 0x3F), (1024, 3)] {
            let size = WalSegmentSize::from_bytes(mib * MIB).unwrap();
            assert_eq!(segment(7, last).next(size), Some(segment(8, 0)), "{mib} MiB");
            assert_eq!(segment(7, 0).next(size), Some(segment(7, 1)));
            assert_eq!(segment(u32::MAX, last).next(size), None);
            assert!(segment(7, last + 1).start(size).is_err());
        }
    }

    #[test]
    fn a_byte_lies_in_the_segment_that_starts_at_or_before_it() {
        for mib in [1, 16, 1024] {
            let size = WalSegmentSize::from_bytes(mib * MIB).unwrap();
            let start = segment(7, 2).start(size).unwrap();
            let at = |lsn: u64| WalSegment::at(Lsn(lsn), segment(0, 0).timeline, size).unwrap();
            assert_eq!(at(start.0), segment(7, 2));
            assert_eq!(at(start.0 + size.bytes() - 1), segment(7, 2));
            assert_eq!(at(start.0 - 1), segment(7, 1));
        }
    }

    #[test]
    fn the_start_is_the_number_times_the_size() {
        let size = WalSegmentSize::from_bytes(16 * MIB).unwrap();
        assert_eq!(segment(0x2, 0xAB).start(size), Ok(Lsn(0x2_AB00_0000)));
    }

    #[test]
    fn reads_what_it_writes() {
        let lsn = Lsn(0x16_B374_D848);
        assert_eq!(lsn.to_string(), "16/B374D848");
        assert_eq!("16/B374D848".parse(), Ok(lsn));
        assert_eq!("0/0".parse(), Ok(Lsn(0)));
    }

    #[test]
    fn refuses_what_postgres_does_not_write() {
        for text in ["", "16", "16/", "/1", "1/2/3", "+1/2", "123456789/0", "0/xyz"] {
            let error = text.parse::<Lsn>().unwrap_err();
            assert_eq!(error.0, format!("expected an LSN like 16/B374D848, found {text:?}"));
        }
    }
}
