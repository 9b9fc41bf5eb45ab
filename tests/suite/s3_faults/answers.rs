//! The answer to a GET is cut, shortened, delayed or changed on its way: it is asked for again, and
//! never handed over.

use super::Line;
use crate::scene::{SHORT, SHORT_LIMITS, error, side_by_side};
use crate::support::proxy::{Fault, Rule};
use crate::support::s3::Kind;
use crate::support::wait::wait_until;

/// Places in the body: in the label's length, in the label, in the first frame, and further on.
const PLACES: [u64; 5] = [0, 5, 60, 300, 4000];

fn faults() -> Vec<Fault> {
    let at = |place| {
        // The head of an answer takes a few hundred bytes.
        let cut = [Fault::CutAnswerAfter(600 + place), Fault::TruncateBodyAfter(place)];
        [cut[0], cut[1], Fault::StallBodyAfter(place), Fault::FlipByte(place)]
    };
    let mut faults: Vec<Fault> = PLACES.into_iter().flat_map(at).collect();
    faults.push(Fault::DribbleBody);
    faults
}

#[test]
fn an_answer_that_goes_wrong_once_is_asked_for_again() {
    side_by_side(&faults(), |fault| {
        let line = Line::with_archived_segment(Kind::S3sFs);
        line.proxy.add(Rule::new(*fault).method("GET").path(".zst").times(1));
        let outcome = line.scene.fetch(0).args(SHORT_LIMITS).run();
        assert!(outcome.status == Some(0) && outcome.took < SHORT, "{fault:?}: {outcome}");
        let fetched = line.scene.take_fetched();
        assert!(fetched.as_deref() == Some(line.scene.bytes(0)), "{fault:?}: {outcome}");
        assert_eq!(line.proxy.count("GET", ".zst"), 2, "{fault:?}: {outcome}");
    });
}

#[test]
fn an_answer_that_goes_wrong_each_time_is_never_handed_over() {
    side_by_side(&faults(), |fault| {
        let line = Line::with_archived_segment(Kind::S3sFs);
        line.proxy.add(Rule::new(*fault).method("GET").path(".zst"));
        let outcome = line.scene.fetch(0).args(SHORT_LIMITS).run();
        // What arrives whole but wrong is damage; what does not arrive whole may be better later.
        let status = if matches!(fault, Fault::FlipByte(_)) { 205 } else { 208 };
        assert!(outcome.status == Some(status) && outcome.took < SHORT, "{fault:?}: {outcome}");
        assert!(
            error(&outcome).starts_with(&format!(
                "could not fetch {} from repository s3: ",
                line.scene.name(0)
            ))
        );
        assert!(line.scene.take_fetched().is_none());
        assert_eq!(line.scene.files_in("pg_wal"), ["archive_status", "seawall"], "{fault:?}");
        let tries = line.proxy.count("GET", ".zst");
        assert!((2..=9).contains(&tries), "{fault:?}: {tries} tries: {outcome}");
    });
}

/// The process that prefetches is stuck with a segment when recovery asks for it.
#[test]
fn a_prefetch_that_hangs_delays_no_fetch() {
    let line = Line::new(Kind::S3sFs);
    line.scene.has_ready(4).push(0).run().expect(0);
    line.scene.directory.signal("recovery.signal");
    line.proxy.add(Rule::new(Fault::Hang).method("GET").path(line.scene.name(1)).times(1));
    line.scene.fetches(0);
    wait_until("the prefetch to hang", SHORT, || {
        line.proxy.requests().iter().any(|one| one.fault == Some(Fault::Hang))
    });
    for number in 1..4 {
        let outcome = line.scene.fetches(number);
        assert!(outcome.took < SHORT, "{outcome}");
    }
}

#[test]
fn each_way_to_go_wrong_has_its_words() {
    let cases = [
        (Fault::StallBodyAfter(300), "the store's answer broke off: it did not end in time"),
        (Fault::DribbleBody, "the store's answer broke off: it did not end in time"),
        (Fault::TruncateBodyAfter(300), "the store's answer broke off: "),
        (Fault::FlipByte(300), "it can't be unpacked: "),
        (Fault::FlipByte(0), "expected a Seawall label, found other bytes"),
    ];
    side_by_side(&cases, |(fault, text)| {
        let line = Line::with_archived_segment(Kind::S3sFs);
        line.proxy.add(Rule::new(*fault).method("GET").path(".zst"));
        let outcome = line.scene.fetch(0).args(SHORT_LIMITS).run();
        let expected = format!("could not fetch {} from repository s3: {text}", line.scene.name(0));
        assert!(error(&outcome).starts_with(&expected), "{fault:?}: {outcome}");
    });
}
