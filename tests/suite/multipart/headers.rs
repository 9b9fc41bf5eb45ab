//! What the requests say, and which there are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use seawall::config::{Checksum, Sse};
use seawall::storage::Created;
use sha2::{Digest as _, Sha256};

use super::{KEY, Line, PART, UPLOAD_ID, content, facts, part_number};
use crate::storage_contract::{LIMITS, PART_BYTES};
use crate::support::crc32c;
use crate::support::s3::Kind;

const MARK: &str = "x-amz-meta-seawall-upload";

#[test]
fn what_fits_into_one_part_is_one_conditional_put() {
    for size in [0, 5, PART_BYTES] {
        let line = Line::new(Kind::S3sFs);
        let content = &content(1, 0)[..size];
        assert_eq!(line.create(content), Ok(Created::New));
        let puts = line.requests("PUT", KEY);
        assert_eq!(puts.len(), 1, "{size}");
        assert_eq!(puts[0].header("if-none-match"), Some("*"));
        let digest = BASE64.encode(Sha256::digest(content));
        assert_eq!(puts[0].header("x-amz-checksum-sha256"), Some(digest.as_str()));
        assert_eq!(puts[0].header("x-amz-meta-a-fact"), Some("1"));
        assert_eq!(line.proxy.count("POST", ""), 0);
        line.holds(content);
    }
}

/// The condition is honoured on a PUT; of the completion nobody knows, so it looks there as well.
#[test]
fn a_larger_object_is_an_upload_with_parts_of_equal_size() {
    let line = Line::new(Kind::S3sFs);
    line.create(b"the probe").expect("created");
    line.other().delete(KEY).expect("deleted");
    let before = line.proxy.requests().len();
    assert_eq!(line.create(&content(2, 7)), Ok(Created::New));
    let mut requests = line.proxy.requests().split_off(before);
    let shown = |one: &crate::support::proxy::Recorded| {
        format!("{} {} {}", one.method, one.status.expect("answered"), one.body_bytes)
    };
    requests[1..4].sort_by_key(part_number);
    let shown: Vec<String> = requests.iter().map(shown).collect();
    let part = format!("PUT 200 {PART_BYTES}");
    let complete = format!("POST 200 {}", requests[5].body_bytes);
    assert_eq!(shown, ["POST 200 0", &part, &part, "PUT 200 7", "HEAD 404 0", &complete]);
    assert_eq!(requests[5].header("if-none-match"), Some("*"));
    line.holds(&content(2, 7));
}

/// And the front of it goes out last: only then is it known.
#[test]
fn a_front_goes_with_the_first_part_and_that_goes_last() {
    let line = Line::new(Kind::S3sFs);
    let whole = content(3, 7);
    let mut object = line.storage.begin_large(KEY, 100, 1, &facts()).expect("begun");
    object.write(Bytes::copy_from_slice(&whole[100..])).expect("written");
    object.finish(Bytes::copy_from_slice(&whole[..100])).expect("finished");
    let parts = line.requests("PUT", PART);
    assert_eq!(part_number(parts.last().expect("parts")), 1);
    let mut sizes: Vec<_> = parts.iter().map(|one| (part_number(one), one.body_bytes)).collect();
    sizes.sort_unstable();
    let part = PART_BYTES as u64;
    assert_eq!(sizes, [(1, part), (2, part), (3, part), (4, 7)]);
    line.holds(&whole);
}

#[test]
fn each_part_has_one_checksum_in_a_header_and_never_a_trailer() {
    for (tls, checksum, expected) in [
        (false, Checksum::Auto, "sha256"),
        (true, Checksum::Auto, "crc32c"),
        (false, Checksum::Crc32c, "crc32c"),
        (true, Checksum::Sha256, "sha256"),
        (false, Checksum::Signature, "none"),
    ] {
        let line = Line::with(Kind::S3sFs, LIMITS, tls, |config| config.checksum = checksum);
        let whole = content(1, 7);
        line.create(&whole).expect("created");
        let begun = &line.requests("POST", "?uploads")[0];
        let algorithm = (expected != "none").then(|| expected.to_uppercase());
        assert_eq!(begun.header("x-amz-checksum-algorithm"), algorithm.as_deref());
        for part in line.requests("PUT", PART) {
            let from = (part_number(&part) - 1) * PART_BYTES;
            let bytes = &whole[from..whole.len().min(from + PART_BYTES)];
            let case = format!("TLS {tls}, {checksum:?}: {:?}", part.headers);
            let sha256 = BASE64.encode(Sha256::digest(bytes));
            let crc32c = BASE64.encode(crc32c(bytes).to_be_bytes());
            let of_body = |name, value| (expected == name).then_some(value);
            let found = |name| part.header(name).map(str::to_owned);
            assert_eq!(found("x-amz-checksum-sha256"), of_body("sha256", sha256), "{case}");
            assert_eq!(found("x-amz-checksum-crc32c"), of_body("crc32c", crc32c), "{case}");
            let digest = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            let signed = if expected == "none" { digest } else { "UNSIGNED-PAYLOAD".to_owned() };
            assert_eq!(found("x-amz-content-sha256"), Some(signed), "{case}");
            assert_eq!(found("content-length"), Some(bytes.len().to_string()), "{case}");
            for name in ["x-amz-trailer", "content-encoding", "transfer-encoding", "expect"] {
                assert_eq!(part.header(name), None, "{case}");
            }
        }
        line.holds(&whole);
    }
}

/// They belong to the object, so they are said once, at the beginning.
#[test]
fn metadata_encryption_at_rest_and_storage_class_are_asked_for_at_the_beginning() {
    let line = Line::with(Kind::Moto, LIMITS, false, |config| {
        config.sse = Sse::Kms { key_id: Some("my-key".to_owned()) };
        config.storage_class = Some("STANDARD_IA".to_owned());
    });
    line.create(&content(1, 7)).expect("created");
    let begun = &line.requests("POST", "?uploads")[0];
    let names = [
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-storage-class",
        "x-amz-meta-a-fact",
    ];
    let expected = ["aws:kms", "my-key", "STANDARD_IA", "1"].map(Some);
    assert_eq!(names.map(|name| begun.header(name)), expected);
    assert_eq!(begun.header(MARK).expect("a mark").len(), 16);
    for request in line.proxy.requests().iter().filter(|one| one.path.contains(UPLOAD_ID)) {
        assert_eq!(names.map(|name| request.header(name)), [None; 4], "{}", request.path);
    }
    assert_eq!(line.storage.head(KEY).expect("an answer").expect("there").metadata, facts());
}
