use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crc_fast::{CrcAlgorithm, Digest};

/// `RM_TBLSPC_ID` in `rmgrlist.h`, `XLOG_TBLSPC_CREATE` in `tablespace.h`.
const TABLESPACE_MANAGER: u8 = 5;
const CREATE: u8 = 0x00;
/// `XLR_INFO_MASK`: the bits of `xl_info` that are not the resource manager's.
const INFO_MASK: u8 = 0x0F;

/// `XLogRecord` in `xlogrecord.h`.
const RECORD_HEADER_BYTES: usize = 24;
/// `XLogPageHeaderData` and `XLogLongPageHeaderData` in `xlog_internal.h`.
const PAGE_HEADER_BYTES: usize = 24;
const FIRST_PAGE_HEADER_BYTES: usize = 40;
const MAGIC_FAMILY: u16 = 0xD100;

/// More than the longest path that the server takes (`MAXPGPATH`, 1024).
const RECORD_BYTES_MAX: u32 = 2048;

/// `XLR_BLOCK_ID_DATA_SHORT`, `_LONG`, `_ORIGIN` and `_TOPLEVEL_XID` in `xlogrecord.h`.
const DATA_SHORT: u8 = 255;
const DATA_LONG: u8 = 254;
const ORIGIN: u8 = 253;
const TOPLEVEL_TRANSACTION: u8 = 252;

/// The record of a `CREATE TABLESPACE` (`xl_tblspc_create_rec` in `tablespace.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablespaceCreation {
    pub oid: u32,
    /// Absolute; empty where the tablespace lies inside of the data directory.
    pub location: PathBuf,
}

/// Finds in a segment, which comes in pieces of any length, where tablespaces are created (the walk is that of
/// `XLogReader`, `xlogreader.c`). A record that goes on in another segment is not found. Ends where the WAL
/// does; bytes that are none find nothing: a record counts only with the right checksum.
#[derive(Debug, Default)]
pub struct TablespaceScan {
    found: Vec<TablespaceCreation>,
    /// Bytes of the segment so far.
    at: u64,
    /// From the header of the first page; 0 before that is whole.
    page_bytes: u64,
    /// How many bytes of the pages come before the next record.
    skip: u64,
    /// A header of a page, as far as it came.
    header: Vec<u8>,
    /// A record, as far as it came and is looked at.
    record: Vec<u8>,
    ended: bool,
}

impl TablespaceScan {
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.ended {
            let taken = if self.in_header() { self.take_header(bytes) } else { self.take(bytes) };
            self.at += taken as u64;
            bytes = &bytes[taken..];
        }
    }

    /// What was found.
    pub fn found(self) -> Vec<TablespaceCreation> {
        self.found
    }

    fn header_bytes(&self) -> usize {
        if self.at < FIRST_PAGE_HEADER_BYTES as u64 || self.page_bytes == 0 {
            FIRST_PAGE_HEADER_BYTES
        } else {
            PAGE_HEADER_BYTES
        }
    }

    fn in_header(&self) -> bool {
        self.page_bytes == 0 || !self.header.is_empty() || self.at.is_multiple_of(self.page_bytes)
    }

    fn take_header(&mut self, bytes: &[u8]) -> usize {
        let wanted = self.header_bytes() - self.header.len();
        let taken = wanted.min(bytes.len());
        self.header.extend_from_slice(&bytes[..taken]);
        if taken == wanted {
            self.page_begins();
            self.header.clear();
        }
        taken
    }

    fn page_begins(&mut self) {
        let header = &self.header;
        let first = header.len() == FIRST_PAGE_HEADER_BYTES;
        if first {
            self.page_bytes = u32_at(header, 36).into();
        }
        let remaining = u64::from(u32_at(header, 16));
        let is_page = u16_at(header, 0) & 0xFF00 == MAGIC_FAMILY;
        let size = self.page_bytes;
        if !is_page || !size.is_power_of_two() || !(1024..=65536).contains(&size) {
            self.ended = true;
        } else if first || remaining == 0 {
            // Nothing is left of a record, either, where a crash had cut one off and another begins in its place
            // (`XLP_FIRST_IS_OVERWRITE_CONTRECORD`, which is another bit in PostgreSQL 19 than before).
            self.record.clear();
            self.skip = aligned(remaining);
        }
    }

    /// Something of a page, behind its header.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let left = self.page_bytes - self.at % self.page_bytes;
        let most = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        if self.skip > 0 {
            let skipped = self.skip.min(most as u64);
            self.skip -= skipped;
            return usize::try_from(skipped).unwrap_or(most);
        }
        let wanted = self.record_wanted() - self.record.len();
        let taken = wanted.min(most);
        self.record.extend_from_slice(&bytes[..taken]);
        if taken == wanted {
            self.record_seen();
        }
        taken
    }

    /// The header of a record, or all of it where it is worth a look.
    fn record_wanted(&self) -> usize {
        match self.record.len() < RECORD_HEADER_BYTES {
            true => RECORD_HEADER_BYTES,
            false => u32_at(&self.record, 0) as usize,
        }
    }

    fn record_seen(&mut self) {
        let length = u32_at(&self.record, 0);
        if (length as usize) < RECORD_HEADER_BYTES {
            // Behind the end of the WAL there are zeros.
            self.ended = true;
            return;
        }
        let (info, manager) = (self.record[16], self.record[17]);
        let creates = manager == TABLESPACE_MANAGER && info & !INFO_MASK == CREATE;
        if creates && length <= RECORD_BYTES_MAX && self.record.len() < length as usize {
            return;
        }
        if creates && self.record.len() == length as usize {
            self.found.extend(creation(&self.record));
        }
        self.skip = aligned(length.into()) - self.record.len() as u64;
        self.record.clear();
    }
}

/// Records begin at multiples of eight bytes.
fn aligned(length: u64) -> u64 {
    length.next_multiple_of(8)
}

fn creation(record: &[u8]) -> Option<TablespaceCreation> {
    let (header, mut rest) = record.split_at_checked(RECORD_HEADER_BYTES)?;
    // Of the data, then of the header up to the checksum.
    let checksum = checksum(rest, &header[..20]);
    if checksum != u32_at(header, 20) {
        return None;
    }
    let data = loop {
        let (kind, behind) = rest.split_first()?;
        rest = match *kind {
            DATA_SHORT => break behind.get(1..)?,
            DATA_LONG => break behind.get(4..)?,
            ORIGIN => behind.get(2..)?,
            TOPLEVEL_TRANSACTION => behind.get(4..)?,
            _ => return None,
        };
    };
    let (oid, path) = data.split_at_checked(4)?;
    let path = path.split(|byte| *byte == 0).next()?;
    Some(TablespaceCreation { oid: u32_at(oid, 0), location: OsStr::from_bytes(path).into() })
}

/// CRC-32C of one behind the other.
fn checksum(first: &[u8], second: &[u8]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(first);
    digest.update(second);
    digest.finalize() as u32
}

/// In the server's byte order, which is also ours.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|it| it.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|it| it.try_into().ok()).map_or(0, u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
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
