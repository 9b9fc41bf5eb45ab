//! An object is to go.

use bytes::Bytes;
use seawall::error::Class;
use seawall::storage::Metadata;

use super::Line;
use crate::support::http::request;
use crate::support::proxy::{Fault, Rule};
use crate::support::s3::{Kind, NOT_SIGNED};

impl Line {
    fn with_object(kind: Kind) -> Line {
        let line = Line::new(kind);
        line.storage.create("a", Bytes::from_static(b"1"), &Metadata::new()).expect("created");
        line
    }

    /// A request to moto, which checks no signature.
    #[track_caller]
    fn ask(&self, path: &str, headers: &[(&str, &str)], body: &str) {
        let mut all = vec![("Authorization".to_owned(), NOT_SIGNED.to_owned())];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let path = format!("/{}{path}", self.server.bucket());
        let answer = request(self.server.address(), "PUT", &path, &all, body.as_bytes());
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
}

#[test]
fn it_is_one_request() {
    for kind in Kind::ALL {
        let line = Line::with_object(kind);
        let before = line.proxy.requests().len();
        line.storage.delete("a").expect("deleted");
        assert_eq!(line.server.get("a"), None);
        let requests = line.proxy.requests();
        let methods: Vec<_> = requests[before..].iter().map(|one| one.method.as_str()).collect();
        assert_eq!(methods, ["DELETE"], "{kind:?}");
    }
}

#[test]
fn a_trouble_that_passes_is_passed_over() {
    for fault in [Fault::Answer(500), Fault::Answer(503), Fault::CutBeforeAnswer] {
        let line = Line::with_object(Kind::S3sFs);
        line.proxy.add(Rule::new(fault).method("DELETE").times(1));
        line.storage.delete("a").expect("deleted");
        assert_eq!(line.server.get("a"), None, "{fault:?}");
        assert_eq!(line.proxy.count("DELETE", "/a"), 2, "{fault:?}");
    }
}

#[test]
fn a_refusal_says_what_is_needed() {
    let line = Line::with_object(Kind::S3sFs);
    line.proxy.add(Rule::new(Fault::Answer(403)).method("DELETE"));
    let error = line.storage.delete("a").expect_err("an error");
    assert_eq!(error.class(), Class::Refused);
    assert_eq!(
        error.to_string(),
        "DELETE s3://seawall-tests/a failed: HTTP status 403, AccessDenied: Access Denied. HINT: Deleting \
         needs s3:DeleteObject; a host that only archives does without."
    );
    assert!(line.server.get("a").is_some());
}

/// Where the refusal itself does not say why, the object does.
#[test]
fn an_object_that_the_store_keeps_says_for_how_long() {
    let line = Line::new(Kind::Moto);
    line.ask("-locked", &[("x-amz-bucket-object-lock-enabled", "true")], "");
    let lock = "x-amz-object-lock-";
    let (mode, until, hold) =
        (format!("{lock}mode"), format!("{lock}retain-until-date"), format!("{lock}legal-hold"));
    let checked = ("x-amz-sdk-checksum-algorithm", "SHA256");
    let later = [(mode.as_str(), "COMPLIANCE"), (until.as_str(), "2100-01-01T00:00:00Z"), checked];
    line.ask("-locked/kept", &later, "x");
    line.ask("-locked/held", &[(hold.as_str(), "ON"), checked], "x");
    line.proxy.add(Rule::new(Fault::Answer(403)).method("DELETE"));
    let mut config = super::bucket_config(&line.server, &line.proxy.endpoint(), &line.place);
    config.bucket += "-locked";
    let storage = super::open(seawall::config::Location::S3(Box::new(config)), super::LIMITS);
    for (key, lock) in [
        ("kept", "the object is retained until 2100-01-01T00:00:00Z"),
        ("held", "the object is under a legal hold"),
    ] {
        let error = storage.delete(key).expect_err("an error");
        assert_eq!(error.class(), Class::Refused);
        assert_eq!(
            error.to_string(),
            format!(
                "DELETE s3://seawall-tests-locked/{key} failed: {lock} (HTTP status 403, AccessDenied: \
                 Access Denied). HINT: Wait until its object lock ends, or lift the lock."
            )
        );
    }
}
