//! Trouble that stays: said in time, with its own status and text, and a recovery stops.

use super::Line;
use crate::scene::{SHORT, SHORT_LIMITS, Scene, Store, error, side_by_side};
use crate::support::place::free_port;
use crate::support::proxy::{BlackHole, Fault, Rule};
use crate::support::run::Outcome;
use crate::support::s3::Kind;

const LATER: &str = "The store is in trouble or overloaded; try again later.";
const RIGHTS: &str = "Are the access key and its secret right? They need s3:PutObject, s3:GetObject and, to be \
                      told that an object is absent, s3:ListBucket.";
const NETWORK: &str = "Is the endpoint right, the store running and the network up?";
const TIME: &str = "Look at the store and the network; limits.request_timeout and \
                    limits.total_timeout set the limits.";

const NO_ANSWER: &str = "no answer within the time limit";
const RESET: &str = "Connection reset by peer (os error 104)";

/// A fault of every request, the exit status, what is said of a HEAD and of a GET, and the hint.
type Case = (Fault, i32, &'static str, &'static str, &'static str);

const CASES: [Case; 9] = [
    (
        Fault::Answer(500),
        8,
        "HTTP status 500, no error code",
        "HTTP status 500, InternalError: We encountered an internal error. Please try again",
        LATER,
    ),
    (
        Fault::Answer(503),
        8,
        "HTTP status 503, no error code",
        "HTTP status 503, SlowDown: Please reduce your request rate",
        LATER,
    ),
    (
        Fault::Answer(429),
        8,
        "HTTP status 429, no error code",
        "HTTP status 429, TooManyRequests: Please reduce your request rate",
        LATER,
    ),
    (
        Fault::Answer(401),
        9,
        "HTTP status 401, MadeByProxy: Made by the proxy of the tests",
        "HTTP status 401, MadeByProxy: Made by the proxy of the tests",
        RIGHTS,
    ),
    (
        Fault::Answer(403),
        9,
        "HTTP status 403, AccessDenied: Access Denied",
        "HTTP status 403, AccessDenied: Access Denied",
        RIGHTS,
    ),
    (Fault::Hang, 8, NO_ANSWER, NO_ANSWER, TIME),
    (Fault::Delay(std::time::Duration::from_secs(3)), 8, NO_ANSWER, NO_ANSWER, TIME),
    (Fault::CutBeforeAnswer, 8, RESET, RESET, NETWORK),
    (Fault::CutAnswerAfter(20), 8, RESET, RESET, NETWORK),
];

#[test]
fn each_trouble_fails_a_push_and_stops_a_recovery_in_time() {
    side_by_side(&CASES, |(fault, status, of_head, of_get, hint)| {
        let line = Line::with_archived_segment(Kind::S3sFs);
        line.proxy.add(Rule::new(*fault));
        let push = line.scene.has(0).push(0).args(SHORT_LIMITS).run();
        says(&push, *status, &push_error(&line.scene, &format!("{of_head}. HINT: {hint}")));
        let fetch = line.scene.fetch(0).args(SHORT_LIMITS).run();
        says(&fetch, 200 + *status, &fetch_error(&line.scene, &format!("{of_get}. HINT: {hint}")));
        assert!(line.scene.take_fetched().is_none());
        assert_eq!(
            line.scene.files_in("pg_wal"),
            [line.scene.name(0), "archive_status", "seawall"]
        );
        line.holds_the_segment_once();
    });
}

/// The first question before a PUT is for the encrypted sibling.
fn push_error(scene: &Scene, reason: &str) -> String {
    format!(
        "could not archive {} in repository s3: HEAD s3://seawall-tests/{}.age failed: {reason}",
        scene.name(0),
        scene.clear_key(0)
    )
}

fn fetch_error(scene: &Scene, reason: &str) -> String {
    format!(
        "could not fetch {} from repository s3: GET s3://seawall-tests/{} failed: {reason}",
        scene.name(0),
        scene.clear_key(0)
    )
}

#[track_caller]
fn says(outcome: &Outcome, status: i32, text: &str) {
    assert!(outcome.took < SHORT, "{outcome}");
    outcome.expect(status);
    assert_eq!(error(outcome), text);
}

/// The question before it is answered, the PUT is in trouble each time.
#[test]
fn a_put_in_trouble_fails_the_push_and_leaves_nothing() {
    let busy = "HTTP status 503, SlowDown: Please reduce your request rate";
    let cases = [
        (Fault::CutRequestAfter(5000), RESET, NETWORK),
        (Fault::Hang, NO_ANSWER, TIME),
        (Fault::Answer(503), busy, LATER),
    ];
    side_by_side(&cases, |(fault, reason, hint)| {
        let line = Line::new(Kind::S3sFs);
        line.proxy.add(Rule::new(*fault).method("PUT").path("/wal/"));
        let push = line.scene.has(0).push(0).args(SHORT_LIMITS).run();
        let expected = format!(
            "could not archive {} in repository s3: PUT s3://seawall-tests/{} failed: {reason}. HINT: {hint}",
            line.scene.name(0),
            line.scene.clear_key(0)
        );
        says(&push, 8, &expected);
        assert_eq!(line.proxy.count("PUT", "/wal/"), 3, "as often as limits.attempts says");
        assert_eq!(line.store.keys(), [""; 0]);
    });
}

#[test]
fn an_endpoint_that_refuses_or_swallows_connections_is_given_up_in_time() {
    let hole = BlackHole::open();
    let closed = format!("http://127.0.0.1:{}", free_port());
    let cases = [
        (closed, "Connection refused (os error 111)", NETWORK),
        (hole.endpoint(), "no connection within the time limit", NETWORK),
    ];
    side_by_side(&cases, |(endpoint, reason, hint)| {
        let scene = Scene::new();
        let store = Store::start(crate::scene::Kind::S3(Kind::S3sFs), &scene.place);
        let scene = scene.with(&store.table_at("s3", endpoint));
        let push = scene.has(0).push(0).args(SHORT_LIMITS).run();
        says(&push, 8, &push_error(&scene, &format!("{reason}. HINT: {hint}")));
        let fetch = scene.fetch(0).args(SHORT_LIMITS).run();
        says(&fetch, 208, &fetch_error(&scene, &format!("{reason}. HINT: {hint}")));
        assert!(scene.take_fetched().is_none());
    });
}
