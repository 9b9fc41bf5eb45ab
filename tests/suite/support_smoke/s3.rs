//! Each kind of S3 server stores and returns objects.

use std::process::Command;

use crate::support::http::request;
use crate::support::installed;
use crate::support::place::Place;
use crate::support::run::{Outcome, Run};
use crate::support::s3::{ACCESS_KEY, Kind, NOT_SIGNED, REGION, S3Server, SECRET_KEY};

const SECRET: Option<&str> = Some(SECRET_KEY);
const KEY: &str = "prefix/a key+with=signs ä.zst";
const PATH: &str = "prefix/a%20key%2Bwith%3Dsigns%20%C3%A4.zst";

/// A request by curl, signed with this secret if there is one.
pub fn curl(place: &Place, secret: Option<&str>, arguments: &[&str]) -> Outcome {
    let mut run = Run::new(place, "curl").args(["-sS", "-w", "\n%{http_code}"]);
    if let Some(secret) = secret {
        run = run.args(["--aws-sigv4", &format!("aws:amz:{REGION}:s3")]);
        run = run.args(["-u", &format!("{ACCESS_KEY}:{secret}")]);
        // Of what curl signs by itself, the servers miss this one.
        run = run.args(["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]);
    }
    run.args(arguments).run()
}

fn status(outcome: &Outcome) -> &str {
    outcome.stdout.lines().last().unwrap_or_default()
}

#[test]
fn each_kind_stores_and_returns_an_object() {
    for kind in Kind::ALL {
        let place = Place::with_odd_name();
        let server = S3Server::start(kind, &place);
        let url = format!("{}/{}/{PATH}", server.endpoint(), server.bucket());
        let content = place.file("content", "some bytes");
        let content = content.to_str().expect("UTF-8");
        let stored = curl(&place, SECRET, &["-T", content, &url]);
        assert_eq!(status(&stored), "200", "{kind:?} {stored}\n{}", server.log());
        assert_eq!(server.keys(), [KEY], "{kind:?}");
        assert_eq!(server.get(KEY).as_deref(), Some(&b"some bytes"[..]), "{kind:?}");
        let fetched = curl(&place, SECRET, &[&url]);
        assert_eq!(fetched.stdout, "some bytes\n200", "{kind:?} {fetched}");
        let without = curl(&place, None, &[&url]);
        assert!(status(&without).starts_with('4'), "{kind:?} {without}");
        let wrong = curl(&place, Some("wrong"), &[&url]);
        assert_eq!(status(&wrong) == "403", kind != Kind::Moto, "{kind:?} {wrong}");
    }
}

#[test]
fn objects_can_be_planted_damaged_and_deleted_behind_the_clients_back() {
    for kind in Kind::ALL {
        let place = Place::new();
        let server = S3Server::start(kind, &place);
        assert_eq!((server.keys().len(), server.kind()), (0, kind));
        server.put("a/b", b"0123");
        server.put("a/c", b"0123");
        server.damage("a/b", |bytes| bytes[1] ^= 0xff);
        let url = format!("{}/{}/a/b", server.endpoint(), server.bucket());
        let copy = place.join("copy");
        curl(&place, SECRET, &["-o", copy.to_str().expect("UTF-8"), &url]).expect(0);
        assert_eq!(
            std::fs::read(copy).expect("fetched"),
            [b'0', b'1' ^ 0xff, b'2', b'3'],
            "{kind:?}"
        );
        server.delete("a/b");
        assert_eq!((server.get("a/b"), server.keys()), (None, vec!["a/c".to_owned()]), "{kind:?}");
        let gone = curl(&place, SECRET, &[&url]);
        assert_eq!(status(&gone), "404", "{kind:?} {gone}");
    }
}

/// The table in the harness: two servers refuse to replace an object, one replaces it all the same.
#[test]
fn a_conditional_put_is_honoured_by_all_but_rclone() {
    for kind in Kind::ALL {
        let place = Place::new();
        let server = S3Server::start(kind, &place);
        let url = format!("{}/{}/a", server.endpoint(), server.bucket());
        let put = |content: &str| {
            let file = place.file("content", content);
            let file = file.to_str().expect("UTF-8");
            let outcome = curl(&place, SECRET, &["-H", "If-None-Match: *", "-T", file, &url]);
            (status(&outcome).to_owned(), server.get("a").unwrap_or_default())
        };
        assert_eq!(put("one"), ("200".to_owned(), b"one".to_vec()), "{kind:?}");
        let (status, content) = if kind == Kind::Rclone { ("200", "two") } else { ("412", "one") };
        assert_eq!(put("two"), (status.to_owned(), content.into()), "{kind:?}");
    }
}

#[test]
fn metadata_survives_damage() {
    let place = Place::new();
    let server = S3Server::start(Kind::Moto, &place);
    let path = format!("/{}/a", server.bucket());
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = [pair("x-amz-meta-digest", "abc"), pair("Authorization", NOT_SIGNED)];
    let put = request(server.address(), "PUT", &path, &headers, b"bytes").expect("an answer");
    assert_eq!(put.status, 200);
    server.damage("a", |bytes| bytes.truncate(2));
    let answer = request(server.address(), "GET", &path, &headers[1..], b"").expect("an answer");
    assert_eq!(
        (answer.body.as_slice(), answer.header("x-amz-meta-digest")),
        (&b"by"[..], Some("abc"))
    );
}

#[test]
fn a_stopped_server_refuses_connections_and_comes_back_on_its_port() {
    for kind in Kind::ALL {
        let place = Place::new();
        let mut server = S3Server::start(kind, &place);
        server.put("a", b"1");
        let endpoint = server.endpoint();
        server.stop();
        assert!(request(server.address(), "GET", "/", &[], b"").is_err());
        server.restart();
        assert_eq!(server.endpoint(), endpoint);
        assert_eq!(server.get("a").is_some(), kind.keeps_files(), "{kind:?}");
    }
}

#[test]
#[should_panic(expected = "HINT: run scripts/install-servers.sh")]
fn a_missing_server_is_a_failure_with_a_hint() {
    installed::program("SEAWALL_NO_SUCH_SERVER");
}

#[test]
fn many_keys_are_listed_whole() {
    let place = Place::new();
    let server = S3Server::start(Kind::Moto, &place);
    (0..1005).for_each(|number| server.put(&format!("k/{number:04}"), b""));
    assert_eq!(server.keys().len(), 1005);
}

#[test]
fn the_environment_is_enough_for_a_standard_client() {
    let place = Place::new();
    let server = S3Server::start(Kind::S3sFs, &place);
    let mut command: Command = place.command("env");
    let output = command.envs(server.environment()).output().expect("env runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains(&format!("AWS_ENDPOINT_URL={}\n", server.endpoint())), "{text}");
    assert!(text.contains("AWS_SECRET_ACCESS_KEY=test-secret-key\n"), "{text}");
}
