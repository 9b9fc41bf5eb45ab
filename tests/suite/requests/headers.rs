//! What a PUT says: one checksum in a header, never a trailer; the metadata; what the configuration asks
//! for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use crate::scene::{Kind as StoreKind, Scene, Store};
use crate::support::crc32c;
use crate::support::place::Place;
use crate::support::proxy::{Proxy, Recorded};
use crate::support::s3::Kind;

/// The PUT of the first segment, over TLS or without, with these settings of the repository, and the
/// bytes that it stored.
fn put(kind: Kind, tls: bool, settings: &str) -> (Recorded, Vec<u8>, Scene) {
    let place = Place::new();
    let store = Store::start(StoreKind::S3(kind), &place);
    let address = store.server().address();
    let proxy = if tls { Proxy::start_tls(address, &place) } else { Proxy::start(address) };
    let table = store.table_at("s3", &proxy.endpoint());
    let mut scene = Scene::in_place(&place).with(&table).with(settings);
    if tls {
        scene = scene.with(&format!("ca_file = {:?}", proxy.ca_file()));
    }
    scene.has(0).push(0).run().expect(0);
    let key = scene.clear_key(0);
    let mut puts = proxy.requests().into_iter().filter(|one| one.method == "PUT");
    let put = puts.find(|one| one.path.contains(&key)).expect("a PUT of the segment");
    let stored = store.get(&key).expect("stored");
    (put, stored, scene)
}

/// All checksum headers, by name.
fn checksums(put: &Recorded) -> Vec<(&str, &str)> {
    let of_checksum = |name: &str| name.starts_with("x-amz-checksum-") || name == "content-md5";
    let pairs = put.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    pairs.filter(|(name, _)| of_checksum(name)).collect()
}

#[test]
fn the_checksum_is_one_header_of_the_body_and_never_a_trailer() {
    for (tls, settings, expected) in [
        (false, "", "sha256"),
        (true, "", "crc32c"),
        (false, "checksum = \"crc32c\"", "crc32c"),
        (true, "checksum = \"sha256\"", "sha256"),
        (false, "checksum = \"signature\"", "none"),
        (true, "checksum = \"signature\"", "none"),
    ] {
        let (put, stored, _) = put(Kind::S3sFs, tls, settings);
        let case = format!("TLS {tls}, {settings:?}: {:?}", put.headers);
        let sha256 = BASE64.encode(Sha256::digest(&stored));
        let crc32c = BASE64.encode(crc32c(&stored).to_be_bytes());
        let headers = match expected {
            "sha256" => vec![("x-amz-checksum-sha256", sha256.as_str())],
            "crc32c" => vec![("x-amz-checksum-crc32c", crc32c.as_str())],
            _ => vec![],
        };
        assert_eq!(checksums(&put), headers, "{case}");
        let content = put.header("x-amz-content-sha256").expect("always there");
        if expected == "none" {
            let digest = Sha256::digest(&stored);
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(content, hex, "{case}");
        } else {
            assert_eq!(content, "UNSIGNED-PAYLOAD", "{case}");
        }
        for name in ["x-amz-trailer", "content-encoding", "transfer-encoding", "expect"] {
            assert_eq!(put.header(name), None, "{case}");
        }
        let length = stored.len().to_string();
        assert_eq!(put.header("content-length"), Some(length.as_str()), "{case}");
        assert_eq!(put.header("if-none-match"), Some("*"), "{case}");
    }
}

/// The checksum headers are part of what is signed: nobody on the way can change body and checksum.
#[test]
fn the_checksum_and_the_condition_are_signed() {
    let (put, _, _) = put(Kind::S3sFs, false, "");
    let authorization = put.header("authorization").expect("signed");
    let signed = authorization.split("SignedHeaders=").nth(1).expect("a list");
    let signed: Vec<&str> = signed.split(',').next().expect("a list").split(';').collect();
    for name in ["host", "if-none-match", "x-amz-checksum-sha256", "x-amz-content-sha256"] {
        assert!(signed.contains(&name), "{name} in {signed:?}");
    }
}

#[test]
fn the_metadata_say_what_the_object_holds() {
    let (put, _, scene) = put(Kind::S3sFs, false, "");
    let metadata: Vec<(&str, &str)> = put
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("x-amz-meta-")?, value.as_str())))
        .collect();
    let digest = blake3::hash(scene.bytes(0)).to_hex();
    let mut expected =
        [("seawall-blake3", digest.as_str()), ("seawall-format", "1"), ("seawall-size", "1048576")];
    expected.sort_unstable();
    let mut found = metadata;
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn encryption_at_rest_and_storage_class_are_asked_for() {
    const SSE: &str = "x-amz-server-side-encryption";
    const KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";
    const CLASS: &str = "x-amz-storage-class";
    for (settings, expected) in [
        ("", [None, None, None]),
        ("sse = \"s3\"", [Some("AES256"), None, None]),
        ("sse = \"kms\"", [Some("aws:kms"), None, None]),
        ("sse = \"kms\"\nkms_key_id = \"my-key\"", [Some("aws:kms"), Some("my-key"), None]),
        ("storage_class = \"STANDARD_IA\"", [None, None, Some("STANDARD_IA")]),
    ] {
        let (put, _, _) = put(Kind::Moto, false, settings);
        assert_eq!([SSE, KEY, CLASS].map(|name| put.header(name)), expected, "{settings}");
    }
}
