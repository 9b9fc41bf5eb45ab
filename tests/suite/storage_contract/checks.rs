//! The suite. Each check has a folder of keys of its own, so that all run on one storage.

use std::collections::BTreeMap;
use std::io::Read;

use bytes::Bytes;
use seawall::storage::{Created, Metadata, Storage};

use super::listings::list;

pub fn all(storage: &dyn Storage) {
    absent_is_no_error_where_something_was_created(storage);

    what_was_created_is_read_back(storage);

    a_taken_key_keeps_its_content(storage);

    every_size_survives(storage);

    a_reader_stops_at_its_limit(storage);

    a_range_is_read_alone(storage);

    odd_keys_are_kept_apart(storage);

    what_was_deleted_is_absent_and_can_be_created_anew(storage);
}

pub fn create(storage: &dyn Storage, key: &str, content: &[u8]) -> Created {
    storage.create(key, Bytes::copy_from_slice(content), &metadata()).expect("created")
}

pub fn metadata() -> Metadata {
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    BTreeMap::from([("first-fact", "1"), ("second", "a b-c")].map(pair))
}

pub fn read(storage: &dyn Storage, key: &str, limit: Option<u64>) -> Option<Vec<u8>> {
    let mut reader = storage.open(key, limit).expect("an answer")?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("readable");
    Some(bytes)
}

fn absent_is_no_error_where_something_was_created(storage: &dyn Storage) {
    assert_eq!(create(storage, "absent/there", b"1"), Created::New);
    for key in ["absent/not-there", "absent/no/folder/either", "absent/ther", "absent/there2"] {
        assert_eq!(storage.head(key).expect("an answer"), None, "{key}");
        assert_eq!(read(storage, key, None), None, "{key}");
        assert_eq!(read(storage, key, Some(10)), None, "{key}");
    }
    assert_eq!(list(storage, "absent/nothing", ""), [""; 0]);
    assert_eq!(list(storage, "nowhere/", ""), [""; 0]);
}

fn what_was_created_is_read_back(storage: &dyn Storage) {
    assert_eq!(create(storage, "whole/a", b"content"), Created::New);
    assert_eq!(read(storage, "whole/a", None).as_deref(), Some(&b"content"[..]));
    let stored = storage.head("whole/a").expect("an answer").expect("it is there");
    assert_eq!(stored.size, 7);
    // A folder keeps none.
    assert!(stored.metadata == metadata() || stored.metadata.is_empty(), "{:?}", stored.metadata);
    storage.settle("whole/a").expect("settled");
}

fn a_taken_key_keeps_its_content(storage: &dyn Storage) {
    assert_eq!(create(storage, "taken/a", b"first"), Created::New);
    for content in ["second", "first", ""] {
        assert_eq!(create(storage, "taken/a", content.as_bytes()), Created::Taken);
        assert_eq!(read(storage, "taken/a", None).as_deref(), Some(&b"first"[..]));
    }
}

fn every_size_survives(storage: &dyn Storage) {
    for size in [0, 1, 4095, 4096, 65_537, (8 << 20) + 1] {
        let content: Vec<u8> = (0..size).map(|at: u32| (at % 251) as u8).collect();
        let key = format!("sizes/{size}");
        assert_eq!(create(storage, &key, &content), Created::New, "{size}");
        assert!(read(storage, &key, None).as_deref() == Some(&content[..]), "{size}");
        let stored = storage.head(&key).expect("an answer").expect("it is there");
        assert_eq!(stored.size, u64::from(size));
    }
}

fn a_reader_stops_at_its_limit(storage: &dyn Storage) {
    create(storage, "limit/ten", b"0123456789");
    create(storage, "limit/empty", b"");
    for limit in [1, 9, 10, 11, 4096] {
        let expected = &b"0123456789"[..limit.min(10)];
        let found = read(storage, "limit/ten", Some(limit as u64));
        assert_eq!(found.as_deref(), Some(expected), "{limit}");
        let found = read(storage, "limit/empty", Some(limit as u64));
        assert_eq!(found.as_deref(), Some(&b""[..]), "empty, {limit}");
    }
}

fn a_range_is_read_alone(storage: &dyn Storage) {
    create(storage, "range/ten", b"0123456789");
    create(storage, "range/empty", b"");
    let read = |key: &str, offset, length| {
        let mut reader = storage.open_range(key, offset, length).expect("an answer")?;
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).expect("readable");
        Some(String::from_utf8(bytes).expect("digits"))
    };
    for (offset, length, expected) in [
        (0, 1, "0"),
        (0, 10, "0123456789"),
        (3, 4, "3456"),
        (9, 1, "9"),
        (8, 4096, "89"),
        (10, 1, ""),
        (11, 5, ""),
    ] {
        let found = read("range/ten", offset, length);
        assert_eq!(found.as_deref(), Some(expected), "{offset} {length}");
    }
    assert_eq!(read("range/empty", 0, 7).as_deref(), Some(""));
    assert_eq!(read("range/absent", 0, 7), None);
    assert_eq!(read("range/absent", 7, 7), None);
}

fn odd_keys_are_kept_apart(storage: &dyn Storage) {
    let keys =
        ["odd/a b", "odd/a+b", "odd/a%20b", "odd/a&b=c", "odd/a'b\"c", "odd/#1", "odd/(~)!*"];
    for key in keys {
        assert_eq!(create(storage, key, key.as_bytes()), Created::New, "{key}");
    }
    for key in keys {
        assert_eq!(read(storage, key, None).as_deref(), Some(key.as_bytes()), "{key}");
    }
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    assert_eq!(list(storage, "odd/", ""), sorted);
}

fn what_was_deleted_is_absent_and_can_be_created_anew(storage: &dyn Storage) {
    for key in ["deleted/1", "deleted/in/a/folder", "deleted/in/stays"] {
        create(storage, key, b"first");
    }
    for key in ["deleted/1", "deleted/in/a/folder"] {
        storage.delete(key).expect("deleted");
        assert_eq!(storage.head(key), Ok(None), "{key}");
        assert_eq!(read(storage, key, None), None, "{key}");
        storage.delete(key).expect("it is absent, as wanted");
    }
    for key in ["deleted/nobody", "deleted/in/no/folder/either"] {
        storage.delete(key).expect("it was never there");
    }
    assert_eq!(list(storage, "deleted/", ""), ["deleted/in/stays"]);
    assert_eq!(create(storage, "deleted/in/a/folder", b"second"), Created::New);
    assert_eq!(read(storage, "deleted/in/a/folder", None).as_deref(), Some(&b"second"[..]));
}

pub fn of_many_creators_one_wins(storage: &dyn Storage) {
    for round in 0..5 {
        let key = format!("race/{round}");
        let creators = 0..8_u8;
        let outcomes: Vec<Created> = std::thread::scope(|scope| {
            let start = |number| {
                scope.spawn({
                    let key = &key;
                    move || create(storage, key, &[number])
                })
            };
            let running: Vec<_> = creators.map(start).collect();
            running.into_iter().map(|creator| creator.join().expect("no panic")).collect()
        });
        let winners: Vec<usize> =
            (0..outcomes.len()).filter(|&one| outcomes[one] == Created::New).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        assert_eq!(read(storage, &key, None), Some(vec![winners[0] as u8]));
    }
}
