//! The entries of a part, of the data directory or (by the first byte of the input) of a tablespace: refused,
//! or paths that lie below the folder that they belong to, each path in a place of its own. The target mends
//! the checksums of the headers, which no mutation would get right.
#![no_main]

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use seawall::backup::StoredObject;
use seawall::basebackup::unpack::{EntryKind, Layout, read_entries};
use seawall::basebackup::{Description, Part};

const DATA: &str = "/data";

/// In folders that lie side by side, and one below the data directory.
static TABLESPACES: LazyLock<BTreeMap<u32, PathBuf>> = LazyLock::new(|| {
    let folders = [(7, "/data-7"), (16385, "/ts"), (9, "/data/pg_tblspc/9")];
    folders.map(|(oid, folder)| (oid, folder.into())).into()
});

static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| {
    let json = include_bytes!("../seeds/backup_description/tablespaces");
    Description::parse(json).expect("a description")
});

fuzz_target!(|data: &[u8]| {
    let Some((first, archive)) = data.split_first() else { return };
    let archive = with_checksums(archive);
    let layout = Layout::new(Path::new(DATA), &TABLESPACES, &DESCRIPTION).expect("all are there");
    let tablespace = (first % 2 == 1).then_some(7);
    let mut places = HashMap::new();
    let mut found = 0;
    let part = |entries| {
        let (object, sha256) = ("part".to_owned(), String::new());
        let stored = StoredObject { object, size: 0, stored_size: 0, sha256 };
        Part { stored, tablespace, entries }
    };
    let read = read_entries(&mut &*archive, &part(u64::MAX), &mut |entry| {
        found += 1;
        let path = entry.path;
        assert!(path.components().all(|it| matches!(it, Component::Normal(_))), "{path:?}");
        assert!(tablespace.is_none() || path.starts_with("pg_tblspc/7"), "{path:?}");
        let Ok(place) = layout.place(path) else { return Ok(()) };
        let below = |folder: &Path| place.starts_with(folder);
        assert!(below(Path::new(DATA)) || TABLESPACES.values().any(|it| below(it)), "{place:?}");
        assert!(place.components().all(|it| it != Component::ParentDir), "{place:?}");
        let other = places.insert(place, path.to_owned());
        assert!(other.is_none_or(|other| other == path), "{path:?} goes where another one does");
        if let EntryKind::File(size) = entry.kind {
            check_content(entry.content, size);
        }
        Ok(())
    });
    // So many entries there never are.
    let error = read.expect_err("too few entries").to_string();
    if error == format!("expected {} files and folders, found {found}", u64::MAX) {
        let again = read_entries(&mut &*archive, &part(found), &mut |_| Ok(()));
        assert_eq!(again, Ok(()), "read or not, the content is passed over");
    }
});

/// The archive with the sums of its headers (`tarChecksum` in `tar.c`).
fn with_checksums(archive: &[u8]) -> Vec<u8> {
    let (mut archive, mut at) = (archive.to_vec(), 0);
    while let Some(header) = archive.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<512>()) {
        let digits = str::from_utf8(&header[124..135]).unwrap_or_default();
        let size = usize::from_str_radix(digits.trim_matches(['\0', ' ']), 8);
        if header.iter().any(|byte| *byte != 0) {
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        }
        at += 512 + size.unwrap_or(0).min(archive.len()).next_multiple_of(512);
    }
    archive
}

/// It is as long as its header says, or the archive is cut short.
fn check_content(content: &mut dyn std::io::BufRead, size: u64) {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(content, &mut bytes).expect("it is in memory");
    assert!(bytes.len() as u64 <= size);
}
