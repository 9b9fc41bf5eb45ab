//! Trouble that passes: the push succeeds, with one object in the bucket, and so does the fetch.

use std::time::Duration;

use super::Line;
use crate::scene::{SHORT, SHORT_LIMITS, error, side_by_side, warnings};
use crate::support::proxy::{Fault, Rule};
use crate::support::s3::Kind;

/// The requests of a push that are not the probe's have this in their path.
const SEGMENT: &str = "/wal/";

const ONCE: [(&str, Fault); 11] = [
    ("408", Fault::Answer(408)),
    ("429", Fault::Answer(429)),
    ("500", Fault::Answer(500)),
    ("502", Fault::Answer(502)),
    ("503", Fault::Answer(503)),
    ("504", Fault::Answer(504)),
    ("a request cut at its start", Fault::CutRequestAfter(0)),
    ("a request cut in the middle", Fault::CutRequestAfter(5000)),
    ("an answer cut before its start", Fault::CutBeforeAnswer),
    ("an answer cut in its head", Fault::CutAnswerAfter(20)),
    ("no answer", Fault::Hang),
];

#[test]
fn a_push_meets_each_trouble_once_and_succeeds() {
    side_by_side(&ONCE, |(title, fault)| {
        for method in ["HEAD", "PUT"] {
            let line = Line::new(Kind::S3sFs);
            line.proxy.add(Rule::new(*fault).method(method).path(SEGMENT).times(1));
            let outcome = line.scene.has(0).push(0).args(SHORT_LIMITS).run();
            assert!(
                outcome.status == Some(0) && outcome.took < SHORT,
                "{title}, {method}: {outcome}"
            );
            assert_eq!(warnings(&outcome), [""; 0], "{title}, {method}");
            let met = line.proxy.requests().into_iter().filter(|one| one.fault.is_some()).count();
            // A HEAD has no body that could be cut.
            assert_eq!(met, 1, "{title}, {method}");
            line.holds_the_segment_once();
        }
    });
}

/// The store has the object, the client does not know: the second try finds the name taken.
#[test]
fn a_put_that_succeeded_but_looked_failed_is_recognised_as_our_own() {
    for kind in [Kind::S3sFs, Kind::Moto] {
        let line = Line::new(kind);
        line.proxy.add(Rule::new(Fault::CutBeforeAnswer).method("PUT").path(SEGMENT).times(1));
        let outcome = line.scene.has(0).push(0).args(SHORT_LIMITS).run();
        outcome.expect(0).says("the same content is already archived");
        let puts: Vec<_> =
            line.proxy.requests().into_iter().filter(|one| one.method == "PUT").collect();
        let statuses: Vec<_> = puts
            .iter()
            .filter(|one| one.path.contains(SEGMENT))
            .map(|one| one.status.expect("answered"))
            .collect();
        assert_eq!(statuses, [200, 412], "{kind:?}");
        line.holds_the_segment_once();
    }
}

/// A store that hangs up on whoever sends what is there already, before it has read all of it, says no reason.
#[test]
fn what_a_store_hangs_up_on_is_looked_for() {
    let line = Line::new(Kind::S3sFs);
    line.proxy.add(Rule::new(Fault::CutBeforeAnswer).method("PUT").path(SEGMENT).times(1));
    line.proxy.add(Rule::new(Fault::CutRequestAfter(5000)).method("PUT").path(SEGMENT));
    let outcome = line.scene.has(0).push(0).args(SHORT_LIMITS).run();
    outcome.expect(0).says("the same content is already archived");
    line.holds_the_segment_once();
}

#[test]
fn a_slow_store_is_waited_for() {
    let line = Line::new(Kind::S3sFs);
    line.proxy.add(Rule::new(Fault::Delay(Duration::from_millis(400))));
    let outcome = line.scene.has(0).push(0).args(SHORT_LIMITS).run();
    assert!(outcome.status == Some(0) && outcome.took < SHORT, "{outcome}");
    assert_eq!(line.proxy.requests().len(), 6);
    line.holds_the_segment_once();
    let outcome = line.scene.fetch(0).args(SHORT_LIMITS).run();
    assert!(outcome.status == Some(0) && outcome.took < SHORT, "{outcome}");
    assert!(line.scene.take_fetched().as_deref() == Some(line.scene.bytes(0)));
}

#[test]
fn a_push_that_failed_succeeds_when_the_store_is_well_again() {
    let line = Line::new(Kind::S3sFs);
    line.proxy.add(Rule::new(Fault::Answer(503)));
    let outcome = line.scene.has(0).push(0).args(SHORT_LIMITS).run();
    outcome.expect(8);
    assert!(error(&outcome).contains("HTTP status 503"));
    assert_eq!(line.store.keys(), [""; 0]);
    line.proxy.clear();
    line.scene.push(0).args(SHORT_LIMITS).run().expect(0);
    line.holds_the_segment_once();
}
