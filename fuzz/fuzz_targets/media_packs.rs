//! Contents in packs: what is handed out is what the index wants. The first two bytes of the input are the length of the list of
//! contents, which the target compresses and describes, as it describes the pack, which is the rest.
#![no_main]

use std::io::{Cursor, Read};
use std::ops::ControlFlow;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use seawall::backup::{StoredObject, hex};
use seawall::codec::{Digest, Identities};
use seawall::error::Result;
use seawall::media_backup::packed::{PackedContents, PackedSource};
use seawall::media_backup::{
    ContentSource, Entry, EntryPath, FileContent, FileKind, FileMetadata, InodeState,
    SnapshotDescription, SnapshotKind, Sums, Time,
};
use seawall::storage::{
    Listed, Metadata as StoredMetadata, NewLargeObject, NewObject, ObjectHead, Storage,
};
use sha2::{Digest as _, Sha256};

const ID: &str = "20261122T203000Z-4f2a";
/// Longer ones no mutation has to be unpacked to.
const LONG: u64 = 1 << 22;

fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk::<2>() else { return };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (list, pack) = rest.split_at(length);
    let compressed = zstd::bulk::compress(list, 1).expect("it fits");
    let objects = vec![
        described("data-00001.pack", pack.len(), pack),
        described("contents.jsonl.zst", list.len(), &compressed),
    ];
    let description = description(objects);
    let Ok(contents) = PackedContents::read(list, &description) else { return };
    check_anew(&contents, &description);
    let storage = Memory { list: compressed, pack: pack.to_vec() };
    let identities = Identities::default();
    let source = PackedSource {
        storage: &storage,
        all: "media/set/".to_owned(),
        description: &description,
        identities: &identities,
        attempts: 1,
    };
    let packed = source.content().expect("its list was read");
    for (digest, place) in contents.in_order() {
        assert!(place.offset + place.stored_size <= contents.length(place.object));
        let Ok(plain) = packed.open(&entry(digest, place.size)) else { continue };
        let mut content = Vec::new();
        if plain.take(LONG).read_to_end(&mut content).is_ok() && place.size < LONG {
            assert_eq!((content.len() as u64, Digest::of(&content)), (place.size, digest));
        }
    }
});

/// The list says the same when it is written anew.
fn check_anew(contents: &PackedContents, description: &SnapshotDescription) {
    let mut used =
        PackedContents::read(&*written(contents, description), description).expect("ours");
    assert!(used.in_order().is_empty(), "no file has any of them yet");
    for (digest, place) in contents.in_order() {
        let holder = contents.holder(place.object).expect("it was admitted").clone();
        let object = used.number(holder);
        used.add(digest, seawall::media_backup::packed::ContentPlace { object, used: 1, ..place });
    }
    let again = PackedContents::read(&*written(&used, description), description).expect("ours");
    assert_eq!(again.in_order(), contents.in_order());
}

fn written(contents: &PackedContents, description: &SnapshotDescription) -> Vec<u8> {
    let mut compressed = Vec::new();
    contents.write(&description.id, &mut compressed).expect("into memory");
    zstd::stream::decode_all(&*compressed).expect("ours")
}

fn described(name: &str, size: usize, stored: &[u8]) -> StoredObject {
    StoredObject {
        object: name.to_owned(),
        size: size as u64,
        stored_size: stored.len() as u64,
        sha256: hex(Sha256::new_with_prefix(stored)),
    }
}

fn description(objects: Vec<StoredObject>) -> SnapshotDescription {
    SnapshotDescription {
        seawall: SnapshotDescription::FORMAT,
        id: ID.to_owned(),
        label: String::new(),
        kind: SnapshotKind::Packed,
        began: "2026-11-22T20:30:00Z".to_owned(),
        ended: "2026-11-22T20:30:01Z".to_owned(),
        encrypted: false,
        totals: Sums::default(),
        objects,
        earlier: Vec::new(),
        recipients: None,
        paths: Vec::new(),
        sum: None,
        fell: None,
        accepted: false,
    }
}

fn entry(digest: Digest, size: u64) -> Entry {
    let changed = Time::new(0, 0);
    let metadata = FileMetadata {
        mode: 0o644,
        uid: 0,
        gid: 0,
        user: None,
        group: None,
        mtime: changed,
        xattrs: Vec::new(),
    };
    Entry {
        path: EntryPath::new(b"file".to_vec()).expect("a path"),
        kind: FileKind::File(FileContent { size, digest, sparse: false, linked: false }),
        metadata,
        seen: InodeState { device: 0, inode: 0, changed },
    }
}

/// A store of the two objects, of which nothing is asked but to read them.
struct Memory {
    list: Vec<u8>,
    pack: Vec<u8>,
}

impl Memory {
    fn get(&self, key: &str) -> &[u8] {
        if key.ends_with(".pack") { &self.pack } else { &self.list }
    }
}

impl Storage for Memory {
    fn begin(&self, _key: &str, _front: usize) -> Result<Box<dyn NewObject + '_>> {
        unreachable!("a restore writes nothing")
    }

    fn begin_large(
        &self,
        _key: &str,
        _front: usize,
        _size_max: u64,
        _metadata: &StoredMetadata,
    ) -> Result<Box<dyn NewLargeObject + '_>> {
        unreachable!("a restore writes nothing")
    }

    fn head(&self, _key: &str) -> Result<Option<ObjectHead>> {
        unreachable!("a restore reads at once")
    }

    fn open(&self, key: &str, limit: Option<u64>) -> Result<Option<Box<dyn Read + Send>>> {
        let object = Cursor::new(self.get(key).to_vec());
        Ok(Some(Box::new(object.take(limit.unwrap_or(u64::MAX)))))
    }

    fn open_range(
        &self,
        key: &str,
        offset: u64,
        length: u64,
    ) -> Result<Option<Box<dyn Read + Send>>> {
        let offset = usize::try_from(offset).expect("short");
        let rest = self.get(key).get(offset..).unwrap_or_default().to_vec();
        Ok(Some(Box::new(Cursor::new(rest).take(length))))
    }

    fn list(
        &self,
        _prefix: &str,
        _after: &str,
        _visit: &mut dyn FnMut(Listed<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        unreachable!("the description names all")
    }

    fn delete(&self, _key: &str) -> Result<()> {
        unreachable!("a restore deletes nothing")
    }

    fn settle(&self, _key: &str) -> Result<()> {
        Ok(())
    }

    fn now(&self) -> Option<Timestamp> {
        None
    }

    fn reads_are_cheap(&self) -> bool {
        true
    }

    fn device(&self) -> String {
        "memory".to_owned()
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }
}
