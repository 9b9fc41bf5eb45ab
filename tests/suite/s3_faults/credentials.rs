//! Keys, bucket and region that the store does not accept: refused at once, and said which it is.

use super::Line;
use crate::scene::{Kind as StoreKind, SHORT_LIMITS, Scene, Store, error, side_by_side};
use crate::support::proxy::{Fault, Rule};
use crate::support::run::Run;
use crate::support::s3::Kind;

const RIGHTS: &str = "Are the access key and its secret right? They need s3:PutObject, s3:GetObject and, to be \
                      told that an object is absent, s3:ListBucket.";

#[test]
fn wrong_keys_are_refused_at_once() {
    for kind in [Kind::S3sFs, Kind::Rclone] {
        for variable in ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"] {
            let line = Line::with_archived_segment(kind);
            let push = line.scene.has(0).push(0).env(variable, "wrong").run();
            push.expect(9);
            // The answer to a HEAD has no words; one GET brings them.
            assert!(error(&push).contains("HTTP status 403, "), "{push}");
            assert!(!error(&push).contains("no error code"), "{push}");
            let fetch = line.scene.fetch(0).env(variable, "wrong").run();
            fetch.expect(209);
            assert!(error(&fetch).contains("HTTP status 403, "), "{fetch}");
            // The push asks for both names at once, and then for the words.
            assert_eq!(line.proxy.requests().len(), 5, "{kind:?}: a refusal is final");
            line.holds_the_segment_once();
        }
    }
}

#[test]
fn what_is_denied_needs_rights() {
    let line = Line::with_archived_segment(Kind::S3sFs);
    line.proxy.add(Rule::new(Fault::Answer(403)));
    for outcome in [line.scene.has(0).push(0).run(), line.scene.fetch(0).run()] {
        let text = format!("HTTP status 403, AccessDenied: Access Denied. HINT: {RIGHTS}");
        assert!(error(&outcome).ends_with(&text), "{outcome}");
    }
}

#[test]
fn a_wrong_secret_is_called_by_its_name() {
    let line = Line::with_archived_segment(Kind::S3sFs);
    let fetch = line.scene.fetch(0).env("AWS_SECRET_ACCESS_KEY", "wrong").run();
    fetch.expect(209);
    let text = error(&fetch);
    assert!(text.contains("SignatureDoesNotMatch"), "{fetch}");
    assert!(text.ends_with("HINT: The access key or its secret is wrong."), "{fetch}");
    fetch.does_not_say("test-secret-key").does_not_say("wrong\"");
}

#[test]
fn no_keys_at_all_are_missed_without_a_request() {
    let line = Line::with_archived_segment(Kind::S3sFs);
    let without = |run: Run| run.env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "");
    let hint =
        "HINT: Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or credentials_file.";
    let push = without(line.scene.has(0).push(0)).args(SHORT_LIMITS).run();
    push.expect(9);
    assert!(error(&push).ends_with(hint), "{push}");
    let fetch = without(line.scene.fetch(0)).args(SHORT_LIMITS).run();
    fetch.expect(209);
    assert!(error(&fetch).ends_with(hint), "{fetch}");
    assert_eq!(line.proxy.requests().len(), 0);
}

#[test]
fn a_missing_bucket_is_named_and_says_nothing_about_the_wal() {
    side_by_side(&Kind::ALL, |kind| {
        let scene = Scene::new();
        let store = Store::start(StoreKind::S3(*kind), &scene.place);
        let table = store.table("s3").replace("s3://seawall-tests", "s3://no-such-bucket");
        let scene = scene.with(&table);
        let hint = "HINT: Create the bucket, or mend the name in the url.";
        let fetch = scene.fetch(0).args(SHORT_LIMITS).run();
        assert_eq!(fetch.status, Some(209), "{kind:?} {fetch}");
        assert!(error(&fetch).contains("NoSuchBucket") && error(&fetch).ends_with(hint), "{fetch}");
        // s3s-fs makes the bucket.
        if *kind != Kind::S3sFs {
            let push = scene.has(0).push(0).args(SHORT_LIMITS).run();
            assert_eq!(push.status, Some(9), "{kind:?} {push}");
            assert!(
                error(&push).contains("NoSuchBucket") && error(&push).ends_with(hint),
                "{push}"
            );
        }
    });
}

#[test]
fn a_bucket_in_another_region_is_told_by_the_redirection() {
    let line = Line::with_archived_segment(Kind::S3sFs);
    line.proxy.add(Rule::new(Fault::Answer(301)));
    let push = line.scene.has(0).push(0).run();
    push.expect(9);
    assert!(error(&push).ends_with("HINT: Set region to the bucket's own."), "{push}");
    let fetch = line.scene.fetch(0).run();
    fetch.expect(209);
    assert!(error(&fetch).ends_with("HINT: Set region to the bucket's own."), "{fetch}");
}
