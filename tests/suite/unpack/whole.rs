//! What is laid down is what was taken.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::Ordering;

use seawall::basebackup::unpack::is_unfinished;
use seawall::codec::Identities;

use super::backup::{Backup, backup, crc32c, entries, new_folder};
use super::stored::{Stored, files_below};
use crate::scene::{KeyPair, side_by_side};
use crate::support::place::Place;
use crate::support::postgres::{NEWEST, OLDEST};

#[test]
fn a_server_starts_on_what_was_laid_down() {
    side_by_side(&[OLDEST, NEWEST], |version| {
        let backup = backup(*version);
        let stored = Stored::new(&backup);
        let unpacked = stored.unpack(false).unwrap();
        assert!(is_unfinished(&stored.data));
        let named = serde_json::from_slice::<serde_json::Value>(&backup.manifest).unwrap();
        let named = named["Files"].as_array().unwrap().len();
        assert_eq!((unpacked.laid, unpacked.kept), (named, 0));
        assert_eq!(stored.progress.load(Ordering::Relaxed), stored.description.size());
        unpacked.finish().unwrap();
        assert!(!is_unfinished(&stored.data));
        stored.is_whole(&backup);
    });
}

#[test]
fn modes_are_those_of_a_data_directory() {
    let backup = backup(OLDEST);
    let stored = Stored::new(&backup);
    stored.unpack(false).unwrap().finish().unwrap();
    let odd = |(_, _, mode): &&(String, u64, u32)| *mode != 0o600;
    assert_eq!(files_below(&stored.data).iter().find(odd), None);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    let folders = ["", "base", "pg_wal/archive_status", "pg_replslot", "pg_tblspc"];
    assert_eq!(folders.map(|path| mode(&stored.data.join(path))), [0o700; 5]);
}

/// A cluster made with `initdb --allow-group-access`.
#[test]
fn a_group_may_read_what_it_could_read_before() {
    let mut backup = Backup::clone(&backup(OLDEST));
    for part in 0..backup.parts.len() {
        backup.edit_part(part, |header, _| {
            let folder = header.entry_type().is_dir();
            header.set_mode(if folder { 0o750 } else { 0o640 });
            true
        });
    }
    let stored = Stored::new(&backup);
    stored.unpack(false).unwrap().finish().unwrap();
    let odd = |(path, _, mode): &&(String, u64, u32)| *mode != 0o640 && path != "tablespace_map";
    assert_eq!(files_below(&stored.data).iter().find(odd), None);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    let tablespace = &stored.tablespaces[&backup.tablespace.0];
    assert_eq!(["", "global", "base/1"].map(|path| mode(&stored.data.join(path))), [0o750; 3]);
    assert_eq!(mode(tablespace), 0o750);
    stored.is_whole(&backup);
}

/// Where the tablespace goes back to where it was, all files are what they were, byte for byte.
#[test]
fn nothing_is_changed_where_nothing_moved() {
    const MAP: &str = "tablespace_map";
    let mut backup = Backup::clone(&backup(NEWEST));
    let place = Place::new();
    let (oid, folder) = (backup.tablespace.0, new_folder(&place));
    // As if the tablespace had always been there.
    let new = format!("{oid} {}\n", folder.display()).into_bytes();
    let number = backup.part_with(MAP);
    let all = entries(&backup.parts[number].1);
    let (_, old) = all.iter().find(|(it, _)| it.path_bytes() == MAP.as_bytes()).unwrap();
    backup.edit_part(number, |header, content| {
        if header.path_bytes() == MAP.as_bytes() {
            content.clone_from(&new);
        }
        true
    });
    let size = |content: &[u8]| format!("\"{MAP}\", \"Size\": {},", content.len());
    backup.edit_manifest(|text| {
        text.replace(&size(old), &size(&new)).replace(&crc32c(old), &crc32c(&new))
    });
    let mut stored = Stored::new(&backup);
    stored.unpack(false).unwrap().finish().unwrap();
    let manifest = |stored: &Stored| fs::read(stored.data.join("backup_manifest")).unwrap();
    assert_ne!(manifest(&stored), backup.manifest);
    stored.data = new_folder(&stored.place);
    stored.tablespaces.insert(oid, folder);
    stored.unpack(false).unwrap().finish().unwrap();
    assert_eq!(manifest(&stored), backup.manifest);
    assert_eq!(fs::read(stored.data.join(MAP)).unwrap(), new);
    stored.is_whole(&backup);
}

#[test]
fn encrypted_parts_are_opened() {
    let backup = backup(NEWEST);
    let place = Place::new();
    let pair = KeyPair::new(&place);
    let identities = || Identities::read(&pair.file).unwrap();
    let recipient: age::x25519::Recipient = pair.recipient.parse().unwrap();
    let encrypt = |content: Vec<u8>| age::encrypt(&recipient, &content).unwrap();
    let mut stored = Stored::encrypted(&backup, identities(), encrypt);
    stored.identities = Identities::default();
    let failure = stored.unpack(false).err().unwrap().to_string();
    assert!(failure.contains("it is encrypted and there is no identity file"), "{failure}");
    assert!(!stored.data.exists(), "nothing is touched before the manifest was read");
    stored.identities = identities();
    stored.unpack(false).unwrap().finish().unwrap();
    stored.is_whole(&backup);
}

/// Without checksums, lengths and the sums of the parts still hold; SHA-512 is no other case than CRC-32C.
#[test]
fn every_kind_of_checksum_is_understood() {
    side_by_side(&["NONE", "SHA224", "SHA512"], |algorithm| {
        let backup = Backup::take(NEWEST, &[&format!("--manifest-checksums={algorithm}")]);
        let stored = Stored::new(&backup);
        stored.unpack(false).unwrap().finish().unwrap();
        stored.is_whole(&backup);
    });
}
