//! Other content in the target, damage in the source, and words that lead nowhere.

use super::{S3, Two, content, redis_backup};
use crate::scene::{Kind, altered};

/// The first other content stops the timeline, and all else is copied.
#[test]
fn a_line_of_another_server_is_not_gone_on_with() {
    for kind in [Kind::Local, S3] {
        let two = Two::new(Kind::Local, kind);
        let scene = &two.scene;
        scene.directory.put(scene.name(3), &altered(scene.bytes(3)));
        scene.push(3).args(["--repository", "b"]).run().expect(0);
        two.archives(6);
        redis_backup(&two.a, 1);
        let outcome = two.copy().run();
        outcome.expect(7).says("nothing was changed; no further WAL of timeline 1 was copied");
        outcome.says(&format!("could not copy {} from repository a to b", scene.name(3)));
        let keys = two.b.keys();
        let wal: Vec<&String> = keys.iter().filter(|key| key.starts_with("postgres/")).collect();
        assert_eq!(wal, [&scene.clear_key(3)]);
        assert_eq!(keys.len(), 3, "{keys:?}");
        two.b.holds(&scene.clear_key(3), &altered(scene.bytes(3)));
    }
}

#[test]
fn damage_in_the_source_does_not_come_over_and_the_rest_does() {
    for kind in [Kind::Local, S3] {
        let two = Two::new(kind, Kind::Local);
        two.archives(6);
        redis_backup(&two.a, 1);
        redis_backup(&two.a, 2);
        let damaged = two.scene.clear_key(2);
        two.a.damage(&damaged, |bytes| *bytes.last_mut().unwrap() ^= 1);
        let object = two.a.keys().into_iter().find(|key| key.ends_with(".rdb.zst")).unwrap();
        two.a.damage(&object, |bytes| bytes[0] ^= 1);
        let outcome = two.copy().run();
        outcome.expect(5).says(&format!("could not copy {} from", two.scene.name(2)));
        outcome.says("expected an object with SHA-256 ");
        let mut expected = content(&two.a);
        for key in [damaged, object.clone(), object.replace("dump.rdb.zst", "backup.json")] {
            expected.remove(&key);
        }
        assert_eq!(content(&two.b), expected);
    }
}

#[test]
fn an_object_in_the_way_of_a_backup_stays_and_is_said() {
    let two = Two::new(Kind::Local, Kind::Local);
    redis_backup(&two.a, 1);
    redis_backup(&two.a, 2);
    let objects: Vec<String> =
        two.a.keys().into_iter().filter(|key| key.ends_with(".rdb.zst")).collect();
    // Of the same length; and the object itself, which an earlier copy left.
    two.b.put(&objects[0], b"CONTENT 1");
    two.b.put(&objects[1], b"content 2");
    let outcome = two.copy().run();
    outcome.expect(7).says(&format!("something else is in the target at {}", objects[0]));
    assert_eq!(two.b.get(&objects[0]).as_deref(), Some(&b"CONTENT 1"[..]));
    let expected = [objects[0].clone(), objects[1].replace("dump.rdb.zst", "backup.json")];
    assert_eq!(two.b.keys(), [&expected[..], &objects[1..]].concat());
}

#[test]
fn words_that_lead_nowhere_get_an_answer() {
    let two = Two::new(Kind::Local, Kind::Local);
    let copy = || two.scene.seawall("copy");
    copy().args(["--from", "a", "--to", "c"]).run().expect(2).says(
        "expected the name of a repository for --to, found \"c\". HINT: The configuration has a, b.",
    );
    copy()
        .args(["--from", "a", "--to", "a"])
        .run()
        .expect(2)
        .says("expected two repositories, found a and a, which are one place");
    copy().args(["--from", "a"]).run().expect(2);
    two.copy().args(["--since", "tomorrow"]).run().expect(2);
    std::fs::remove_dir(two.b.folder()).unwrap();
    two.copy().run().expect(8).says("Is the disk mounted? For a new repository, make the folder");
}
