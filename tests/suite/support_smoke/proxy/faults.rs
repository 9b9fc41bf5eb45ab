//! Each fault of the proxy does what it says.

use std::time::{Duration, Instant};

use super::{Scene, status};
use crate::support::place::Place;
use crate::support::proxy::{BlackHole, Fault, Rule};
use crate::support::run::Run;
use crate::support::s3::Kind;
use crate::support::wait::wait_until;
use crate::support_smoke::s3::curl;

/// curl's exit statuses: 18 too little body, 28 out of time, 52 no answer, 55 and 56 cut off.
const CUT: [Option<i32>; 3] = [Some(52), Some(55), Some(56)];

#[test]
fn delays_add_up() {
    let scene = Scene::new(Kind::S3sFs);
    scene.proxy.add(Rule::new(Fault::Delay(Duration::from_millis(300))));
    scene.proxy.add(Rule::new(Fault::Delay(Duration::from_millis(300))).method("PUT"));
    let outcome = scene.put("a");
    assert_eq!(status(&outcome), "200", "{outcome}");
    assert!(outcome.took >= Duration::from_millis(600), "{outcome}");
}

#[test]
fn statuses_are_answered_as_often_as_asked() {
    let scene = Scene::new(Kind::S3sFs);
    scene.proxy.add(Rule::new(Fault::Answer(503)).method("PUT").path("/a").times(2));
    let statuses: Vec<String> = (0..3).map(|_| status(&scene.put("a")).to_owned()).collect();
    assert_eq!(statuses, ["503", "503", "200"]);
    for (code, name) in [(500, "InternalError"), (403, "AccessDenied"), (429, "TooManyRequests")] {
        scene.proxy.clear();
        scene.proxy.add(Rule::new(Fault::Answer(code)));
        let outcome = scene.curl(&[&scene.url("a")]);
        assert!(outcome.stdout.contains(name) && status(&outcome) == code.to_string(), "{outcome}");
        let head = scene.curl(&["-I", &scene.url("a")]);
        assert_eq!(status(&head), code.to_string(), "{head}");
    }
    let expect = scene.curl(&["-T", &scene.content, "-H", "Expect: 100-continue", &scene.url("b")]);
    assert_eq!(status(&expect), "429", "{expect}");
    scene.proxy.clear();
    assert_eq!(status(&scene.put("b")), "200");
    assert_eq!(scene.proxy.requests()[0].status, Some(503));
}

#[test]
fn a_request_cut_half_way_stores_nothing() {
    for kind in Kind::ALL {
        let scene = Scene::new(kind);
        scene.proxy.add(Rule::new(Fault::CutRequestAfter(100_000)));
        let outcome = scene.put("a");
        assert!(CUT.contains(&outcome.status), "{kind:?} {outcome}");
        assert_eq!(scene.proxy.requests()[0].body_bytes, 100_000);
        assert_eq!(scene.server.keys(), [""; 0], "{kind:?}");
    }
}

#[test]
fn a_put_can_succeed_and_look_failed() {
    for kind in Kind::ALL {
        let scene = Scene::new(kind);
        scene.proxy.add(Rule::new(Fault::CutBeforeAnswer).times(1));
        let outcome = scene.put("a");
        assert!(CUT.contains(&outcome.status), "{kind:?} {outcome}");
        scene.stored("a");
        assert_eq!(scene.proxy.requests()[0].status, Some(200), "{kind:?}");
    }
}

#[test]
fn answers_are_cut_truncated_and_damaged() {
    let scene = Scene::new(Kind::S3sFs);
    scene.put("a").expect(0);
    let whole = scene.bytes();

    scene.proxy.add(Rule::new(Fault::CutAnswerAfter(100_000)).method("GET"));
    let (fetched, outcome) = scene.get("a");
    assert!(CUT.contains(&outcome.status) && fetched.len() < 100_000, "{outcome}");

    scene.proxy.clear();
    scene.proxy.add(Rule::new(Fault::TruncateBodyAfter(100_000)));
    let (fetched, outcome) = scene.get("a");
    assert!(outcome.status == Some(18) && fetched == whole[..100_000], "{outcome}");

    scene.proxy.clear();
    scene.proxy.add(Rule::new(Fault::FlipByte(200_000)));
    let (fetched, outcome) = scene.get("a");
    let differ = |place: &usize| fetched[*place] != whole[*place];
    assert_eq!(fetched.len(), whole.len(), "{outcome}");
    assert_eq!((0..whole.len()).filter(differ).collect::<Vec<_>>(), [200_000]);
}

#[test]
fn answers_stall_or_come_byte_by_byte() {
    let scene = Scene::new(Kind::S3sFs);
    scene.put("a").expect(0);
    for (fault, most) in [(Fault::StallBodyAfter(1000), 1000), (Fault::DribbleBody, 5000)] {
        scene.proxy.clear();
        scene.proxy.add(Rule::new(fault));
        let file = scene.place.join("part");
        let part = file.to_str().expect("UTF-8");
        let outcome = scene.curl(&["--max-time", "1", "-o", part, &scene.url("a")]);
        assert_eq!(outcome.status, Some(28), "{fault:?}: {outcome}");
        let came = std::fs::read(&file).expect("written").len();
        assert!(came > 0 && came <= most, "{fault:?}: {came} bytes");
    }
}

#[test]
fn a_rule_may_be_for_requests_with_a_header() {
    let scene = Scene::new(Kind::S3sFs);
    scene.proxy.add(Rule::new(Fault::Answer(501)).header("if-none-match"));
    let with = scene.curl(&["-H", "If-None-Match: *", "-T", &scene.content, &scene.url("a")]);
    assert_eq!((status(&with), status(&scene.put("a"))), ("501", "200"));
}

/// s3s-fs looks whether the object is there before it reads what it writes.
#[test]
fn with_one_put_at_a_time_a_condition_is_atomic() {
    let scene = Scene::new(Kind::S3sFs);
    scene.proxy.one_put_at_a_time();
    let url = scene.url("a");
    let statuses: Vec<String> = std::thread::scope(|scope| {
        let put = || {
            let put = ["-H", "If-None-Match: *", "-T", &scene.content, &url];
            status(&scene.curl(&put)).to_owned()
        };
        let running: Vec<_> = (0..8).map(|_| scope.spawn(put)).collect();
        running.into_iter().map(|one| one.join().expect("no panic")).collect()
    });
    assert_eq!(statuses.iter().filter(|one| *one == "200").count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|one| *one == "412").count(), 7, "{statuses:?}");
}

#[test]
fn a_hanging_request_hangs_until_the_rules_are_cleared() {
    let scene = Scene::new(Kind::S3sFs);
    scene.proxy.add(Rule::new(Fault::Hang).times(2));
    let outcome = scene.curl(&["--max-time", "0.5", &scene.url("a")]);
    assert_eq!(outcome.status, Some(28), "{outcome}");
    let running = Run::new(&scene.place, "curl").args(["-sS", &scene.url("a")]).start();
    wait_until("the request", Duration::from_secs(10), || scene.proxy.requests().len() == 2);
    scene.proxy.clear();
    assert!(CUT.contains(&running.finish().status));
}

#[test]
fn a_paused_proxy_answers_when_it_goes_on() {
    let scene = Scene::new(Kind::S3sFs);
    scene.proxy.pause(true);
    let outcome = scene.curl(&["--max-time", "0.5", &scene.url("a")]);
    assert_eq!((outcome.status, scene.proxy.connections()), (Some(28), 0), "{outcome}");
    scene.proxy.pause(false);
    assert_eq!(status(&scene.put("a")), "200");
}

#[test]
fn a_black_hole_takes_no_connection() {
    let place = Place::new();
    let hole = BlackHole::open();
    let start = Instant::now();
    let outcome = curl(&place, None, &["--connect-timeout", "0.5", &hole.endpoint()]);
    assert_eq!(outcome.status, Some(28), "{outcome}");
    assert!(start.elapsed() >= Duration::from_millis(500));
}

#[test]
fn a_stopped_server_behind_the_proxy_looks_like_a_reset() {
    let mut scene = Scene::new(Kind::S3sFs);
    scene.server.stop();
    let outcome = scene.put("a");
    assert!(CUT.contains(&outcome.status), "{outcome}");
    scene.server.restart();
    assert_eq!(status(&scene.put("a")), "200");
}
