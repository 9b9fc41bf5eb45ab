//! A file that a server saved, whole, cut and changed in each bit.

use super::*;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Twelve keys of all types in two databases, as Redis 7.0.15 saved them.
const SAVED: &str = "\
UkVESVMwMDEw+glyZWRpcy12ZXIGNy4wLjE1+gpyZWRpcy1iaXRzwED6BWN0aW1lwrJtA2v6CHVzZWQtbWVtwqDSEQD6CGFvZi1i\
YXNlwAD+APsKAQIBcwMBYcABAWISAWwBAhAQAAAAAwCBYQKBYgKBYwL/AAFhBWhlbGxvAAFuwTkwEQF6FBQAAAAEAIFhAoMxLjUE\
gWICAgH//Ptn2025AQAAAAF0AXYTAnN0ARAAAAAAAAAAAQAAAAAAAAABKCgAAAAPAAIBAAEBAYFhAgABAgEAAQABgWICBAECAQAB\
AQGBYgIEAf8CAQIBAQAAAgEBZwEBAQEAAAAAAAAAAQAAAAAAAAABHIBkBaIBAAABAQJjMRyAZAWiAQAAAQAAAAAAAAABAAAAAAAA\
AAELAnNpDgIAAAADAAAAAQACAAMAEAFoDQ0AAAACAIFmAoF2Av8AA2JpZ8MMQfQBeHjg/wDg3wABeHj+B/sCAQADaGxsG0hZTEwB\
AAAAAAAAAAAAAIBg84BQsYRL+4BCWvwfkAnaigIAAAABawF2/zwB2Aax3JQF";

fn saved() -> Vec<u8> {
    BASE64_STANDARD.decode(SAVED).unwrap()
}

fn check(bytes: &[u8], piece: usize) -> Result<RdbFacts> {
    let mut check = RdbCheck::new();
    bytes.chunks(piece).try_for_each(|bytes| check.write(bytes))?;
    check.finish()
}

fn said(bytes: &[u8]) -> String {
    check(bytes, 64).unwrap_err().to_string()
}

/// With the checksum switched off.
fn without_checksum() -> Vec<u8> {
    let mut bytes = saved();
    let end = bytes.len() - 8;
    bytes[end..].fill(0);
    bytes
}

#[test]
fn a_saved_file_is_good_in_pieces_of_any_length() {
    let keys =
        vec![Keys { database: 0, keys: 10, expires: 1 }, Keys { database: 7, keys: 2, expires: 1 }];
    let expected = RdbFacts {
        version: RdbVersion { valkey: false, number: 10 },
        bytes: 420,
        checksum: RdbChecksum::Good,
        keys: Some(keys),
        ctime: Some(0x6B03_6DB2),
    };
    for piece in 1..=421 {
        assert_eq!(check(&saved(), piece), Ok(expected.clone()), "pieces of {piece}");
    }
    assert_eq!(expected.version.to_string(), "REDIS0010");
}

#[test]
fn who_reads_what_was_written_by_whom() {
    let of = |product, version| RdbVersion::of_server(product, version).unwrap();
    use Product::{Redis, Valkey};
    for (reader, file, expected) in [
        (of(Redis, "7.0.15"), of(Valkey, "9.1.2"), false),
        (of(Redis, "6.2.14"), of(Redis, "7.0.15"), false),
        (of(Redis, "7.0.15"), of(Redis, "6.2.14"), true),
        (of(Redis, "7.0.15"), of(Redis, "7.2.0"), false),
        (of(Redis, "7.2.4"), of(Valkey, "8.1.8"), true),
        (of(Redis, "8.0.3"), of(Redis, "7.4.1"), true),
        (of(Valkey, "9.0"), of(Redis, "7.2.4"), true),
        (of(Valkey, "9.0"), of(Redis, "7.4.1"), false),
        (of(Valkey, "8.1"), of(Valkey, "9.0"), false),
    ] {
        assert_eq!(reader.reads(file), expected, "{reader} {file}");
    }
    assert_eq!(RdbVersion::of_server(Redis, "unstable"), None);
    assert_eq!(RdbVersion::of_file(b"VALKEY080\xfa").unwrap(), of(Valkey, "9.0"));
    assert_eq!(RdbVersion::of_file(b"REDIS"), None);
}

#[test]
fn every_changed_bit_is_seen() {
    for at in 0..saved().len() * 8 {
        let mut bytes = saved();
        bytes[at / 8] ^= 1 << (at % 8);
        assert!(check(&bytes, 100).is_err(), "bit {at}");
    }
}

#[test]
fn every_missing_end_is_seen_with_and_without_a_checksum() {
    for length in 0..saved().len() {
        assert!(check(&saved()[..length], 100).is_err(), "{length} bytes");
        assert!(check(&without_checksum()[..length], 100).is_err(), "{length} bytes");
    }
    let longer = [saved(), b"\n".to_vec()].concat();
    assert!(check(&longer, 100).is_err());
}

#[test]
fn a_file_without_a_checksum_is_told() {
    let facts = check(&without_checksum(), 7).unwrap();
    assert_eq!(facts.checksum, RdbChecksum::SwitchedOff);
    assert_eq!(facts.keys.unwrap().len(), 2);
}

#[test]
fn a_type_of_tomorrow_is_no_reason_to_refuse_a_good_file() {
    let mut bytes = saved();
    bytes[7] = b'9';
    let type_of_the_first_key = bytes.iter().position(|byte| *byte == 0xFB).unwrap() + 3;
    bytes[type_of_the_first_key] = 200;
    let end = bytes.len() - 8;
    let mut digest = Digest::new(CrcAlgorithm::Crc64Redis);
    digest.update(&bytes[..end]);
    bytes[end..].copy_from_slice(&digest.finalize().to_le_bytes());
    let facts = check(&bytes, 64).unwrap();
    assert_eq!((facts.version.number, facts.keys), (90, None));
}

#[test]
fn what_is_wrong_is_said() {
    assert_eq!(said(b""), "expected an RDB file, found nothing");
    assert_eq!(
        said(b"HTTP/1.1 200 OK"),
        "expected an RDB file (REDIS and a version), found one that begins with \"HTTP/1.1 \""
    );
    assert_eq!(
        said(b"REDIS0001anything"),
        "expected an RDB file (REDIS and a version), found one that begins with \"REDIS0001\""
    );
    assert_eq!(
        said(&saved()[..300]),
        "expected a whole RDB file, found 300 bytes that do not end like one"
    );
    let mut changed = saved();
    changed[100] ^= 1;
    assert!(
        said(&changed).starts_with("expected an RDB file with the CRC-64 "),
        "{}",
        said(&changed)
    );
    assert!(said(&changed).ends_with(", found 0594dcb106d8013c"), "{}", said(&changed));
}
