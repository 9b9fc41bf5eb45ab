//! A proxy between this host and the store, named by the variables that curl and the AWS tools know.

use std::net::TcpListener;

use super::Line;
use crate::scene::{Kind as StoreKind, SHORT, Scene, Store, error, side_by_side};
use crate::support::forward_proxy::{Conduct, ForwardProxy};
use crate::support::place::{Place, free_port};
use crate::support::proxy::Proxy;
use crate::support::run::{Outcome, Run};
use crate::support::s3::Kind;

/// A name that no DNS knows: only the proxy leads there.
const NAME: &str = "store.test";

/// One try that may take its time: some resolvers need more than ten seconds to say that there is no such name.
const PATIENT: [&str; 4] = [
    "--limits-attempts=1",
    "--limits-connect-timeout=30s",
    "--log-format=text",
    "--wal-look-ahead=0",
];

/// One that gives a proxy up which says nothing.
const IMPATIENT: [&str; 4] = [
    "--limits-attempts=1",
    "--limits-connect-timeout=3s",
    "--log-format=text",
    "--wal-look-ahead=0",
];

/// `me:se%cret@` in base64 is what a proxy gets to see of the URL below.
const SECRET: &str = "Basic bWU6c2UlY3JldA==";

/// A store that can be reached through a proxy only.
struct Behind {
    store: Store,
    /// Where it speaks TLS.
    secured: Proxy,
    proxy: ForwardProxy,
    scene: Scene,
}

impl Behind {
    fn new(scheme: &str, conduct: Conduct) -> Behind {
        let place = Place::new();
        let store = Store::start(StoreKind::S3(Kind::S3sFs), &place);
        let secured = Proxy::start_tls(store.server().address(), &place);
        let server = if scheme == "https" { secured.address() } else { store.server().address() };
        let proxy = ForwardProxy::start(server, conduct);
        let table = store.table_at("s3", &format!("{scheme}://{NAME}:9000"));
        let scene = Scene::in_place(&place).with(&table);
        let scene = if scheme == "https" {
            scene.with(&format!("ca_file = {:?}", secured.ca_file()))
        } else {
            scene
        };
        Behind { store, secured, proxy, scene }
    }

    fn with_secret(&self) -> String {
        format!("http://me:se%25cret@{}/", self.proxy.address())
    }

    /// Archives the first segment and brings it back.
    #[track_caller]
    fn works(&self, variable: &str, value: &str) {
        self.scene.has(0).push(0).env(variable, value).run().expect(0);
        self.store.holds(&self.scene.clear_key(0), self.scene.bytes(0));
        self.scene.fetch(0).env(variable, value).run().expect(0);
        assert!(self.scene.take_fetched().as_deref() == Some(self.scene.bytes(0)));
    }

    fn push(&self, variables: &[(&str, &str)]) -> Outcome {
        let push = self.scene.has(0).push(0).args(PATIENT);
        push.envs(variables.iter().copied()).run()
    }
}

#[test]
fn a_store_with_tls_is_reached_through_a_tunnel() {
    side_by_side(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"], |variable| {
        let behind = Behind::new("https", Conduct::Lead);
        behind.works(variable, &behind.proxy.url());
        let asked = behind.proxy.asked();
        let connect = format!("CONNECT {NAME}:9000 HTTP/1.1");
        assert!(!asked.is_empty() && asked.iter().all(|line| *line == connect), "{asked:?}");
        assert!(behind.secured.requests().len() >= 4, "{variable}");
    });
}

#[test]
fn a_store_without_tls_is_asked_by_the_proxy() {
    side_by_side(&["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"], |variable| {
        let behind = Behind::new("http", Conduct::Lead);
        // Its scheme may be left out.
        behind.works(variable, &behind.proxy.address().to_string());
        let asked = behind.proxy.asked();
        let whole = format!(" http://{NAME}:9000/");
        assert!(asked.len() >= 4 && asked.iter().all(|line| line.contains(&whole)), "{asked:?}");
    });
}

#[test]
fn a_proxy_may_speak_tls_itself() {
    let behind = Behind::new("http", Conduct::Lead);
    let secured = Proxy::start_tls(behind.proxy.address(), &behind.scene.place);
    let bundle = secured.ca_file().to_str().expect("UTF-8");
    let url = secured.endpoint();
    let push = behind.scene.has(0).push(0).env("HTTP_PROXY", &url);
    push.env("AWS_CA_BUNDLE", bundle).run().expect(0);
    behind.store.holds(&behind.scene.clear_key(0), behind.scene.bytes(0));
    assert!(!behind.proxy.asked().is_empty());
}

#[test]
fn small_letters_count_more_than_capitals_and_an_empty_variable_is_none() {
    let behind = Behind::new("http", Conduct::Lead);
    let (url, dead) = (behind.proxy.url(), format!("http://127.0.0.1:{}", free_port()));
    behind.push(&[("http_proxy", &url), ("HTTP_PROXY", &dead)]).expect(0);
    behind.push(&[("http_proxy", ""), ("HTTP_PROXY", &url), ("ALL_PROXY", &dead)]).expect(0);
}

#[test]
fn user_and_password_are_handed_over_and_never_shown() {
    for (scheme, variable) in [("https", "HTTPS_PROXY"), ("http", "HTTP_PROXY")] {
        let behind = Behind::new(scheme, Conduct::Ask(SECRET));
        let debug = |run: Run| run.env(variable, behind.with_secret()).arg("--log-level=debug");
        let push = debug(behind.scene.has(0).push(0)).run();
        let fetch = debug(behind.scene.fetch(0)).run();
        let wrong = format!("http://me:other-se%25cret@{}", behind.proxy.address());
        let refused = behind.scene.push(0).env(variable, wrong).arg("--log-level=debug").run();
        let without = behind.scene.push(0).env(variable, behind.proxy.url()).run();
        push.expect(0);
        fetch.expect(0);
        for outcome in [&refused, &without] {
            outcome.expect(9);
            assert!(error(outcome).contains(" 407"), "{outcome}");
            assert!(
                error(outcome).ends_with(
                    "HINT: The proxy asks for a user and a password: http://USER:PASSWORD@HOST:PORT in its variable."
                ),
                "{outcome}"
            );
        }
        for outcome in [&push, &fetch, &refused] {
            for secret in ["cret", "bWU6c2UlY3JldA", "me:"] {
                assert!(
                    !outcome.stderr.contains(secret) && !outcome.stdout.contains(secret),
                    "{secret}: {outcome}"
                );
            }
        }
    }
}

/// Nor by `seawall config show`.
#[test]
fn the_configuration_shows_a_proxy_without_its_password() {
    let place = Place::new();
    for value in ["http://me:secret@proxy:3128", "me:secret@proxy:3128"] {
        let show = Run::new(&place, env!("CARGO_BIN_EXE_seawall")).args(["config", "show"]);
        let show = show.env("SEAWALL_REPOSITORY", "/x").env("HTTPS_PROXY", value).run();
        show.expect(0);
        assert!(show.stdout.contains("(not shown)@proxy:3128"), "{show}");
        assert!(!show.stdout.contains("secret"), "{show}");
    }
}

#[test]
fn this_host_and_what_no_proxy_names_are_reached_without_one() {
    let line = Line::new(Kind::S3sFs);
    let dead = format!("http://127.0.0.1:{}", free_port());
    line.scene.has(0).push(0).env("HTTP_PROXY", &dead).env("ALL_PROXY", &dead).run().expect(0);
    let behind = Behind::new("http", Conduct::Lead);
    for without in [NAME, ".test", "*", "other, store.test:9000"] {
        let outcome = behind.push(&[("HTTP_PROXY", &behind.proxy.url()), ("NO_PROXY", without)]);
        outcome.expect(8);
        assert!(error(&outcome).contains("failed to lookup address"), "{without}: {outcome}");
    }
    assert_eq!(behind.proxy.asked(), [""; 0]);
    let outcome = behind.push(&[
        ("HTTP_PROXY", &behind.proxy.url()),
        ("NO_PROXY", "store.test:9001, other, 10.0.0.0/8"),
    ]);
    outcome.expect(0);
}

#[test]
fn each_way_a_proxy_fails_has_its_words() {
    const PAGE: &str = "HTTP/1.1 403 Forbidden by policy\r\nContent-Length: 5\r\n\r\nsorry";
    const GATEWAY: &str = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
    let cases = [
        (
            Conduct::Say(PAGE),
            9,
            "does not connect: 403 Forbidden by policy",
            "Let the proxy connect to the store, or name the store's host in NO_PROXY to go without it.",
        ),
        (
            Conduct::Say(GATEWAY),
            8,
            "does not connect: 502 Bad Gateway",
            "The proxy can't reach the store: is the endpoint right? NO_PROXY names hosts that are reached without it.",
        ),
        (
            Conduct::Say("220 mail.example ESMTP\r\n"),
            8,
            "found \"220 mail.example ESMTP\"",
            "Is it an HTTP proxy that the variable names? NO_PROXY names hosts that are reached without it.",
        ),
        (
            Conduct::Hang,
            8,
            "no connection within the time limit, through the proxy http://127.0.0.1:",
            "Is the endpoint right, the store running and the network up?",
        ),
    ];
    side_by_side(&cases, |(conduct, status, words, hint)| {
        let behind = Behind::new("https", *conduct);
        let push = behind.scene.has(0).push(0).args(IMPATIENT);
        let outcome = push.env("HTTPS_PROXY", behind.proxy.url()).run();
        outcome.expect(*status);
        let text = error(&outcome);
        assert!(text.contains(words) && text.ends_with(&format!("HINT: {hint}")), "{outcome}");
        assert!(outcome.took < SHORT, "{outcome}");
        let fetch = behind.scene.fetch(0).args(IMPATIENT).arg("--wal-prefetch=0");
        fetch.env("HTTPS_PROXY", behind.proxy.url()).run().expect(*status + 200);
    });
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let behind = Behind::new("https", Conduct::Lead);
    let dead = format!("http://me:secret@127.0.0.1:{}", free_port());
    let outcome = behind.push(&[("https_proxy", &dead)]);
    outcome.expect(8).does_not_say("secret");
    let port = dead.rsplit(':').next().expect("a port");
    let words =
        format!("Connection refused (os error 111), through the proxy http://127.0.0.1:{port}");
    assert!(error(&outcome).contains(&words), "{outcome}");
}

#[test]
fn what_can_be_no_proxy_is_a_mistake_in_the_configuration() {
    let behind = Behind::new("https", Conduct::Lead);
    for (variable, value, shown) in [
        ("ALL_PROXY", "socks5://127.0.0.1:1080", "socks5://127.0.0.1:1080"),
        ("HTTPS_PROXY", "http://me:secret@", "http://(not shown)@"),
        ("HTTPS_PROXY", "http://", "http://"),
    ] {
        let outcome = behind.push(&[(variable, value)]);
        outcome.expect(3).does_not_say("secret");
        let text = format!(
            "repository s3: expected a proxy like http://HOST:PORT in {variable}, found {shown:?}. HINT: HTTP proxies \
             are known, SOCKS is not; NO_PROXY names hosts that are reached without one."
        );
        assert_eq!(error(&outcome), text);
        // Who goes without it does not care.
        let outcome = behind.push(&[(variable, value), ("NO_PROXY", "test")]);
        outcome.expect(8);
        assert!(error(&outcome).contains("failed to lookup address"), "{outcome}");
    }
}

/// An answer of thousands of bytes to `CONNECT` is read no further than a head may be long.
#[test]
fn a_proxy_that_never_ends_its_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            std::thread::spawn(move || {
                use std::io::Write as _;
                while socket.write_all(b"HTTP/1.1 200 OK and so on ").is_ok() {}
            });
        }
    });
    let behind = Behind::new("https", Conduct::Lead);
    let outcome = behind.push(&[("HTTPS_PROXY", &format!("http://{address}"))]);
    outcome.expect(8);
    assert!(error(&outcome).contains("expected an answer of a proxy from http://"), "{outcome}");
    assert!(outcome.took < SHORT, "{outcome}");
}
