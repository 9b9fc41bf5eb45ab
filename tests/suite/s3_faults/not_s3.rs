//! Something answers at the endpoint that is no S3 server. Whatever it says, it is neither "archived"
//! nor "not in the archive".

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use crate::scene::{Kind as StoreKind, SHORT, SHORT_LIMITS, Scene, Store, error, side_by_side};
use crate::support::s3::Kind;

/// Answers each connection with these bytes, whatever is asked. It lives as long as the test process.
fn answering(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
                // Reads on, so that the closing is no reset that takes the answer along.
                let _ = stream.read(&mut [0; 1 << 16]);
                let _ = stream.write_all(answer.as_bytes());
                while stream.read(&mut [0; 1 << 16]).is_ok_and(|count| count > 0) {}
            });
        }
    });
    address
}

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 24\r\nConnection: close\r\n\r\n\
     <h1>404 Not Found</h1>\r\n";
const NOT_FOUND_EMPTY: &str =
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const WELCOME: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 16\r\nConnection: close\r\n\r\n\
     <h1>Welcome</h1>";
const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
const REDIRECTION: &str =
    "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const MAIL: &str = "220 mail.example ESMTP\r\n";
const NOTHING: &str = "";

/// The answer, and the exit status of a push.
const CASES: [(&str, i32); 8] = [
    (NOT_FOUND, 8),
    (NOT_FOUND_EMPTY, 8),
    (WELCOME, 8),
    (EMPTY, 8),
    (NO_CONTENT, 8),
    (REDIRECTION, 9),
    (MAIL, 8),
    (NOTHING, 8),
];

#[test]
fn it_is_neither_archived_nor_the_end_of_the_wal() {
    side_by_side(&CASES, |(answer, status)| {
        let place = crate::support::place::Place::new();
        let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
        let endpoint = format!("http://{}", answering(answer));
        let scene = Scene::in_place(&place).with(&store.table_at("s3", &endpoint));
        let push = scene.has(0).push(0).args(SHORT_LIMITS).run();
        assert!(push.status == Some(*status) && push.took < SHORT, "{answer}: {push}");
        scene.directory.signal("recovery.signal");
        for file in [scene.name(0), "00000002.history"] {
            let fetch = scene.fetch_file(file).args(SHORT_LIMITS).run();
            let stops = fetch.status.is_some_and(|status| status > 200);
            assert!(stops && fetch.took < SHORT, "{answer}: {fetch}");
            assert!(scene.take_fetched().is_none(), "{answer}: {fetch}");
        }
    });
}

#[test]
fn a_web_server_that_knows_nothing_is_told_from_a_bucket_without_the_object() {
    let place = crate::support::place::Place::new();
    let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
    let endpoint = format!("http://{}", answering(NOT_FOUND));
    let scene = Scene::in_place(&place).with(&store.table_at("s3", &endpoint));
    let fetch = scene.fetch(0).run();
    fetch.expect(208).says(". HINT: Is it an S3 server that answers there?");
    // A standby asks again; it is not told that the WAL ends either.
    scene.directory.signal("standby.signal");
    scene.fetch(0).run().expect(8);
}

/// A page that is there whatever is asked for: nobody is told that an object is in the way, or damaged.
#[test]
fn a_web_page_for_everything_is_taken_for_no_store() {
    side_by_side(&[WELCOME, EMPTY, NO_CONTENT], |answer| {
        let place = crate::support::place::Place::new();
        let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
        let endpoint = format!("http://{}", answering(answer));
        let scene = Scene::in_place(&place).with(&store.table_at("s3", &endpoint));
        for (outcome, status) in [
            (scene.has(0).push(0).args(SHORT_LIMITS).run(), 8),
            (scene.fetch(0).args(SHORT_LIMITS).run(), 208),
        ] {
            outcome.expect(status);
            let text = error(&outcome);
            assert!(text.ends_with("HINT: Is it an S3 server that answers there?"), "{outcome}");
        }
    });
}

/// In a real store the same bytes are damage.
#[test]
fn in_a_store_other_bytes_are_damage() {
    let place = crate::support::place::Place::new();
    let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
    let scene = Scene::in_place(&place).with(&store.table("s3"));
    store.put(&scene.clear_key(0), b"<h1>Welcome</h1>");
    let push = scene.has(0).push(0).run();
    push.expect(5).says("HINT: Move that object aside after looking at it");
    let fetch = scene.fetch(0).run();
    fetch.expect(205).says("HINT: Another repository may have it whole;");
}
