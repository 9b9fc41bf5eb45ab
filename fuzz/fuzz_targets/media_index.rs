//! The index of a snapshot: what is handed out is sorted, each path once, each in a folder that came before it, and the same
//! when it is written anew. The first byte of the input says whether the rest is compressed, or lines that the target compresses.
#![no_main]

use std::collections::{HashMap, HashSet};

use libfuzzer_sys::fuzz_target;
use seawall::media_backup::{Entry, FileKind, IndexHeader, IndexReader, IndexWriter};

/// More than this a mutation of so few bytes does not need to become.
const ENTRIES_MAX: usize = 10_000;

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let compressed = match first % 2 {
        0 => rest.to_vec(),
        _ => zstd::bulk::compress(rest, 1).expect("it fits"),
    };
    let Some((header, entries)) = read(&compressed) else { return };
    let mut folders = HashSet::from([Vec::new()]);
    let mut files = HashMap::new();
    for entry in &entries {
        assert!(folders.contains(entry.path.parent()), "{:?}", entry.path);
        match &entry.kind {
            FileKind::Directory { .. } => {
                folders.insert(entry.path.as_bytes().to_vec());
            }
            FileKind::File(content) => {
                files.insert(entry.path.clone(), (content.size, content.digest));
            }
            FileKind::HardLink { to, content } => {
                assert_eq!(files.get(to), Some(&(content.size, content.digest)));
            }
            FileKind::Symlink { target } => assert!(!target.is_empty() && !target.contains(&0)),
        }
    }
    let mut writer = IndexWriter::begin(Vec::new(), &header).expect("into memory");
    entries.iter().for_each(|entry| writer.write(entry).expect("into memory"));
    let (_, again) = writer.finish().expect("into memory");
    assert_eq!(read(&again), Some((header, entries)));
});

/// All of it, if it is whole.
fn read(compressed: &[u8]) -> Option<(IndexHeader, Vec<Entry>)> {
    let mut reader = IndexReader::open(compressed).ok()?;
    let mut entries: Vec<Entry> = Vec::new();
    while let Some(entry) = reader.next_entry().ok()? {
        assert!(entries.last().is_none_or(|last| last.path < entry.path));
        entries.push(entry);
        if entries.len() > ENTRIES_MAX {
            return None;
        }
    }
    assert_eq!(reader.totals().entries, entries.len() as u64);
    Some((reader.header().clone(), entries))
}
