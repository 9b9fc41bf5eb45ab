//! How many requests a command makes, counted: each costs a round trip, and money.

mod headers;

use crate::scene::{KeyPair, Kind as StoreKind, SHORT_LIMITS, Scene, Store};
use crate::support::place::Place;
use crate::support::proxy::Proxy;
use crate::support::s3::Kind;

/// A host and a bucket, with a proxy between them that counts.
struct Counted {
    scene: Scene,
    proxy: Proxy,
    store: Store,
}

impl Counted {
    fn new(toml: impl Fn(&Place) -> String) -> Counted {
        let place = Place::new();
        let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
        let proxy = Proxy::start(store.server().address());
        let table = store.table_at("s3", &proxy.endpoint());
        let scene = Scene::in_place(&place).with(&toml(&place)).with(&table);
        Counted { scene, proxy, store }
    }

    /// Method and status of each request since the last call, in order; the fill of a look-ahead comes
    /// in any order, so they are sorted.
    fn requests_after(&self, before: usize) -> Vec<String> {
        let all = self.proxy.requests();
        let shown = |one: &crate::support::proxy::Recorded| {
            let kind = if one.path.contains("list-type=2") { "LIST" } else { &one.method };
            format!("{kind} {}", one.status.expect("answered"))
        };
        all[before..].iter().map(shown).collect()
    }

    fn count(&self) -> usize {
        self.proxy.requests().len()
    }

    #[track_caller]
    fn push(&self, number: usize, expected: &[&str]) {
        let before = self.count();
        self.scene.has(number).push(number).run().expect(0);
        // Some are made at the same time.
        let mut requests = self.requests_after(before);
        requests.sort();
        assert_eq!(requests, expected);
    }

    #[track_caller]
    fn fetch(&self, number: usize, status: i32, expected: &[&str]) {
        let before = self.count();
        self.scene.fetch(number).args(SHORT_LIMITS).run().expect(status);
        assert_eq!(self.requests_after(before), expected);
    }
}

fn clear(_: &Place) -> String {
    String::new()
}

fn encrypted(place: &Place) -> String {
    let pair = KeyPair::new(place);
    pair.recipients_and_identity(&[&pair])
}

#[test]
fn a_push_looks_puts_and_looks_again() {
    for toml in [clear, encrypted] {
        let counted = Counted::new(toml);
        // Both names are looked for, and the sibling's once more in the end. The first one also finds out what the
        // store makes of the condition.
        let three = ["HEAD 404"; 3];
        counted.push(0, &[&three[..], &["PUT 200", "PUT 200", "PUT 412"]].concat());
        // What was stored first is remembered, and looked for beside them.
        for number in [1, 2] {
            counted.push(number, &[&["HEAD 200"], &three[..], &["PUT 200"]].concat());
        }
        // Again: nothing is sent.
        counted.push(1, &["HEAD 200", "HEAD 200", "HEAD 404"]);
        counted.push(0, &["HEAD 200", "HEAD 404"]);
    }
}

#[test]
fn look_ahead_asks_one_question_for_all() {
    for toml in [clear, encrypted] {
        let counted = Counted::new(toml);
        let three = ["HEAD 404"; 3];
        counted.push(20, &[&three[..], &["PUT 200", "PUT 200", "PUT 412"]].concat());
        counted.scene.has_ready(17);
        let before = counted.count();
        counted.scene.push(0).run().expect(0);
        let mut requests = counted.requests_after(before);
        requests.sort();
        // One for what is remembered, and the last look for each sibling.
        let heads = [vec!["HEAD 200"], vec!["HEAD 404"; 17]].concat();
        let expected = [heads, vec!["LIST 200"], vec!["PUT 200"; 17]].concat();
        assert_eq!(requests, expected);
        assert_eq!(counted.store.keys().len(), 18);
        // And then each of them is there already, and nobody is asked.
        for number in 1..17 {
            let before = counted.count();
            counted.scene.push(number).run().expect(0);
            assert_eq!(counted.requests_after(before), [""; 0]);
        }
    }
}

#[test]
fn a_fetch_is_one_request() {
    for toml in [clear, encrypted] {
        let counted = Counted::new(toml);
        counted.scene.has(0).push(0).run().expect(0);
        counted.fetch(0, 0, &["GET 200"]);
    }
}

/// Neither clear nor encrypted, nothing later, nobody dropped it, and the repository knows the system.
#[test]
fn the_end_of_the_wal_is_five_requests() {
    for toml in [clear, encrypted] {
        let counted = Counted::new(toml);
        counted.scene.has(0).push(0).run().expect(0);
        counted.fetch(1, 1, &["GET 404", "GET 404", "LIST 200", "LIST 200", "LIST 200"]);
    }
}

#[test]
fn prefetched_segments_are_fetched_once() {
    let counted = Counted::new(clear);
    counted.scene.has_ready(8).push(0).run().expect(0);
    counted.scene.directory.signal("recovery.signal");
    let before = counted.count();
    for number in 0..8 {
        counted.scene.fetch(number).run().expect(0);
        let fetched = counted.scene.take_fetched();
        assert!(fetched.as_deref() == Some(counted.scene.bytes(number)), "{number}");
    }
    let requests = counted.requests_after(before);
    let whole = requests.iter().filter(|one| *one == "GET 200").count();
    // A call that finds a download stuck on a busy machine makes its own.
    assert!((8..=10).contains(&whole), "{requests:?}");
}
