//! The proxy passes on unchanged what it should.

mod faults;

use std::time::Duration;

use super::s3::curl;
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::run::Outcome;
use crate::support::s3::{Kind, S3Server, SECRET_KEY};

/// A server behind a proxy, and a file of 300 kB to send.
struct Scene {
    proxy: Proxy,
    server: S3Server,
    content: String,
    place: Place,
}

impl Scene {
    fn new(kind: Kind) -> Scene {
        let place = Place::with_odd_name();
        let server = S3Server::start(kind, &place);
        let proxy = Proxy::start(server.address());
        Scene::of(proxy, server, place)
    }

    fn of(proxy: Proxy, server: S3Server, place: Place) -> Scene {
        let bytes: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
        let content = place.file("content", bytes).to_str().expect("UTF-8").to_owned();
        Scene { proxy, server, content, place }
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.content).expect("written above")
    }

    fn url(&self, key: &str) -> String {
        format!("{}/{}/{key}", self.proxy.endpoint(), self.server.bucket())
    }

    fn curl(&self, arguments: &[&str]) -> Outcome {
        let limit = ["--max-time", "10"];
        curl(&self.place, Some(SECRET_KEY), &[&limit, arguments].concat())
    }

    fn put(&self, key: &str) -> Outcome {
        self.curl(&["-T", &self.content, &self.url(key)])
    }

    /// Panics unless the server has the whole of it.
    #[track_caller]
    fn stored(&self, key: &str) {
        let whole = self.server.get(key).is_some_and(|bytes| bytes == self.bytes());
        assert!(whole, "{:?} has not got {key}, only {:?}", self.server.kind(), self.server.keys());
    }

    /// What a client gets of an object, whole or not, and curl's opinion of it.
    fn get(&self, key: &str) -> (Vec<u8>, Outcome) {
        let file = self.place.join("fetched");
        let _ = std::fs::remove_file(&file);
        let outcome = self.curl(&["-o", file.to_str().expect("UTF-8"), &self.url(key)]);
        (std::fs::read(&file).unwrap_or_default(), outcome)
    }
}

fn status(outcome: &Outcome) -> &str {
    outcome.stdout.lines().last().unwrap_or_default()
}

#[test]
fn without_rules_requests_pass_unchanged_and_are_recorded() {
    for kind in Kind::ALL {
        let scene = Scene::new(kind);
        let stored = scene.put("a/b");
        assert_eq!(status(&stored), "200", "{kind:?} {stored}");
        let (fetched, outcome) = scene.get("a/b");
        assert_eq!(status(&outcome), "200", "{kind:?} {outcome}");
        assert!(fetched == scene.bytes() && scene.server.get("a/b") == Some(fetched));
        let requests = scene.proxy.requests();
        assert_eq!((requests.len(), requests[0].status, requests[0].fault), (2, Some(200), None));
        assert_eq!((requests[0].body_bytes, requests[1].body_bytes), (300_000, 0));
        let host = scene.proxy.endpoint().replace("http://", "");
        assert_eq!(requests[0].header("host"), Some(host.as_str()));
        assert_eq!(scene.proxy.count("PUT", "/a/b"), 1);
        assert_eq!(scene.proxy.count("PUT", "/other"), 0);
    }
}

#[test]
fn tls_with_an_authority_of_its_own() {
    let place = Place::with_odd_name();
    let server = S3Server::start(Kind::S3sFs, &place);
    let proxy = Proxy::start_tls(server.address(), &place);
    let scene = Scene::of(proxy, server, place);
    let ca = scene.proxy.ca_file().to_str().expect("UTF-8").to_owned();
    let stored = scene.curl(&["--cacert", &ca, "-T", &scene.content, &scene.url("a")]);
    assert_eq!(status(&stored), "200", "{stored}");
    scene.stored("a");
    // 60: the certificate is not trusted.
    scene.curl(&[&scene.url("a")]).expect(60);
    let variables = scene.proxy.environment(&scene.server);
    assert!(variables.contains(&("AWS_CA_BUNDLE".to_owned(), ca.clone())));
    assert!(variables.contains(&("AWS_ENDPOINT_URL".to_owned(), scene.proxy.endpoint())));
    scene.proxy.add(Rule::new(Fault::TruncateBodyAfter(1000)));
    let cut = scene.curl(&["--cacert", &ca, "-o", "/dev/null", &scene.url("a")]);
    assert_eq!(cut.status, Some(18), "{cut}");
}

#[test]
fn connections_are_kept_open() {
    for kind in Kind::ALL {
        let scene = Scene::new(kind);
        scene.server.put("a", b"1");
        let url = scene.url("a");
        let outcome = scene.curl(&[&url, &url, &url]);
        assert_eq!(outcome.stdout.matches("200").count(), 3, "{kind:?} {outcome}");
        // moto's web server closes after each answer; the proxy follows suit.
        let connections = if kind == Kind::Moto { 3 } else { 1 };
        assert_eq!(
            (scene.proxy.connections(), scene.proxy.requests().len()),
            (connections, 3),
            "{kind:?}"
        );
    }
}

#[test]
fn a_client_that_waits_for_leave_gets_it() {
    for kind in Kind::ALL {
        let scene = Scene::new(kind);
        let url = scene.url("a");
        let expect =
            ["-T", &scene.content, "-H", "Expect: 100-continue", "--expect100-timeout", "8"];
        let outcome = scene.curl(&[&expect[..], &[&url]].concat());
        assert_eq!(status(&outcome), "200", "{kind:?} {outcome}");
        scene.stored("a");
        assert!(outcome.took < Duration::from_secs(5), "{kind:?} {outcome}");
    }
}

/// The signature is wrong, so the server has no need of the body.
#[test]
fn an_early_refusal_reaches_the_client() {
    let scene = Scene::new(Kind::S3sFs);
    let large = scene.place.file("large", vec![b'x'; 20_000_000]);
    let large = large.to_str().expect("UTF-8");
    let outcome =
        curl(&scene.place, Some("wrong"), &["-T", large, "-H", "Expect:", &scene.url("a")]);
    assert_eq!(status(&outcome), "403", "{outcome}");
    assert_eq!(scene.proxy.requests()[0].status, Some(403));
}

#[test]
fn chunked_bodies_pass() {
    let scene = Scene::new(Kind::Moto);
    let chunked = ["-H", "Transfer-Encoding: chunked"];
    let outcome = scene.curl(&[&["-T", &scene.content], &chunked[..], &[&scene.url("a")]].concat());
    assert_eq!(scene.proxy.requests()[0].body_bytes, 300_000, "{outcome}");
    assert_eq!(status(&outcome), "200", "{outcome}");
}
