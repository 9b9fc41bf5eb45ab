//! Every object damaged in every way: neither a restore nor a verification lets it pass.

use seawall::backup::Catalogue;
use seawall::codec::Identities;
use seawall::media_backup::{Selection, SnapshotDescription};

use super::scene::{ALL, S3, SET, Scene};
use crate::scene::Kind;

const OBJECTS: [&str; 4] =
    ["data-00001.pack", "contents.jsonl.zst", "index.jsonl.zst", "backup.json"];
const DAMAGES: [&str; 4] = ["delete", "cut", "flip", "swap"];

fn scene(kind: Kind, encrypted: bool) -> Scene {
    let mut scene = Scene::new(kind, encrypted);
    for number in 0..40 {
        scene.write(&format!("{number}"), format!("content {number} ").repeat(number * 9));
    }
    scene.take();
    for number in 0..40 {
        scene.write(&format!("{number}"), format!("other {number} ").repeat(number * 9));
    }
    scene.take();
    scene
}

fn damage(scene: &Scene, id: &str, object: &str, damage: &str, other: &str) {
    let key = format!("media/uploads/{id}/{object}");
    match damage {
        "delete" => scene.store().delete(&key),
        "cut" => scene.store().damage(&key, |bytes| bytes.truncate(bytes.len() - 1)),
        // In the description a flip may hit a label: this one hits what matters.
        "flip" if object == "backup.json" => scene.store().damage(&key, |bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            let at = text.rfind("sha256").unwrap() + 12;
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        }),
        "flip" => scene.store().damage(&key, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x40;
        }),
        _ => {
            let other = scene.store().get(&format!("media/uploads/{other}/{object}")).unwrap();
            scene.store().damage(&key, |bytes| *bytes = other);
        }
    }
}

#[test]
fn no_damage_passes() {
    for (kind, encrypted) in [(Kind::Local, false), (Kind::Local, true), (S3, true)] {
        let scene = scene(kind, encrypted);
        let (id, other) = (Scene::id(2), Scene::id(1));
        for (number, object) in OBJECTS.into_iter().enumerate() {
            let encrypts = encrypted && object.contains(".zst");
            let object = format!("{object}{}", if encrypts { ".age" } else { "" });
            for way in DAMAGES {
                let key = format!("media/uploads/{id}/{object}");
                let whole = scene.store().get(&key).unwrap();
                damage(&scene, &id, &object, way, &other);
                let case = format!("{kind:?} {encrypted} {object} {way}");
                passes_nobody(&scene, &id, &object, &case, number);
                scene.store().put(&key, &whole);
            }
        }
        assert_eq!(scene.verify(2).problems.failures, 0);
    }
}

fn passes_nobody(scene: &Scene, id: &str, object: &str, case: &str, number: usize) {
    let to = scene.place.join(format!("to {case}"));
    if object == "backup.json" {
        return describes_nothing(scene, id, case);
    }
    let key = format!("media/uploads/{id}/{object}");
    let restored = scene.try_restore(0, id, &to, &Selection::All);
    match restored {
        Ok(restored) => {
            assert!(restored.problems.failures > 0, "{case}");
            let told = &restored.problems.told[0].message;
            assert!(told.contains(&format!("could not read {key} at ")), "{case}: {told}");
            let why = ["expected ", "unpacked", "the object is missing"];
            assert!(why.iter().any(|why| told.contains(why)), "{case}: {told}");
        }
        Err(error) => {
            assert!(number > 0, "{case}: {error}");
            let error = error.to_string();
            let why = ["expected ", "the object of "];
            let begins = |why: &&str| error.starts_with(&format!("could not read {key}: {why}"));
            assert!(why.iter().any(begins), "{case}: {error}");
        }
    }
    let verified = scene.verify(2);
    assert!(verified.problems.failures > 0, "{case}");
    let told: Vec<&str> =
        verified.problems.told.iter().map(|problem| problem.message.as_str()).collect();
    let why = ["expected an object", "the object is missing"];
    let named = why.map(|why| format!("could not verify {key:?}: {why}"));
    let any = told.iter().any(|it| named.iter().any(|named| it.starts_with(named)));
    assert!(any, "{case}: {told:?}");
    // And without the private key, going by the stored bytes.
    let blind = scene.try_verify(2, &Identities::default()).unwrap();
    assert!(blind.problems.failures > 0, "{case}");
}

/// It is no backup, or one of which something is wrong.
fn describes_nothing(scene: &Scene, id: &str, case: &str) {
    let series = Catalogue::<SnapshotDescription>::read(&scene.repositories, SET);
    let Some(backup) = series.backups.iter().find(|it| it.id == id) else {
        let broken = series.broken.iter().any(|it| it.id == id);
        let unfinished = series.unfinished.iter().any(|it| it.id == id);
        assert!(broken || unfinished, "{case}");
        return;
    };
    assert_eq!(backup.id, scene.description(2).id, "{case}");
    assert!(scene.verify(2).problems.failures > 0, "{case}");
}

/// A pack that is shared is looked at too.
#[test]
fn verify_reads_what_is_shared_with_earlier_snapshots() {
    let mut scene = scene(S3, false);
    scene.take();
    let key = format!("media/uploads/{}/data-00001.pack", Scene::id(2));
    scene.store().damage(&key, |bytes| bytes[70] ^= 1);
    let verified = scene.verify(3);
    assert_eq!(verified.problems.failures, 1);
    let told = &verified.problems.told[0].message;
    assert!(
        told.starts_with(&format!("could not verify {key:?}: expected an object with SHA-256 ")),
        "{told}"
    );
}

/// Names and sizes tell that of an earlier snapshot something is missing that this one needs.
#[test]
fn what_is_missing_of_an_earlier_snapshot_is_a_fault_of_the_later() {
    for (kind, encrypted) in [(S3, false), (Kind::Local, true)] {
        let mut scene = scene(kind, encrypted);
        scene.write("more", "more");
        scene.take();
        let pack = format!("{}/data-00001.pack", Scene::id(2));
        let key = format!("{ALL}{pack}");
        let faults = || {
            let series = Catalogue::<SnapshotDescription>::read(&scene.repositories, SET);
            let faults = series.backups.iter().map(|it| it.copies[0].fault.clone());
            faults.collect::<Vec<_>>()
        };
        assert_eq!(faults(), [None, None, None]);
        let whole = scene.store().get(&key).unwrap();
        scene.store().damage(&key, |bytes| bytes.truncate(100));
        let cut =
            |name: &str| Some(format!("expected {name} with {} bytes, found 100", whole.len()));
        assert_eq!(faults(), [None, cut("data-00001.pack"), cut(&pack)]);
        scene.store().delete(&key);
        let gone = |name: &str| Some(format!("{name} is missing"));
        assert_eq!(faults(), [None, gone("data-00001.pack"), gone(&pack)]);
        // The description of that one need not be there.
        scene.store().put(&key, &whole);
        scene.store().delete(&format!("{ALL}{}/backup.json", Scene::id(2)));
        assert_eq!(faults(), [None, None]);
    }
}
