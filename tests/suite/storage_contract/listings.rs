//! The part of the suite about listings.

use std::ops::ControlFlow;

use jiff::{SignedDuration, Timestamp};
use seawall::storage::{Listed, Storage};

use super::checks::create;

pub fn all(storage: &dyn Storage) {
    keys_and_sizes(storage);

    listings_tell_when_objects_were_created(storage);
}

/// What may be checked twice on one storage.
pub fn keys_and_sizes(storage: &dyn Storage) {
    listings_are_in_byte_order(storage);

    listings_respect_prefix_and_after(storage);

    a_visitor_ends_a_listing(storage);

    listings_tell_sizes(storage);
}

pub fn list(storage: &dyn Storage, prefix: &str, after: &str) -> Vec<String> {
    listed(storage, prefix, after).into_iter().map(|(key, _)| key).collect()
}

/// Keys and sizes.
fn listed(storage: &dyn Storage, prefix: &str, after: &str) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    let mut visit = |object: Listed<'_>| {
        all.push((object.key.to_owned(), object.size));
        ControlFlow::Continue(())
    };
    storage.list(prefix, after, &mut visit).expect("listed");
    all
}

/// A folder sorts as its whole path does: `.` comes before `/`, digits come behind it.
const ORDER: [&str; 8] = [
    "order/A",
    "order/a.zst",
    "order/a/1",
    "order/a/2/3",
    "order/a0",
    "order/b-c/d",
    "order/b/d",
    "order/b0/d",
];

fn listings_are_in_byte_order(storage: &dyn Storage) {
    for key in ORDER.iter().rev() {
        create(storage, key, b"");
    }
    assert_eq!(list(storage, "order/", ""), ORDER);
    assert_eq!(list(storage, "order", ""), ORDER);
    let listed = list(storage, "", "");
    assert!(listed.is_sorted(), "{listed:?}");
    assert!(ORDER.iter().all(|key| listed.iter().any(|one| one == key)));
}

fn listings_respect_prefix_and_after(storage: &dyn Storage) {
    for key in ["cut/1/a", "cut/1/b", "cut/2.zst", "cut/2/a", "cut/3"] {
        create(storage, key, b"");
    }
    for (prefix, after, expected) in [
        ("cut/", "cut/1/a", &["cut/1/b", "cut/2.zst", "cut/2/a", "cut/3"][..]),
        ("cut/", "cut/1/aa", &["cut/1/b", "cut/2.zst", "cut/2/a", "cut/3"]),
        ("cut/", "cut/1", &["cut/1/a", "cut/1/b", "cut/2.zst", "cut/2/a", "cut/3"]),
        ("cut/", "cut/1/", &["cut/1/a", "cut/1/b", "cut/2.zst", "cut/2/a", "cut/3"]),
        ("cut/", "cut/2/", &["cut/2/a", "cut/3"]),
        ("cut/", "cut/3", &[]),
        ("cut/", "zzz", &[]),
        ("cut/", "a", &["cut/1/a", "cut/1/b", "cut/2.zst", "cut/2/a", "cut/3"]),
        ("cut/2", "", &["cut/2.zst", "cut/2/a"]),
        ("cut/2", "cut/2.zst", &["cut/2/a"]),
        ("cut/1/", "", &["cut/1/a", "cut/1/b"]),
        ("cut/1/b", "", &["cut/1/b"]),
        ("cut/1/b", "cut/1/b", &[]),
    ] {
        assert_eq!(list(storage, prefix, after), expected, "prefix {prefix}, after {after}");
    }
}

fn a_visitor_ends_a_listing(storage: &dyn Storage) {
    for key in ["end/1", "end/2/a", "end/2/b", "end/3"] {
        create(storage, key, b"");
    }
    for most in 1..=4 {
        let mut seen = 0;
        let mut visit = |_: Listed<'_>| {
            seen += 1;
            if seen == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        storage.list("end/", "", &mut visit).expect("listed");
        assert_eq!(seen, most);
    }
}

fn listings_tell_sizes(storage: &dyn Storage) {
    let sizes = [("weighed/a", 0), ("weighed/b/c", 1), ("weighed/d", 70_000)];
    for (key, size) in sizes {
        create(storage, key, &vec![7; size]);
    }
    let expected = sizes.map(|(key, size)| (key.to_owned(), size as u64));
    assert_eq!(listed(storage, "weighed/", ""), expected);
}

fn listings_tell_when_objects_were_created(storage: &dyn Storage) {
    // Clocks of stores may be cut to the second.
    let before = Timestamp::now() - SignedDuration::from_secs(2);
    create(storage, "dated", b"");
    let mut visit = |object: Listed<'_>| {
        let created = object.created.expect("the store tells");
        assert!(before <= created && created <= Timestamp::now(), "{before} {created}");
        ControlFlow::Continue(())
    };
    storage.list("dated", "", &mut visit).expect("listed");
}

/// More keys than one answer of S3 holds. `plant` makes an object without the storage under test.
pub fn long_listings(storage: &dyn Storage, plant: impl Fn(&str)) {
    create(storage, "long/0000", b"");
    let keys: Vec<String> = (0..1203).map(|number| format!("long/{number:04}")).collect();
    keys[1..].iter().for_each(|key| plant(key));
    assert!(list(storage, "long/", "") == keys);
    assert!(list(storage, "long/", "long/0999") == keys[1000..]);
    assert!(list(storage, "long/1", "long/1100") == keys[1101..]);
    assert!(list(storage, "long/01", "long/0150") == keys[151..200]);
}
