//! The first page of a segment: read, written anew as PostgreSQL lays it out, and read again; and
//! compared with names. The input is a page, behind it perhaps the name of a segment. What is found of new
//! tablespaces does not depend on the pieces in which it comes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::postgres::{
    FIRST_PAGE_HEADER_BYTES, TablespaceCreation, TablespaceScan, WalFileName, WalPageHeader,
    WalSegment,
};

fuzz_target!(|data: &[u8]| {
    assert_eq!(creations(data, 1), creations(data, usize::MAX));
    let Ok(header) = WalPageHeader::parse(data) else { return };
    let bytes = written(&header);
    assert_eq!(WalPageHeader::parse(&bytes), Ok(header));
    for at in 0..FIRST_PAGE_HEADER_BYTES {
        assert!(WalPageHeader::parse(&bytes[..at]).is_err());
    }
    if let Some(segment) = own_name(&header) {
        assert_eq!(header.check_name(segment), Ok(()));
        // No other place has this header, and no segment lies between it and the next.
        let next = segment.next(header.segment_size);
        if let Some(next) = next {
            assert!(header.check_name(next).is_err());
            let (from, to) = (segment.start(header.segment_size), next.start(header.segment_size));
            assert_eq!(to.unwrap().0 - from.unwrap().0, header.segment_size.bytes());
        }
    }
    let name = str::from_utf8(&data[FIRST_PAGE_HEADER_BYTES..]).unwrap_or_default();
    if let Some(segment) = name.parse().ok().and_then(WalFileName::segment)
        && header.check_name(segment).is_ok()
    {
        assert_eq!(segment.start(header.segment_size), Ok(header.address));
        assert!(header.timeline <= segment.timeline);
    }
});

fn creations(data: &[u8], piece: usize) -> Vec<TablespaceCreation> {
    let mut scan = TablespaceScan::default();
    data.chunks(piece).for_each(|piece| scan.feed(piece));
    scan.found()
}

/// `XLogLongPageHeaderData`, with the fields that are not looked at empty.
fn written(header: &WalPageHeader) -> [u8; FIRST_PAGE_HEADER_BYTES] {
    let mut bytes = [0; FIRST_PAGE_HEADER_BYTES];
    bytes[..2].copy_from_slice(&0xD110_u16.to_ne_bytes());
    bytes[2..4].copy_from_slice(&2_u16.to_ne_bytes());
    bytes[4..8].copy_from_slice(&header.timeline.number().to_ne_bytes());
    bytes[8..16].copy_from_slice(&header.address.0.to_ne_bytes());
    bytes[24..32].copy_from_slice(&header.system_identifier.0.to_ne_bytes());
    let size = u32::try_from(header.segment_size.bytes()).expect("at most 1 GiB");
    bytes[32..36].copy_from_slice(&size.to_ne_bytes());
    bytes
}

/// The name PostgreSQL gives to the segment at the header's address, if a segment starts there.
fn own_name(header: &WalPageHeader) -> Option<WalSegment> {
    let (address, size) = (header.address.0, header.segment_size.bytes());
    let log = u32::try_from(address >> 32).expect("32 bits");
    let segment = u32::try_from((address & 0xFFFF_FFFF) / size).expect("32 bits");
    (address % size == 0).then_some(WalSegment { timeline: header.timeline, log, segment })
}
