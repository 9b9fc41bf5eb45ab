//! The walk through a segment that looks for new tablespaces: any bytes find the same whole and in pieces, and records that the
//! target lays into pages as the server does are all found. The first two bytes of the input decide the sizes of the pieces, the
//! third what is done with the rest.
#![no_main]

use std::os::unix::ffi::OsStrExt;

use libfuzzer_sys::fuzz_target;
use seawall::postgres::{TablespaceCreation, TablespaceScan};
use seawall_fuzz::pieces;

const TABLESPACE_MANAGER: u8 = 5;

fuzz_target!(|data: &[u8]| {
    let Some((&[one, other, how], rest)) = data.split_first_chunk::<3>() else { return };
    let (segment, expected) = match how % 2 {
        0 => (rest.to_vec(), None),
        _ => {
            let (records, created) = records(rest);
            (in_pages(&records, 1024 << (how >> 1) % 7), Some(created))
        }
    };
    let found = scan([&segment[..]]);
    assert_eq!(scan(pieces(&segment, [one, other])), found);
    if let Some(expected) = expected {
        assert_eq!(found, expected);
    }
});

fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<TablespaceCreation> {
    let mut scan = TablespaceScan::default();
    pieces.into_iter().for_each(|piece| scan.feed(piece));
    scan.found()
}

/// Records made of the input, and the tablespaces that some of them create.
fn records(mut input: &[u8]) -> (Vec<Vec<u8>>, Vec<TablespaceCreation>) {
    let (mut records, mut created) = (Vec::new(), Vec::new());
    while let Some((&[kind, length], rest)) = input.split_first_chunk::<2>() {
        let (content, behind) = rest.split_at(usize::from(length).min(rest.len()));
        input = behind;
        let Some((oid, path)) = content.split_first_chunk::<4>().filter(|_| kind % 2 == 1) else {
            // Of another manager, with up to some pages of content.
            let manager = if kind == TABLESPACE_MANAGER { 6 } else { kind };
            records.push(record(manager, &content.repeat(1 + usize::from(kind))));
            continue;
        };
        let path: Vec<u8> = path.iter().copied().filter(|byte| *byte != 0).collect();
        let data = [&oid[..], &path, &[0]].concat();
        // Short, long, and behind an origin and a transaction.
        let front = match (kind >> 1) % 3 {
            0 if data.len() < 256 => vec![255, data.len() as u8],
            1 => [&[253, 1, 0, 252, 9, 9, 9, 9, 254][..], &(data.len() as u32).to_ne_bytes()]
                .concat(),
            _ => [&[254][..], &(data.len() as u32).to_ne_bytes()].concat(),
        };
        records.push(record(TABLESPACE_MANAGER, &[front, data].concat()));
        let location = std::ffi::OsStr::from_bytes(&path).into();
        created.push(TablespaceCreation { oid: u32::from_ne_bytes(*oid), location });
    }
    (records, created)
}

/// `XLogRecord` in `xlogrecord.h`.
fn record(manager: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(24 + content.len()).expect("a short one");
    let mut header = [&length.to_ne_bytes()[..], &[0; 12], &[0, manager, 0, 0]].concat();
    let mut checksum = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    checksum.update(content);
    checksum.update(&header);
    header.extend_from_slice(&(checksum.finalize() as u32).to_ne_bytes());
    [&header, content].concat()
}

/// One after the other, each at a multiple of eight, with a header at the beginning of every page.
fn in_pages(records: &[Vec<u8>], page: usize) -> Vec<u8> {
    let mut segment = Vec::new();
    let header = |segment: &mut Vec<u8>, remaining: usize| {
        let first = segment.is_empty();
        segment.extend_from_slice(&0xD116_u16.to_ne_bytes());
        segment.extend_from_slice(&[0; 14]);
        segment.extend_from_slice(&(remaining as u32).to_ne_bytes());
        segment.extend_from_slice(&[0; 4]);
        if first {
            segment.extend_from_slice(&[0; 12]);
            segment.extend_from_slice(&(page as u32).to_ne_bytes());
        }
    };
    for record in records {
        let padded = record.len().next_multiple_of(8);
        let bytes = record.iter().chain(std::iter::repeat(&0)).take(padded);
        for (at, byte) in bytes.enumerate() {
            if segment.len() % page == 0 {
                // Nothing remains of a record that begins there.
                header(&mut segment, if at == 0 { 0 } else { record.len().saturating_sub(at) });
            }
            segment.push(*byte);
        }
    }
    segment
}
