//! What is looked for in the records of WAL: ends of transactions, restore points, and new tablespaces.
//!
//! A recovery target has no LSN that anybody knows beforehand, and a tablespace that is created while WAL is
//! replayed would write where another server's files are.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::record_walk::{RecordHeader, RecordVisitor, RecordWalk, main_data, u32_at};

/// `RM_XLOG_ID` and `RM_XACT_ID` in `rmgrlist.h`, `XLOG_RESTORE_POINT` in `pg_control.h`.
const LOG_MANAGER: u8 = 0;
const TRANSACTION_MANAGER: u8 = 1;
const RESTORE_POINT: u8 = 0x70;
/// `XLOG_XACT_OPMASK`, `XLOG_XACT_COMMIT` and `XLOG_XACT_ABORT` in `xact.h`. Of prepared transactions others are written.
const TRANSACTION_MASK: u8 = 0x70;
const COMMIT: u8 = 0x00;
const ABORT: u8 = 0x20;
/// `XLR_INFO_MASK`.
const INFO_MASK: u8 = 0x0F;

/// `xl_restore_point`: a time, and a name of a fixed length (`MAXFNAMELEN`).
const TIME_BYTES: usize = 8;
const RESTORE_POINT_BYTES_MAX: u32 = 256;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landmark {
    /// A transaction that ended.
    Transaction(u32),
    RestorePoint(String),
}

/// Finds the first of them in a segment, which comes in pieces of any length.
pub struct LandmarkScan(RecordWalk<Search>);

struct Search {
    landmark: Landmark,
    found: Option<u64>,
}

impl LandmarkScan {
    pub fn new(landmark: Landmark) -> Self {
        Self(RecordWalk::new(Search { landmark, found: None }))
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.0.feed(bytes);
    }

    /// Where its record begins, in bytes from the beginning of the segment.
    pub fn found(&self) -> Option<u64> {
        self.0.eye().found
    }

    /// Whether what comes behind is of no interest.
    pub fn is_over(&self) -> bool {
        self.found().is_some() || self.0.has_ended()
    }
}

impl RecordVisitor for Search {
    fn wants(&mut self, header: &RecordHeader) -> bool {
        let info = header.info & !INFO_MASK;
        match &self.landmark {
            // Its record may be long, and the header says it all.
            Landmark::Transaction(xid) => {
                let ends = [COMMIT, ABORT].contains(&(info & TRANSACTION_MASK));
                if header.manager == TRANSACTION_MANAGER && ends && header.xid == *xid {
                    self.found.get_or_insert(header.at);
                }
                false
            }
            Landmark::RestorePoint(_) => {
                let is_one = header.manager == LOG_MANAGER && info == RESTORE_POINT;
                is_one && header.length <= RESTORE_POINT_BYTES_MAX
            }
        }
    }

    fn see(&mut self, at: u64, record: &[u8]) {
        let Landmark::RestorePoint(wanted) = &self.landmark else { return };
        let name = main_data(record).and_then(|data| data.get(TIME_BYTES..));
        let name = name.and_then(|name| name.split(|byte| *byte == 0).next());
        if name == Some(wanted.as_bytes()) {
            self.found.get_or_insert(at);
        }
    }
}

/// `RM_TBLSPC_ID` in `rmgrlist.h`, `XLOG_TBLSPC_CREATE` in `tablespace.h`.
const TABLESPACE_MANAGER: u8 = 5;
const CREATE: u8 = 0x00;

/// More than the longest path that the server takes (`MAXPGPATH`, 1024).
const RECORD_BYTES_MAX: u32 = 2048;

/// The record of a `CREATE TABLESPACE` (`xl_tblspc_create_rec` in `tablespace.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablespaceCreation {
    pub oid: u32,
    /// Absolute; empty where the tablespace lies inside of the data directory.
    pub location: PathBuf,
}

/// Finds in a segment, which comes in pieces of any length, where tablespaces are created.
#[derive(Debug, Default)]
pub struct TablespaceScan(RecordWalk<Creations>);

#[derive(Debug, Default)]
struct Creations(Vec<TablespaceCreation>);

impl TablespaceScan {
    pub fn feed(&mut self, bytes: &[u8]) {
        self.0.feed(bytes);
    }

    /// What was found.
    pub fn found(self) -> Vec<TablespaceCreation> {
        self.0.into_eye().0
    }
}

impl RecordVisitor for Creations {
    fn wants(&mut self, header: &RecordHeader) -> bool {
        let creates = header.manager == TABLESPACE_MANAGER && header.info & !INFO_MASK == CREATE;
        creates && header.length <= RECORD_BYTES_MAX
    }

    fn see(&mut self, _: u64, record: &[u8]) {
        self.0.extend(creation(record));
    }
}

fn creation(record: &[u8]) -> Option<TablespaceCreation> {
    let (oid, path) = main_data(record)?.split_at_checked(4)?;
    let path = path.split(|byte| *byte == 0).next()?;
    Some(TablespaceCreation { oid: u32_at(oid, 0), location: OsStr::from_bytes(path).into() })
}

#[cfg(test)]
mod tests {
    use crate::postgres::record_walk::{
        DATA_LONG, DATA_SHORT, FIRST_PAGE_HEADER_BYTES, PAGE_HEADER_BYTES, RECORD_HEADER_BYTES,
        checksum,
    };

    use super::*;

    const PAGE: usize = 8192;

    fn record(manager: u8, info: u8, data: &[u8]) -> Vec<u8> {
        let mut record = vec![0; RECORD_HEADER_BYTES];
        match u8::try_from(data.len()) {
            Ok(length) => record.extend([DATA_SHORT, length]),
            Err(_) => {
                record.push(DATA_LONG);
                record.extend(u32::try_from(data.len()).unwrap().to_ne_bytes());
            }
        }
        record.extend_from_slice(data);
        let length = u32::try_from(record.len()).unwrap();
        record[..4].copy_from_slice(&length.to_ne_bytes());
        (record[16], record[17]) = (info, manager);
        let checksum = checksum(&record[24..], &record[..20]);
        record[20..24].copy_from_slice(&checksum.to_ne_bytes());
        record
    }

    fn create(oid: u32, path: &str) -> Vec<u8> {
        let data = [&oid.to_ne_bytes(), path.as_bytes(), b"\0"].concat();
        record(TABLESPACE_MANAGER, CREATE, &data)
    }

    fn made(oid: u32, path: &str) -> TablespaceCreation {
        TablespaceCreation { oid, location: path.into() }
    }

    /// A segment of these records, with what is left of another in front of them.
    fn segment(remaining: usize, records: &[Vec<u8>]) -> Vec<u8> {
        let mut content = vec![0xEE; remaining.next_multiple_of(8)];
        // Where each record ends, padding not counted.
        let mut ends = vec![remaining];
        for record in records {
            content.extend_from_slice(record);
            ends.push(content.len());
            content.resize(content.len().next_multiple_of(8), 0);
        }
        let (mut segment, mut done) = (Vec::new(), 0);
        while segment.len() < 8 * PAGE {
            let bytes = if done == 0 { FIRST_PAGE_HEADER_BYTES } else { PAGE_HEADER_BYTES };
            let mut header = vec![0; bytes];
            header[..2].copy_from_slice(&0xD110_u16.to_ne_bytes());
            if done == 0 {
                header[36..40].copy_from_slice(&u32::try_from(PAGE).unwrap().to_ne_bytes());
            }
            let end = ends.iter().copied().find(|end| end.next_multiple_of(8) > done);
            let begun = ends.iter().rev().find(|end| end.next_multiple_of(8) <= done);
            let within = begun.is_none_or(|begun| begun.next_multiple_of(8) < done);
            let left = end.filter(|_| within).map_or(0, |end| end.saturating_sub(done));
            header[16..20].copy_from_slice(&u32::try_from(left).unwrap().to_ne_bytes());
            segment.extend(header);
            let room = PAGE - bytes;
            let mut page =
                content[done.min(content.len())..(done + room).min(content.len())].to_vec();
            page.resize(room, 0);
            segment.extend(page);
            done += room;
        }
        segment
    }

    fn scan(segment: &[u8], piece: usize) -> Vec<TablespaceCreation> {
        let mut scan = TablespaceScan::default();
        segment.chunks(piece).for_each(|piece| scan.feed(piece));
        scan.found()
    }

    #[test]
    fn creations_are_found_wherever_they_lie() {
        let other = |length: usize| record(10, 0x20, &vec![7; length]);
        // Ends before the page does, so that the next record, or its header, goes on behind it.
        for gap in (8..200).step_by(8) {
            let before = PAGE - FIRST_PAGE_HEADER_BYTES - gap - RECORD_HEADER_BYTES - 5 - 16;
            let records = [
                other(before),
                create(16_400, "/ts one"),
                other(20_000),
                create(16_401, ""),
                create(16_402, "/b"),
            ];
            let segment = segment(13, &records);
            let expected = [made(16_400, "/ts one"), made(16_401, ""), made(16_402, "/b")];
            for piece in [1, 7, 4096, 1 << 20] {
                assert_eq!(scan(&segment, piece), expected, "gap {gap}, pieces of {piece}");
            }
        }
    }

    /// 0x0008 says so until PostgreSQL 18, 0x0004 in 19.
    #[test]
    fn a_record_that_a_crash_cut_off_is_given_up() {
        for flag in [0x0008_u16, 0x0004] {
            let mut segment = segment(0, &[create(7, "/before"), record(10, 0x20, &[7; 10_000])]);
            segment[PAGE..2 * PAGE].fill(0);
            let page = &mut segment[PAGE..];
            page[..2].copy_from_slice(&0xD122_u16.to_ne_bytes());
            page[2..4].copy_from_slice(&flag.to_ne_bytes());
            let behind = create(8, "/behind");
            page[PAGE_HEADER_BYTES..][..behind.len()].copy_from_slice(&behind);
            assert_eq!(scan(&segment, 1000), [made(7, "/before"), made(8, "/behind")]);
        }
    }

    #[test]
    fn bytes_that_are_no_record_find_nothing() {
        let mut damaged = create(16_400, "/ts");
        damaged[30] ^= 1;
        let drop = record(TABLESPACE_MANAGER, 0x10, &16_400_u32.to_ne_bytes());
        let zeros = vec![0; 64];
        let records = [drop, damaged, create(7, "/seen"), zeros, create(8, "/behind the end")];
        assert_eq!(scan(&segment(0, &records), 100), [made(7, "/seen")]);
        assert_eq!(scan(&vec![0xFF; 3 * PAGE], 1000), []);
        assert_eq!(scan(&[0; 50], 50), []);
    }
}
