//! The records of a WAL segment, one after the other, shown to a [`RecordVisitor`].
//!
//! A segment comes in pieces of any length and is never whole in the memory; each record counts only with the
//! right checksum.

use crc_fast::{CrcAlgorithm, Digest};

/// `XLogRecord` in `xlogrecord.h`.
pub(super) const RECORD_HEADER_BYTES: usize = 24;
/// `XLogPageHeaderData` and `XLogLongPageHeaderData` in `xlog_internal.h`.
pub(super) const PAGE_HEADER_BYTES: usize = 24;
pub(super) const FIRST_PAGE_HEADER_BYTES: usize = 40;
const MAGIC_FAMILY: u16 = 0xD100;

/// `XLR_BLOCK_ID_DATA_SHORT`, `_LONG`, `_ORIGIN` and `_TOPLEVEL_XID` in `xlogrecord.h`.
pub(super) const DATA_SHORT: u8 = 255;
pub(super) const DATA_LONG: u8 = 254;
const ORIGIN: u8 = 253;
const TOPLEVEL_TRANSACTION: u8 = 252;

/// What the header of a record tells (`xlogrecord.h`).
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordHeader {
    pub length: u32,
    /// The transaction that wrote it.
    pub xid: u32,
    pub info: u8,
    /// The resource manager.
    pub manager: u8,
    /// Where it begins, in bytes from the beginning of the segment.
    pub at: u64,
}

/// Who looks at records.
pub(super) trait RecordVisitor {
    /// Whether all of this one is wanted.
    fn wants(&mut self, header: &RecordHeader) -> bool;

    /// A record that was wanted, and where it begins.
    fn see(&mut self, at: u64, record: &[u8]);
}

/// Walks through a segment, which comes in pieces of any length (as `XLogReader` does, `xlogreader.c`). A record that goes on in
/// another segment is not seen. Ends where the WAL does.
#[derive(Debug, Default)]
pub(super) struct RecordWalk<E> {
    eye: E,
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
    /// Where it began.
    begun: u64,
    /// Whether all of it is wanted; not known before its header is there.
    wanted: bool,
    ended: bool,
}

impl<E: RecordVisitor> RecordWalk<E> {
    pub(super) fn new(eye: E) -> Self {
        Self {
            eye,
            at: 0,
            page_bytes: 0,
            skip: 0,
            header: Vec::new(),
            record: Vec::new(),
            begun: 0,
            wanted: false,
            ended: false,
        }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.ended {
            let taken = if self.in_header() { self.take_header(bytes) } else { self.take(bytes) };
            self.at += taken as u64;
            bytes = &bytes[taken..];
        }
    }

    pub(super) fn eye(&self) -> &E {
        &self.eye
    }

    pub(super) fn into_eye(self) -> E {
        self.eye
    }

    /// Whether nothing more is to be seen.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
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
        if self.record.is_empty() {
            self.begun = self.at;
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
        if self.record.len() == RECORD_HEADER_BYTES {
            let header = RecordHeader {
                length,
                xid: u32_at(&self.record, 4),
                info: self.record[16],
                manager: self.record[17],
                at: self.begun,
            };
            self.wanted = self.eye.wants(&header);
        }
        if self.wanted && self.record.len() < length as usize {
            return;
        }
        if self.wanted {
            self.eye.see(self.begun, &self.record);
        }
        self.skip = aligned(length.into()) - self.record.len() as u64;
        self.record.clear();
    }
}

/// Records begin at multiples of eight bytes.
fn aligned(length: u64) -> u64 {
    length.next_multiple_of(8)
}

/// The data of a record that has no blocks. `None` for bytes that are no record: it counts only with the right checksum.
pub(super) fn main_data(record: &[u8]) -> Option<&[u8]> {
    let (header, mut rest) = record.split_at_checked(RECORD_HEADER_BYTES)?;
    // Of the data, then of the header up to the checksum.
    if checksum(rest, &header[..20]) != u32_at(header, 20) {
        return None;
    }
    loop {
        let (kind, behind) = rest.split_first()?;
        rest = match *kind {
            DATA_SHORT => return behind.get(1..),
            DATA_LONG => return behind.get(4..),
            ORIGIN => behind.get(2..)?,
            TOPLEVEL_TRANSACTION => behind.get(4..)?,
            _ => return None,
        };
    }
}

/// CRC-32C of one behind the other.
pub(super) fn checksum(first: &[u8], second: &[u8]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(first);
    digest.update(second);
    digest.finalize() as u32
}

/// In the server's byte order, which is also ours.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|it| it.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|it| it.try_into().ok()).map_or(0, u16::from_ne_bytes)
}
