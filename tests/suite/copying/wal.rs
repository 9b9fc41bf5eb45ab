//! WAL in every form that repositories keep it in.

use super::{S3, Two, content};
use crate::scene::{KeyPair, Kind};
use crate::support::place::Place;

const HISTORY: &str = "00000002.history";

/// In the clear and encrypted, in folders and in buckets; the private key is needed where something is to be opened.
#[test]
fn comes_over_into_every_form_and_once() {
    for (from, to) in [(Kind::Local, Kind::Local), (Kind::Local, S3), (S3, Kind::Local)] {
        for (encrypted, encrypts) in [(false, false), (false, true), (true, true), (true, false)] {
            let place = Place::new();
            let pair = KeyPair::new(&place);
            let key = pair.recipients_and_identity(&[&pair]);
            let more = [encrypted, encrypts].map(|it| format!("encrypt = {it}\n"));
            let two = Two::with(from, to, more.each_ref().map(String::as_str), &key);
            two.archives(6);
            let dry = two.copy().arg("--dry-run").run();
            dry.expect(0).shows("To be copied: 6 objects, ");
            assert_eq!(two.b.keys(), [""; 0]);
            two.copy().run().expect(0).shows("Copied 6 objects, ");
            two.b_restores(6);
            if encrypted == encrypts {
                assert_eq!(content(&two.a), content(&two.b));
            }
            let before = content(&two.b);
            two.copy().run().expect(0).shows("Nothing is lacking.\n");
            assert_eq!(content(&two.b), before);
        }
    }
}

/// What the target lacks in the middle and at its end, with all that belongs to segments.
#[test]
fn holes_are_filled_and_what_is_no_segment_comes_too() {
    let two = Two::new(Kind::Local, S3);
    two.archives(8);
    let scene = &two.scene;
    let (name, bytes) = scene.wal.backup_history.clone();
    scene.directory.put(&name, &bytes);
    let partial = format!("{}.partial", scene.name(7));
    scene.directory.put(&partial, scene.bytes(7));
    scene.directory.put(HISTORY, b"1\t0/F000000\tx\n");
    for name in [&name, &partial, HISTORY] {
        scene.push_file(name).args(["--repository", "a"]).run().expect(0);
    }
    // What a human gave up is known in the copy too.
    let gap = "{\"seawall\":1,\"timeline\":1,\"first\":\"000000010000000900000001\",\
               \"last\":\"000000010000000900000002\",\"when\":\"2026-11-30T22:10:00Z\",\"host\":\"db1\"}";
    let folder = format!("postgres/main/{}/gaps", scene.wal.system_identifier);
    let range = "000000010000000900000001-000000010000000900000002";
    two.a.put(&format!("{folder}/{range}.json"), gap.as_bytes());
    for number in [1, 2, 5] {
        let key = scene.clear_key(number);
        two.b.put(&key, &two.a.get(&key).unwrap());
    }
    two.copy().run().expect(0).shows("Copied 9 objects, ");
    let (mut a, mut b) = (content(&two.a), content(&two.b));
    let [gap_a, gap_b] = [&mut a, &mut b].map(|all| all.remove(&format!("{folder}/{range}.json")));
    let parsed = |bytes: Option<Vec<u8>>| -> serde_json::Value {
        serde_json::from_slice(&bytes.expect("there")).unwrap()
    };
    assert_eq!(parsed(gap_a), parsed(gap_b));
    assert_eq!(a, b);
}

/// The old keys open what is there, and only the new ones what comes.
#[test]
fn keys_are_exchanged_where_that_is_asked_for() {
    let place = Place::new();
    let (old, new) = (KeyPair::new(&place), KeyPair::new(&place));
    let two = Two::with(Kind::Local, Kind::Local, ["", ""], &old.recipients_and_identity(&[&old]));
    two.archives(3);
    let again = two.copy().arg("--reencrypt");
    again.args(["--encryption-recipients", &new.recipient]).run().expect(0);
    let identity = |pair: &KeyPair| format!("--encryption-identity-file={}", pair.file.display());
    let fetch = |pair: &KeyPair| {
        two.scene.fetch(1).args(["--repository", "b", "--wal-prefetch=0"]).arg(identity(pair)).run()
    };
    fetch(&new).expect(0);
    assert!(two.scene.take_fetched().as_deref() == Some(two.scene.bytes(1)));
    fetch(&old).expect(203).says("none of the keys in the identity file decrypts it");
}

#[test]
fn without_the_private_key_it_says_what_is_needed() {
    let place = Place::new();
    let pair = KeyPair::new(&place);
    let more = ["encrypt = true\n", "encrypt = false\n"];
    let two = Two::with(Kind::Local, Kind::Local, more, &KeyPair::recipients(&[&pair]));
    two.archives(2);
    let outcome = two.copy().run();
    outcome
        .expect(3)
        .says("that repository keeps its objects in the clear, so it has to be opened");
    outcome.says("HINT: Set encryption.identity_file to the file with the private key.");
    assert_eq!(two.b.keys(), [""; 0]);
}

/// A host that archives knows no private key: it copies what it can't read.
#[test]
fn encrypted_objects_are_copied_without_a_key() {
    let place = Place::new();
    let pair = KeyPair::new(&place);
    let two = Two::with(Kind::Local, S3, ["", ""], &KeyPair::recipients(&[&pair]));
    two.archives(4);
    two.copy().run().expect(0);
    assert_eq!(content(&two.a), content(&two.b));
}
