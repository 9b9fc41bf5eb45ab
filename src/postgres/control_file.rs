//! `global/pg_control`, as far as Seawall reads it: whose the directory is, how long its segments are, and how
//! its server ended.
//!
//! The server may be writing it at the moment; only fields are read that never change, or that stand still once
//! a server is down.

use super::{Malformed, SUPPORTED_IN_WORDS, SystemIdentifier, WalSegmentSize};

/// `PG_CONTROL_FILE_SIZE`
const CONTROL_FILE_BYTES: usize = 8192;

/// The system identifier in the content of `global/pg_control` (`ControlFileData` in
/// `pg_control.h`: it comes first, then `pg_control_version`, in every version since 8.2).
///
/// The checksum of the file is not looked at: its place differs from version to version, the server
/// may be rewriting the file, and these eight bytes never change.
pub fn system_identifier_of_control_file(bytes: &[u8]) -> Result<SystemIdentifier, Malformed> {
    if bytes.len() != CONTROL_FILE_BYTES {
        return Err(Malformed::new(format!(
            "expected a control file of {CONTROL_FILE_BYTES} bytes, found {}",
            bytes.len()
        )));
    }
    let identifier = u64::from_ne_bytes(std::array::from_fn(|i| bytes[i]));
    let version = u32::from_ne_bytes(std::array::from_fn(|i| bytes[8 + i]));
    // 1300 is that of 15 to 17, 1800 of 18, 1905 of 19. What comes after them is let through: the identifier
    // has kept its place so far. A foreign byte order shows as an enormous number.
    if !(1300..10_000).contains(&version) {
        return Err(Malformed::new(format!(
            "expected pg_control_version 1300 or later ({SUPPORTED_IN_WORDS}), found {version}"
        )));
    }
    Ok(SystemIdentifier(identifier))
}

/// The length of a WAL segment in the content of `global/pg_control`. Its place differs from version to version. In all of them
/// two numbers come behind `floatFormat`, which always is 1234567 (`FLOATFORMAT_VALUE` in `pg_control.h`), then numbers that are no
/// length of a segment (one until PostgreSQL 18, two in 19, of at most 64 KiB), then this one.
pub fn wal_segment_size_of_control_file(bytes: &[u8]) -> Result<WalSegmentSize, Malformed> {
    const FLOAT_FORMAT: f64 = 1_234_567.0;
    let at = bytes.chunks_exact(8).position(|eight| eight == FLOAT_FORMAT.to_ne_bytes());
    let fields = at.and_then(|at| bytes.get(at * 8 + 16..at * 8 + 28)).unwrap_or_default();
    let numbers = fields.chunks_exact(4).filter_map(|four| four.try_into().ok());
    let mut sizes =
        numbers.filter_map(|number| WalSegmentSize::from_bytes(u32::from_ne_bytes(number)).ok());
    sizes.next().ok_or_else(|| Malformed::new("it has no valid size of WAL segments"))
}

/// Whether the server was shut down in good order while it recovered (`DB_SHUTDOWNED_IN_RECOVERY` in
/// `pg_control.h`), in the content of `global/pg_control`.
pub fn shut_down_in_recovery(bytes: &[u8]) -> bool {
    state(bytes) == Some(2)
}

/// Whether the server has recovered and takes writes, or died while it did (`DB_IN_PRODUCTION`).
pub fn in_production(bytes: &[u8]) -> bool {
    state(bytes) == Some(6)
}

/// `DBState`, the field behind the two versions.
fn state(bytes: &[u8]) -> Option<u32> {
    bytes.get(16..20)?.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read() {
        let mut bytes = vec![0; 8192];
        assert!(!shut_down_in_recovery(&bytes));
        bytes[16..20].copy_from_slice(&2_u32.to_ne_bytes());
        assert!(shut_down_in_recovery(&bytes));
        assert!(!shut_down_in_recovery(&bytes[..16]));
        assert!(!in_production(&bytes));
        bytes[16..20].copy_from_slice(&6_u32.to_ne_bytes());
        assert!(in_production(&bytes) && !shut_down_in_recovery(&bytes));
    }

    #[test]
    fn the_size_of_segments_is_found_behind_the_format_of_floats() {
        let file = |numbers: &[u32]| {
            let mut bytes = vec![0; 8192];
            bytes[232..240].copy_from_slice(&1_234_567.0_f64.to_ne_bytes());
            for (at, number) in numbers.iter().enumerate() {
                bytes[240 + 4 * at..244 + 4 * at].copy_from_slice(&number.to_ne_bytes());
            }
            bytes
        };
        let size =
            |bytes: &[u8]| wal_segment_size_of_control_file(bytes).map(WalSegmentSize::bytes);
        // The second is the length of a table's file in blocks: 8 GiB here.
        assert_eq!(size(&file(&[8192, 1 << 20, 8192, 2 << 20, 64])), Ok(2 << 20));
        assert_eq!(size(&file(&[8192, 131_072, 32, 8192, 2 << 20, 64])), Ok(2 << 20));
        for none in [&file(&[8192, 131_072, 8192, 7]), &file(&[])[..240]] {
            assert_eq!(size(none).unwrap_err().0, "it has no valid size of WAL segments");
        }
    }

    #[test]
    fn takes_the_identifier_and_refuses_other_files() {
        let mut bytes = vec![0; 8192];
        bytes[..8].copy_from_slice(&42_u64.to_ne_bytes());
        bytes[8..12].copy_from_slice(&1300_u32.to_ne_bytes());
        assert_eq!(system_identifier_of_control_file(&bytes), Ok(SystemIdentifier(42)));
        assert_eq!(
            system_identifier_of_control_file(&bytes[..512]).unwrap_err().0,
            "expected a control file of 8192 bytes, found 512"
        );
        bytes[8..12].fill(0);
        assert_eq!(
            system_identifier_of_control_file(&bytes).unwrap_err().0,
            format!("expected pg_control_version 1300 or later ({SUPPORTED_IN_WORDS}), found 0")
        );
    }
}
