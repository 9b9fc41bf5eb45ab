//! Real WAL without a server.

use std::fs;
use std::sync::Arc;

use crate::support::place::Place;
use crate::support::wal::{DataDirectory, wal_files};

#[test]
fn segments_are_whole_in_order_and_made_once() {
    let wal = wal_files(15, 1);
    assert!(Arc::ptr_eq(&wal, &wal_files(15, 1)));
    assert_eq!(wal.segments.len(), 24);
    let numbers: Vec<u64> = wal.names().iter().map(|name| number(name)).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:x?}");
    for (name, bytes) in &wal.segments {
        assert_eq!(bytes.len() as u64, wal.segment_bytes, "{name}");
        // The long page header: magic, flags, timeline, page address, rest, system identifier.
        let identifier = u64::from_ne_bytes(bytes[24..32].try_into().expect("8 bytes"));
        assert_eq!(identifier, wal.system_identifier, "{name}");
    }
    let (name, content) = &wal.backup_history;
    assert!(name.ends_with(".backup") && content.starts_with(b"START WAL LOCATION"), "{name}");
}

/// The number of a 1 MiB segment: there are 4096 of them for each step of the middle digits.
fn number(name: &str) -> u64 {
    let part = |range| u64::from_str_radix(&name[range], 16).expect("hex digits");
    part(8..16) * 4096 + part(16..24)
}

#[test]
fn large_segments_are_made_too() {
    let wal = wal_files(18, 64);
    assert!(
        wal.segments.len() == 3 && wal.segments.iter().all(|(_, bytes)| bytes.len() == 64 << 20)
    );
}

#[test]
fn a_data_directory_looks_alive() {
    let place = Place::with_odd_name();
    let wal = wal_files(15, 1);
    let directory = DataDirectory::with_ready_segments(&place, &wal);
    let first = wal.names()[0];
    assert_eq!(fs::read(directory.wal(first)).expect("there"), wal.segments[0].1);
    directory.mark_done(first);
    directory.signal("standby.signal");
    let status = directory.path().join("pg_wal/archive_status");
    assert!(status.join(format!("{first}.done")).exists());
    assert!(status.join(format!("{}.ready", wal.names()[1])).exists());
    assert!(directory.path().join("standby.signal").exists());
    assert!(directory.path().join("global/pg_control").exists());
}
