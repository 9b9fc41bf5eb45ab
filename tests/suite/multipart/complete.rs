//! The last request: who got the key, when the answer is lost, late or odd.

use std::time::Duration;

use bytes::Bytes;
use seawall::error::Class;
use seawall::storage::{Created, Metadata};

use super::{KEY, Line, UPLOAD_ID, content, create};
use crate::scene::side_by_side;
use crate::support::proxy::{Fault, Rule};
use crate::support::s3::Kind;
use crate::support::wait::wait_until;

const LONG: Duration = Duration::from_secs(60);

fn of_completion(fault: Fault) -> Rule {
    Rule::new(fault).method("POST").path(UPLOAD_ID)
}

/// The store has the object, the client does not know. A second try is told that the upload is gone, or that
/// the key is taken, or that all is well; the mark tells the truth.
#[test]
fn an_object_whose_answer_was_lost_is_recognised() {
    side_by_side(&Kind::ALL, |kind| {
        for size in [3, content(1, 7).len()] {
            let line = Line::new(*kind);
            let content = &content(1, 7)[..size];
            line.proxy.add(of_completion(Fault::CutBeforeAnswer).times(1));
            line.proxy.add(Rule::new(Fault::CutBeforeAnswer).method("PUT").path(KEY).times(1));
            assert_eq!(line.create(content), Ok(Created::New), "{kind:?}, {size}");
            line.holds(content);
        }
    });
}

/// Nor is an answer needed at all, if the object can be seen.
#[test]
fn an_object_whose_answer_never_comes_is_recognised() {
    let line = Line::new(Kind::Moto);
    line.proxy.add(of_completion(Fault::CutBeforeAnswer));
    assert_eq!(line.create(&content(1, 7)), Ok(Created::New));
    line.holds(&content(1, 7));
}

#[test]
fn a_trouble_that_passes_is_passed_over() {
    for fault in [Fault::Answer(500), Fault::CutRequestAfter(10), Fault::CutAnswerAfter(20)] {
        let line = Line::new(Kind::Moto);
        line.proxy.add(of_completion(fault).times(1));
        assert_eq!(line.create(&content(1, 7)), Ok(Created::New), "{fault:?}");
        line.holds(&content(1, 7));
    }
}

#[test]
fn one_that_stays_is_an_error_and_nothing_is_left() {
    let later = "The store is in trouble or overloaded; try again later.";
    let busy = "HTTP status 503, SlowDown: Please reduce your request rate";
    // S3 may say 200 at once and, after a while, that it failed.
    let odd = "HTTP status 200, MadeByProxy: Made by the proxy of the tests";
    for (status, reason) in [(503, busy), (200, odd)] {
        for kind in [Kind::S3sFs, Kind::Moto] {
            let line = Line::new(kind);
            line.proxy.add(of_completion(Fault::Answer(status)));
            let error = line.create(&content(1, 7)).expect_err("an error");
            assert_eq!(error.class(), Class::Unreachable);
            let failed = format!("CompleteMultipartUpload s3://seawall-tests/{KEY} failed");
            assert_eq!(error.to_string(), format!("{failed}: {reason}. HINT: {later}"));
            assert_eq!(line.statuses("DELETE", UPLOAD_ID), [Some(204)]);
            line.holds_nothing();
        }
    }
}

/// Both began while the key was free.
#[test]
fn of_two_the_first_to_complete_gets_the_key() {
    for kind in Kind::ALL {
        let line = Line::new(kind);
        let mut late = line.storage.begin_large(KEY, 0, 1, &Metadata::new()).expect("begun");
        late.write(Bytes::from(content(1, 9))).expect("written");
        assert_eq!(create(line.other().as_ref(), &content(1, 7)), Ok(Created::New));
        assert_eq!(late.finish(Bytes::new()), Ok(Created::Taken), "{kind:?}");
        assert_eq!(line.statuses("DELETE", UPLOAD_ID), [Some(204)], "{kind:?}");
        line.holds(&content(1, 7));
    }
}

/// The look before is too early: the condition decides.
#[test]
fn a_key_that_is_taken_at_the_last_moment_keeps_its_content() {
    for kind in [Kind::S3sFs, Kind::Moto] {
        let line = Line::new(kind);
        line.proxy.add(of_completion(Fault::Delay(Duration::from_secs(2))));
        std::thread::scope(|scope| {
            let late = scope.spawn(|| line.create(&content(1, 9)));
            wait_until("it to complete", LONG, || line.proxy.count("POST", UPLOAD_ID) == 1);
            line.server.put(KEY, b"first");
            assert_eq!(late.join().expect("no panic"), Ok(Created::Taken), "{kind:?}");
        });
        assert_eq!(line.statuses("POST", UPLOAD_ID), [Some(412)], "{kind:?}");
        line.holds(b"first");
    }
}

#[test]
fn a_store_that_refuses_the_condition_gets_a_completion_without_it() {
    let line = Line::new(Kind::S3sFs);
    line.proxy.add(of_completion(Fault::Answer(501)).header("if-none-match"));
    assert_eq!(line.create(&content(1, 7)), Ok(Created::New));
    let completions = line.requests("POST", UPLOAD_ID);
    let last = completions.last().expect("at least one");
    assert_eq!((last.status, last.header("if-none-match")), (Some(200), None));
    line.holds(&content(1, 7));
    assert_eq!(line.create(&content(1, 9)), Ok(Created::Taken));
    line.holds(&content(1, 7));
}
