//! The header of the first page of a WAL segment: which system, timeline and place its bytes are of.
//!
//! A push compares it with the name and the server before anything is sent: that keeps one server's WAL out of
//! another's archive.

use super::{Lsn, Malformed, SystemIdentifier, TimelineId, WalSegment, WalSegmentSize};

/// The length of `XLogLongPageHeaderData`, with which every segment starts.
pub const FIRST_PAGE_HEADER_BYTES: usize = 40;

/// `XLP_LONG_HEADER`: only the first page of a segment has it.
const LONG_HEADER: u16 = 0x0002;

/// `XLOG_PAGE_MAGIC` is `0xD1xx`; its low byte changes with nearly every major version: 15 has `10`, 16 `13`,
/// 17 `16`, 18 `18`, 19 `22`. A version that comes after this program is let through: the identity checks do
/// not depend on it, and archiving must not stop because a server was upgraded.
const MAGIC_FAMILY: u16 = 0xD100;

/// What the first page of a WAL segment says about it (`XLogLongPageHeaderData` in
/// `xlog_internal.h`). Its fields are in the server's byte order, which is also ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalPageHeader {
    pub timeline: TimelineId,
    pub address: Lsn,
    pub system_identifier: SystemIdentifier,
    pub segment_size: WalSegmentSize,
}

impl WalPageHeader {
    /// Reads the header from the first bytes of a segment, at least [`FIRST_PAGE_HEADER_BYTES`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let Some(bytes) = bytes.first_chunk::<FIRST_PAGE_HEADER_BYTES>() else {
            return Err(Malformed::new(format!(
                "expected at least {FIRST_PAGE_HEADER_BYTES} bytes of page header, found {}",
                bytes.len()
            )));
        };
        let magic = u16::from_ne_bytes(field(bytes, 0));
        if magic & 0xFF00 != MAGIC_FAMILY {
            return Err(Malformed::new(format!(
                "expected the page magic 0xD1xx of a WAL segment, found 0x{magic:04X}"
            )));
        }
        let info = u16::from_ne_bytes(field(bytes, 2));
        if info & LONG_HEADER == 0 {
            return Err(Malformed::new(
                "expected the long page header of a segment's first page, found a short one",
            ));
        }
        let timeline = u32::from_ne_bytes(field(bytes, 4));
        Ok(Self {
            timeline: TimelineId::new(timeline)
                .ok_or_else(|| Malformed::new("expected a timeline from 1 up, found 0"))?,
            address: Lsn(u64::from_ne_bytes(field(bytes, 8))),
            system_identifier: SystemIdentifier(u64::from_ne_bytes(field(bytes, 24))),
            segment_size: WalSegmentSize::from_bytes(u32::from_ne_bytes(field(bytes, 32)))?,
        })
    }

    /// Whether a segment with this header may stand under `segment`'s name. The page may carry an
    /// older timeline than the name: the first segment of a new timeline begins with a copy of the
    /// old one (`XLogFileCopy`).
    pub fn check_name(&self, segment: WalSegment) -> Result<(), Malformed> {
        let expected = segment.start(self.segment_size)?;
        if self.address != expected {
            return Err(Malformed::new(format!(
                "expected page address {expected} from the name, found {} in the page header",
                self.address
            )));
        }
        if self.timeline > segment.timeline {
            return Err(Malformed::new(format!(
                "expected timeline {} or an earlier one from the name, found {} in the page header",
                segment.timeline, self.timeline
            )));
        }
        Ok(())
    }
}

fn field<const N: usize>(bytes: &[u8; FIRST_PAGE_HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> [u8; FIRST_PAGE_HEADER_BYTES] {
        let mut bytes = [0; FIRST_PAGE_HEADER_BYTES];
        bytes[..2].copy_from_slice(&0xD110_u16.to_ne_bytes());
        bytes[2..4].copy_from_slice(&2_u16.to_ne_bytes());
        bytes[4..8].copy_from_slice(&2_u32.to_ne_bytes());
        bytes[8..16].copy_from_slice(&0x1_0300_0000_u64.to_ne_bytes());
        bytes[24..32].copy_from_slice(&7_u64.to_ne_bytes());
        bytes[32..36].copy_from_slice(&(16_u32 << 20).to_ne_bytes());
        bytes
    }

    fn name(timeline: u32, log: u32, segment: u32) -> WalSegment {
        WalSegment { timeline: TimelineId::new(timeline).unwrap(), log, segment }
    }

    #[test]
    fn agrees_with_its_own_name_and_with_a_later_timeline_only() {
        let header = WalPageHeader::parse(&header()).unwrap();
        assert_eq!(header.check_name(name(2, 1, 3)), Ok(()));
        assert_eq!(header.check_name(name(3, 1, 3)), Ok(()));
        assert_eq!(
            header.check_name(name(1, 1, 3)).unwrap_err().0,
            "expected timeline 00000001 or an earlier one from the name, found 00000002 in the page header"
        );
        assert_eq!(
            header.check_name(name(2, 1, 4)).unwrap_err().0,
            "expected page address 1/4000000 from the name, found 1/3000000 in the page header"
        );
    }

    #[test]
    fn says_which_field_is_wrong() {
        type Damage = fn(&mut [u8]);
        let cases: [(Damage, &str); 4] = [
            (|b| b[..2].fill(0), "expected the page magic 0xD1xx of a WAL segment, found 0x0000"),
            (
                |b| b[2..4].fill(0),
                "expected the long page header of a segment's first page, found a short one",
            ),
            (|b| b[4..8].fill(0), "expected a timeline from 1 up, found 0"),
            (
                |b| b[32..36].fill(0),
                "expected a segment size that is a power of two from 1 MiB to 1 GiB, found 0 bytes",
            ),
        ];
        for (damage, expected) in cases {
            let mut bytes = header();
            damage(&mut bytes);
            assert_eq!(WalPageHeader::parse(&bytes).unwrap_err().0, expected);
        }
        let short = WalPageHeader::parse(&header()[..39]).unwrap_err();
        assert_eq!(short.0, "expected at least 40 bytes of page header, found 39");
    }
}
