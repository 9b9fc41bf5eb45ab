//! The part of the suite about objects that are sent while they are made.

use bytes::Bytes;
use seawall::error::Result;
use seawall::storage::{Created, Storage};

use super::checks::{create, metadata, read};
use super::listings::list;

/// The least length of a part but the last in a multipart upload.
pub const PART_BYTES: usize = 8 << 20;

/// A front, and what is written behind it.
struct Large {
    front: Vec<u8>,
    rest: Vec<u8>,
}

impl Large {
    /// `size` bytes in all.
    fn new(front: usize, size: usize) -> Large {
        let mut bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8 ^ (at >> 16) as u8).collect();
        let rest = bytes.split_off(front);
        Large { front: bytes, rest }
    }

    fn whole(&self) -> Vec<u8> {
        [&self.front[..], &self.rest[..]].concat()
    }

    fn create(&self, storage: &dyn Storage, key: &str, piece: usize) -> Result<Created> {
        let size = self.whole().len() as u64;
        let mut object = storage.begin_large(key, self.front.len(), size, &metadata())?;
        for piece in self.rest.chunks(piece) {
            object.write(Bytes::copy_from_slice(piece))?;
        }
        object.finish(Bytes::copy_from_slice(&self.front))
    }

    #[track_caller]
    fn is_stored(&self, storage: &dyn Storage, key: &str) {
        let whole = self.whole();
        assert!(read(storage, key, None).as_deref() == Some(&whole[..]), "{key}");
        let stored = storage.head(key).expect("an answer").expect("it is there");
        assert_eq!(stored.size, whole.len() as u64, "{key}");
        assert!(
            stored.metadata == metadata() || stored.metadata.is_empty(),
            "{key}: {:?}",
            stored.metadata
        );
    }
}

pub fn all(storage: &dyn Storage) {
    every_size_and_front_survives(storage);

    an_object_that_is_dropped_never_was(storage);

    a_taken_key_keeps_its_content(storage);
}

fn every_size_and_front_survives(storage: &dyn Storage) {
    const MIB: usize = 1 << 20;
    for (front, size, piece) in [
        (0, 0, MIB),
        (0, 1, MIB),
        (0, PART_BYTES, MIB),
        (0, PART_BYTES + 1, PART_BYTES + 1),
        (0, 2 * PART_BYTES, MIB + 13),
        (100, 100, MIB),
        (100, PART_BYTES, MIB),
        (100, PART_BYTES + 1, MIB),
        (100, 3 * PART_BYTES + 5, MIB + 13),
    ] {
        let (large, key) = (Large::new(front, size), format!("large/{front}-{size}"));
        assert_eq!(large.create(storage, &key, piece), Ok(Created::New), "{key}");
        large.is_stored(storage, &key);
    }
}

fn an_object_that_is_dropped_never_was(storage: &dyn Storage) {
    create(storage, "dropped/beside", b"stays");
    let large = Large::new(0, 2 * PART_BYTES + 1);
    for (front, written) in [(0, 0), (0, 10), (0, 2 * PART_BYTES + 1), (9, 2 * PART_BYTES + 1)] {
        let begun = storage.begin_large("dropped/object", front, 1, &metadata());
        let mut object = begun.expect("begun");
        object.write(Bytes::copy_from_slice(&large.rest[..written])).expect("written");
        assert_eq!(list(storage, "dropped/", ""), ["dropped/beside"]);
        drop(object);
        assert_eq!(storage.head("dropped/object"), Ok(None), "{front}, {written}");
        assert_eq!(list(storage, "dropped/", ""), ["dropped/beside"]);
    }
    assert_eq!(large.create(storage, "dropped/object", 1 << 20), Ok(Created::New));
}

fn a_taken_key_keeps_its_content(storage: &dyn Storage) {
    for size in [10, PART_BYTES + 10] {
        let (first, key) = (Large::new(5, size), format!("taken-large/{size}"));
        assert_eq!(first.create(storage, &key, 1 << 20), Ok(Created::New));
        for second in [size, 10, PART_BYTES + 11] {
            let second = Large::new(6, second);
            assert_eq!(second.create(storage, &key, 1 << 20), Ok(Created::Taken), "{key}");
            first.is_stored(storage, &key);
        }
    }
}
