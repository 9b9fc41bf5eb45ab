//! What is kept of a segment beside the one of its name: read as all else, though no recovery reads it.

use std::num::NonZeroUsize;

use bytes::Bytes;
use seawall::codec::{Encoder, Encoding};

use super::{Story, faults, segment_name};

/// As `wal-push` stores such a content: its name, and the object.
fn second(segment: &str, content: &[u8]) -> (String, Vec<u8>) {
    let digits = blake3::hash(content).to_hex()[..16].to_uppercase();
    let name = format!("{segment}.{digits}.beyond");
    let mut encoder = Encoder::new(Encoding { level: 1, threads: NonZeroUsize::MIN });
    let mut frames: Vec<Bytes> = Vec::new();
    let length = content.len() as u64;
    let encoded = encoder.encode(&name, length, &mut &content[..], &mut |frame| frames.push(frame));
    let label = encoded.expect("read from memory").label;
    (name, [label.to_frame(), frames.concat()].concat())
}

#[test]
fn a_second_content_is_read_to_its_end() {
    let story = Story::new();
    let segment = segment_name(story.between);
    let content: Vec<u8> =
        (0..200_000_u32).flat_map(|it| it.wrapping_mul(it).to_le_bytes()).collect();
    let (name, whole) = second(&segment, &content);
    let key =
        story.segment(story.between).replace(&format!("{segment}.zst"), &format!("{name}.zst"));
    let read = || {
        let outcome = story.verify(&story.both, &["--json"]);
        let json: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        json["read"]["wal_files"].as_u64().expect("a number")
    };
    let without = read();
    story.sides.iter().for_each(|side| side.put(&key, &whole));
    story.verify(&story.both, &[]).expect(0);
    assert_eq!(read(), without + 2);
    let spoils = format!(
        "no look at what a server had of {segment} behind the place where timeline 1 was left"
    );
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for side in &story.sides {
        let faulty = |bytes: &[u8], found: &str| {
            side.put(&key, bytes);
            let outcome = story.verify(&story.both, &[]);
            let lines = faults(outcome.expect(5));
            assert_eq!(lines.len(), 1, "{outcome}");
            let begin = format!("{}: {key}: ", side.name);
            assert!(lines[0].starts_with(&begin), "{outcome}");
            assert!(lines[0].contains(found) && lines[0].contains(&spoils), "{found} {outcome}");
            side.put(&key, &whole);
        };
        faulty(&flipped, "it can't be unpacked: ");
        faulty(&whole[..whole.len() / 2], "it can't be unpacked: ");
        let (other, another) = second(&segment, b"something else");
        faulty(
            &another,
            &format!("expected the object of {name}, found that of {other} with BLAKE3 "),
        );
    }
    story.verify(&story.both, &[]).expect(0);
    // An object of no length shows without being read.
    story.sides[1].put(&key, b"");
    let outcome = story.verify(&story.both, &["--quick"]);
    assert!(outcome.expect(5).stdout.contains("a WAL segment, found an empty object"), "{outcome}");
}
