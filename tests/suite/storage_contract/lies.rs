//! A store that lists wrongly. What it says is an error within the limits, or it is the truth in odd pages:
//! never is a part of a listing taken for the whole.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use seawall::config::{Limits, Location, S3Config};
use seawall::error::{Class, Error};
use seawall::storage::{Listed, Metadata, Storage};

use super::listings::{self, list};
use super::{LIMITS, bucket_config, open};
use crate::scene::side_by_side;
use crate::support::place::Place;
use crate::support::proxy::{Fault, Lie, Proxy, Rule};
use crate::support::s3::{Kind, S3Server};

/// A bucket with eight keys, behind a proxy.
struct Line {
    place: Place,
    server: S3Server,
    proxy: Proxy,
}

const KEYS: [&str; 8] =
    ["lie/0", "lie/1", "lie/2", "lie/3", "lie/4", "lie/5/a", "lie/5/b", "lie/6"];

impl Line {
    /// moto, because it answers requests that are not signed.
    fn new() -> Line {
        let place = Place::new();
        let server = S3Server::start(Kind::Moto, &place);
        let proxy = Proxy::start(server.address());
        KEYS.iter().for_each(|key| server.put(key, b"content"));
        Line { place, server, proxy }
    }

    fn storage(&self, limits: Limits) -> Box<dyn Storage> {
        let config = bucket_config(&self.server, &self.proxy.endpoint(), &self.place);
        open(Location::S3(Box::new(S3Config { prefix: String::new(), ..config })), limits)
    }

    fn lies(&self, lie: Lie) {
        self.proxy.clear();
        self.proxy.add(Rule::new(Fault::Lie(lie)).method("GET").path("list-type=2"));
        self.proxy.add(Rule::new(Fault::Lie(lie)).method("GET").path("?uploads"));
    }

    fn requests(&self) -> usize {
        self.proxy.count("GET", "list-type=2")
    }
}

fn doubt(storage: &dyn Storage) -> Error {
    let mut visit = |_: Listed<'_>| ControlFlow::Continue(());
    let error = storage.list("lie/", "", &mut visit).expect_err("the listing is a lie");
    assert_eq!(error.class(), Class::Unreachable, "{error}");
    error
}

#[test]
fn odd_pages_are_read_to_their_end() {
    let line = Line::new();
    let storage = line.storage(LIMITS);
    for lie in [
        Lie::ShortPages,
        Lie::IgnoresStartAfter,
        Lie::EmptyPagesBetween,
        Lie::TokenOnTheLastPage,
        Lie::EmptyTokenAtTheEnd,
    ] {
        line.lies(lie);
        assert_eq!(list(storage.as_ref(), "lie/", ""), KEYS, "{lie:?}");
        assert_eq!(list(storage.as_ref(), "lie/", "lie/4"), KEYS[5..], "{lie:?}");
        assert_eq!(list(storage.as_ref(), "lie/5/", "lie/5/a"), ["lie/5/b"], "{lie:?}");
        assert_eq!(list(storage.as_ref(), "lie/7", ""), [""; 0], "{lie:?}");
        listings::keys_and_sizes(storage.as_ref());
    }
}

const WRONG: &str = "Is there a proxy or a cache between? It must pass on ListObjectsV2 and ListMultipartUploads \
                     as S3 answers them; seawall doctor tries the store out.";
const ORDER: &str = "Seawall needs keys in the order of their bytes, as S3 lists them; directory buckets of S3 \
                     Express and stores that list in another order can't be used.";
const NO_STORE: &str = "Is it an S3 server that answers there?";

/// What is said, the hint, and how many requests find it out.
const LIES: [(Lie, &str, &str, usize); 11] = [
    (Lie::CutOff, "the listing is cut off, and the store names no next page", WRONG, 1),
    (Lie::FirstVersion, "the listing is cut off, and the store names no next page", WRONG, 1),
    (Lie::SamePage, "the store names the same page as the next one again", WRONG, 2),
    (
        Lie::SamePageOtherToken,
        "the listing is not in order: \"lie/0\" comes behind \"lie/2\"",
        ORDER,
        2,
    ),
    (Lie::EmptyPages, "1000 pages of the listing hold 0 keys, and more follow", WRONG, 1000),
    (Lie::KeysWithoutEnd, "1111 pages of the listing hold 1111 keys, and more follow", WRONG, 1111),
    (Lie::PageWithoutEnd, "the answer is longer than 4 MiB", NO_STORE, 3),
    (Lie::Backwards, "the listing is not in order: \"lie/1\" comes behind \"lie/2\"", ORDER, 1),
    (Lie::LastPageFirst, "the listing is not in order: \"lie/0\" comes behind \"lie/6\"", ORDER, 2),
    (Lie::Repeated, "the listing holds \"lie/2\" twice", ORDER, 2),
    (Lie::Foreign, "the listing holds \"~foreign\", which was not asked for", WRONG, 1),
];

#[test]
fn a_listing_that_is_no_listing_is_an_error_within_the_limits() {
    // Requests, and not the time, are what is counted here.
    let limits = Limits { total: Duration::from_secs(3600), ..LIMITS };
    side_by_side(&LIES, |(lie, reason, hint, requests)| {
        let line = Line::new();
        line.lies(*lie);
        let error = doubt(line.storage(limits).as_ref()).to_string();
        let expected = format!("LIST s3://seawall-tests/lie/ failed: {reason}. HINT: {hint}");
        assert_eq!(error, expected, "{lie:?}");
        assert_eq!(line.requests(), *requests, "{lie:?}");
    });
}

/// The time runs out long before the requests do.
#[test]
fn a_slow_listing_without_end_is_an_error_in_time() {
    let line = Line::new();
    line.proxy.add(Rule::new(Fault::Delay(Duration::from_millis(50))).path("list-type=2"));
    line.proxy.add(Rule::new(Fault::Lie(Lie::KeysWithoutEnd)).path("list-type=2"));
    let limits = Limits { total: Duration::from_secs(2), ..LIMITS };
    let error = doubt(line.storage(limits).as_ref()).to_string();
    let (reason, hint) = error.split_once(". HINT: ").expect("a hint");
    assert_eq!(hint, "limits.total_timeout sets the limit.");
    assert!(
        reason.contains(" keys of the listing took ") && reason.ends_with(", and more follow"),
        "{error}"
    );
    assert!((2..=100).contains(&line.requests()), "{}", line.requests());
}

#[test]
fn uploads_are_listed_within_the_limits() {
    let cases = [
        (Lie::CutOff, "the listing is cut off, and the store names no next page"),
        (Lie::SamePage, "the store names the same page as the next one again"),
        (Lie::EmptyPages, "1000 pages of the listing hold 0 keys, and more follow"),
    ];
    side_by_side(&cases, |(lie, reason)| {
        let line = Line::new();
        line.lies(*lie);
        let limits = Limits { total: Duration::from_secs(3600), ..LIMITS };
        let listed = line.storage(limits).pending_uploads("", &mut |_| ControlFlow::Continue(()));
        let error = listed.expect_err("the listing is a lie").to_string();
        let place = "ListMultipartUploads s3://seawall-tests/";
        assert_eq!(error, format!("{place} failed: {reason}. HINT: {WRONG}"), "{lie:?}");
    });
}

/// What the parts of an upload are called is the store's affair: a name that it does not know is its error.
#[test]
fn an_object_in_parts_is_whole_or_absent_whatever_its_parts_are_called() {
    let line = Line::new();
    line.proxy.add(Rule::new(Fault::OtherETag).method("PUT"));
    let storage = line.storage(LIMITS);
    let mut object = storage.begin_large("parts", 0, 20 << 20, &Metadata::new()).expect("begun");
    for byte in 0..20 {
        object.write(vec![byte; 1 << 20].into()).expect("sent");
    }
    let finished = object.finish(Bytes::new());
    assert_eq!(finished.expect_err("no such part").class(), Class::Refused);
    assert_eq!(storage.head("parts").expect("an answer"), None);
}
