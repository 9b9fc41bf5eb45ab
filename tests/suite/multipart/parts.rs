//! A part meets trouble, or the whole object is given up.

use std::time::{Duration, Instant};

use bytes::Bytes;
use seawall::config::Limits;
use seawall::error::Class;
use seawall::storage::Created;

use super::{KEY, Line, PART, UPLOAD_ID, content, facts};
use crate::scene::side_by_side;
use crate::storage_contract::pending_uploads;
use crate::support::proxy::{Fault, Rule};
use crate::support::s3::Kind;
use crate::support::wait::wait_until;

const SHORT: Limits = Limits {
    connect: Duration::from_millis(500),
    request: Duration::from_secs(1),
    total: Duration::from_secs(2),
    attempts: 3,
};
const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_trouble_that_passes_is_passed_over() {
    let once = [
        Fault::Answer(500),
        Fault::Answer(503),
        Fault::CutRequestAfter(0),
        Fault::CutRequestAfter(5_000_000),
        Fault::CutBeforeAnswer,
        Fault::CutAnswerAfter(20),
    ];
    side_by_side(&once, |fault| {
        let line = Line::new(Kind::S3sFs);
        line.proxy.add(Rule::new(*fault).path("partNumber=2").times(1));
        line.proxy.add(Rule::new(*fault).method("POST").path("?uploads").times(1));
        assert_eq!(line.create(&content(2, 7)), Ok(Created::New), "{fault:?}");
        assert_eq!(line.proxy.count("PUT", "partNumber=2"), 2, "{fault:?}");
        assert_eq!(line.proxy.count("PUT", PART), 4, "{fault:?}: no other part is sent again");
        assert!(line.server.get(KEY) == Some(content(2, 7)), "{fault:?}");
    });
}

#[test]
fn a_part_that_is_refused_fails_the_object_and_aborts_it() {
    let busy = "HTTP status 503, SlowDown: Please reduce your request rate. HINT: \
                The store is in trouble or overloaded; try again later.";
    let denied = "HTTP status 403, AccessDenied: Access Denied. HINT: Are the access key and its secret \
                  right? They need s3:PutObject, s3:GetObject and, to be told that an object is absent, \
                  s3:ListBucket.";
    for (status, tries, class, text) in
        [(503, 3, Class::Unreachable, busy), (403, 1, Class::Refused, denied)]
    {
        for part in [1, 2, 3] {
            let line = Line::new(Kind::Moto);
            let mut beside =
                line.storage.begin_large("beside", 0, 1, &facts()).expect("another one");
            beside.write(Bytes::from(content(1, 9))).expect("written");
            let path = format!("{KEY}?x-id=UploadPart&partNumber={part}&");
            line.proxy.add(Rule::new(Fault::Answer(status)).path(&path));
            let error = line.create(&content(2, 7)).expect_err("an error");
            assert_eq!(error.class(), class);
            let place = format!("s3://seawall-tests/{KEY}");
            assert_eq!(error.to_string(), format!("PUT part {part} of {place} failed: {text}"));
            assert_eq!(line.proxy.count("PUT", &path), tries);
            // moto may answer 500 at first, where the other upload sends a part meanwhile.
            assert_eq!(line.statuses("DELETE", UPLOAD_ID).last(), Some(&Some(204)));
            assert_eq!(
                beside.finish(Bytes::new()),
                Ok(Created::New),
                "it has nothing to do with it"
            );
            line.holds_nothing();
        }
    }
}

#[test]
fn an_upload_that_cannot_begin_is_an_error_that_says_so() {
    let line = Line::new(Kind::S3sFs);
    line.proxy.add(Rule::new(Fault::Answer(503)).method("POST").path("?uploads"));
    let error = line.create(&content(1, 1)).expect_err("an error");
    assert_eq!(
        error.to_string(),
        format!(
            "CreateMultipartUpload s3://seawall-tests/{KEY} failed: HTTP status 503, SlowDown: Please \
             reduce your request rate. HINT: The store is in trouble or overloaded; try again later."
        )
    );
    assert_eq!(line.proxy.count("PUT", PART), 0);
    line.holds_nothing();
}

#[test]
fn an_object_that_is_dropped_is_aborted() {
    for kind in Kind::ALL {
        let line = Line::new(kind);
        let mut object = line.storage.begin_large(KEY, 0, 1, &facts()).expect("begun");
        object.write(Bytes::from(content(2, 7))).expect("written");
        wait_until("a part to be stored", LONG, || line.statuses("PUT", PART).contains(&Some(200)));
        let pending = pending_uploads(&line.server, &line.place);
        assert!(pending.is_none_or(|uploads| uploads.len() == 1), "{kind:?}");
        drop(object);
        assert_eq!(line.statuses("DELETE", UPLOAD_ID), [Some(204)], "{kind:?}");
        line.holds_nothing();
    }
}

#[test]
fn dropping_takes_no_longer_than_a_request_whatever_the_store_does() {
    let line = Line::with(Kind::S3sFs, SHORT, false, |_| {});
    let mut object = line.storage.begin_large(KEY, 0, 1, &facts()).expect("begun");
    line.proxy.add(Rule::new(Fault::Hang).path(UPLOAD_ID));
    object.write(Bytes::from(content(2, 7))).expect("written");
    wait_until("a part to hang", LONG, || line.proxy.count("PUT", PART) > 0);
    let start = Instant::now();
    drop(object);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(line.statuses("DELETE", UPLOAD_ID), [None]);
}

/// rclone keeps uploads in memory; S3 itself forgets them when a rule of the bucket says so.
#[test]
fn an_upload_that_the_store_forgot_is_an_error_that_says_so() {
    let mut line = Line::new(Kind::Rclone);
    let mut object = line.storage.begin_large(KEY, 0, 1, &facts()).expect("begun");
    object.write(Bytes::from(content(1, 7))).expect("written");
    wait_until("a part to be stored", LONG, || line.statuses("PUT", PART) == [Some(200)]);
    line.server.stop();
    line.server.restart();
    let error = object.finish(Bytes::new()).expect_err("an error");
    assert_eq!(error.class(), Class::Unreachable);
    let text = error.to_string();
    let begins =
        format!("PUT part 2 of s3://seawall-tests/{KEY} failed: HTTP status 404, NoSuchUpload");
    let ends = "HINT: Somebody or a rule of the bucket ended the upload; what was to be stored has to be \
                sent anew.";
    assert!(text.starts_with(&begins) && text.ends_with(ends), "{text}");
    line.holds_nothing();
}

/// The time limit of a part grows with its size; this one is met each time.
#[test]
fn a_part_that_is_never_answered_is_an_error_in_time() {
    // Within the limit of a request the upload is given up too, and on a busy machine that takes more than a second.
    let limits = Limits { request: Duration::from_secs(5), total: Duration::from_secs(6), ..SHORT };
    let line = Line::with(Kind::S3sFs, limits, false, |_| {});
    line.proxy.add(Rule::new(Fault::Hang).path("partNumber=2"));
    let start = Instant::now();
    let error = line.create(&content(1, 7)).expect_err("an error");
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
    assert_eq!(
        error.to_string(),
        format!(
            "PUT part 2 of s3://seawall-tests/{KEY} failed: no answer within the time limit. HINT: Look at \
             the store and the network; limits.request_timeout and limits.total_timeout set the limits."
        )
    );
    line.holds_nothing();
}
