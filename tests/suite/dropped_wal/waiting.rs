//! What is dropped: what waits up to a segment, and nothing that is archived already.

use super::{TAKE_ONE, drop_wal, gaps, in_the_way, object};
use crate::scene::{Kind, Scene, Store, error, warnings};
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::user::server_account;

/// A repository that refuses everything, and another one that does not, if wanted.
fn scene(two: bool) -> (Scene, Store, Option<Store>) {
    let place = Place::new();
    let store = Store::start(Kind::Local, &place);
    in_the_way(&store);
    let scene = Scene::in_place(&place).with(&store.table("refusing"));
    match two.then(|| Store::start(Kind::Local, &place)) {
        None => (scene, store, None),
        Some(other) => (scene.with(&other.table("near")), store, Some(other)),
    }
}

#[test]
fn a_push_answers_for_what_was_dropped_and_for_nothing_else() {
    let (scene, store, _) = scene(false);
    scene.has_ready(5);
    let failed = scene.push(0).run();
    assert_ne!(failed.status, Some(0), "{failed}");

    let plan = drop_wal(&scene, 2).arg("--dry-run").run();
    plan.expect(0).shows(TAKE_ONE).shows("3 segments up to ").shows(scene.name(0));
    plan.shows("refusing: what it has of them is not known: ");
    assert_ne!(scene.push(0).run().status, Some(0));
    let unasked = drop_wal(&scene, 2).run();
    assert!(error(unasked.expect(2)).contains("there is no terminal to ask on"), "{unasked}");
    assert_ne!(scene.push(0).run().status, Some(0));

    let dropped = drop_wal(&scene, 2).args(["--yes", "--reason", "no room"]).run();
    dropped.expect(0).shows("Dropped 3 segments.").shows("refusing get it with the first push");
    for number in 0..3 {
        let pushed = scene.push(number).run();
        pushed.expect(0);
        assert!(warnings(&pushed)[0].contains("may remove it: somebody dropped it"), "{pushed}");
        scene.directory.mark_done(scene.name(number));
    }
    assert_ne!(scene.push(3).run().status, Some(0));
    // Its folder is there again, and gets what it missed.
    std::fs::remove_file(store.folder()).unwrap();
    scene.push(3).run().expect(0);
    assert_eq!(gaps(&store), [object(&scene, 0, 2)]);
    scene.push(4).run().expect(0);
    let held = (0..5).filter(|it| store.get(&scene.clear_key(*it)).is_some());
    assert_eq!(held.collect::<Vec<_>>(), [3, 4]);
    // Nothing is left that a push would look at.
    let left = scene.files_in("pg_wal/seawall");
    assert!(!left.contains(&"dropped.json".to_owned()), "{left:?}");
    assert!(!left.contains(&"gaps".to_owned()), "{left:?}");
    let nothing = drop_wal(&scene, 2).arg("--yes").run();
    nothing.expect(0).shows("there is nothing to drop");
}

/// A file of the same name with another content, as a copied data directory has it.
#[test]
fn another_file_of_the_name_was_not_dropped() {
    let (scene, _, _) = scene(false);
    scene.has_ready(2);
    drop_wal(&scene, 1).arg("--yes").run().expect(0);
    scene.directory.put(scene.name(0), scene.bytes(0));
    assert_ne!(scene.push(0).run().status, Some(0));
    scene.push(1).run().expect(0);
}

#[test]
fn what_every_repository_has_is_not_dropped_and_what_one_has_it_keeps() {
    let (scene, refusing, near) = scene(true);
    let near = near.expect("asked for");
    // One repository alone gets the file that was asked for.
    scene.has_ready(3);
    assert_ne!(scene.push(0).run().status, Some(0));
    assert!(near.get(&scene.clear_key(0)).is_some());
    let dropped = drop_wal(&scene, 2).arg("--yes").run();
    dropped.expect(0).shows("near: has 1 of the 3 segments, and keeps what it has");
    dropped.shows("The gap is written down in near. refusing get it");
    assert_eq!(gaps(&near), [object(&scene, 0, 2)]);
    for number in 0..3 {
        scene.push(number).run().expect(0);
    }
    near.holds(&scene.clear_key(0), scene.bytes(0));

    // Both have all of it, and PostgreSQL has not asked for it yet.
    std::fs::remove_file(refusing.folder()).unwrap();
    scene.has(3).push(3).run().expect(0);
    let nothing = drop_wal(&scene, 3).arg("--yes").run();
    nothing.expect(0).shows("there is nothing to drop");
}

#[test]
fn who_can_drop_nothing_is_told_why() {
    let (scene, _, _) = scene(true);
    scene.has_ready(2);
    let of = |words: &[&str]| scene.seawall("drop-wal").args(words).run();
    for (words, said) in [
        (
            &["--until", "00000002.history", "--yes"][..],
            "expected a WAL segment such as 0000000100000002000000A3 for --until, found \"00000002.history\"",
        ),
        (
            &["--until", scene.name(1), "--data-directory", "/nowhere", "--yes"],
            "expected a data directory of PostgreSQL at \"/nowhere\"",
        ),
        (
            &["--until", scene.name(1), "--repository", "/elsewhere", "--yes"],
            "expected one configured repository for --repository",
        ),
        (
            &["--until", scene.name(1), "--reason", &"x".repeat(201), "--yes"],
            "expected at most 200 characters for --reason, found 201",
        ),
    ] {
        let outcome = of(words);
        assert!(error(outcome.expect(2)).contains(said), "{outcome}");
    }
    if server_account().is_some() {
        let run = Run::new(&scene.place, env!("CARGO_BIN_EXE_seawall")).arg("drop-wal");
        let run = run.args(["--until", scene.name(1), "--yes", "--data-directory"]);
        let outcome = run.arg(scene.directory.path()).arg("--config").arg(scene.config()).run();
        assert!(
            error(outcome.expect(2)).contains("this process runs as another user"),
            "{outcome}"
        );
    }
    assert_eq!(
        scene.files_in("pg_wal/seawall").iter().filter(|it| *it == "dropped.json").count(),
        0
    );
}

/// PostgreSQL asks for files in an order, and for nothing behind one that fails.
#[test]
fn what_is_asked_for_before_is_dropped_too_or_named() {
    let (scene, store, _) = scene(false);
    scene.has_ready(2);
    let own = format!("{}.00000028.backup", scene.name(0));
    scene.directory.put(&own, b"START WAL LOCATION: 0/1000028");
    scene.directory.mark_ready(&own);
    scene.directory.put("00000005.history", b"1\t0/1000000\tno recovery target specified\n");
    scene.directory.mark_ready("00000005.history");
    let dropped = drop_wal(&scene, 1).arg("--yes").run();
    dropped.expect(0).shows("Beware: PostgreSQL asks for 00000005.history first");
    scene.push_file(&own).run().expect(0);
    assert_ne!(scene.push_file("00000005.history").run().status, Some(0));
    assert_eq!(gaps_of(&scene), [object(&scene, 0, 1)]);
    drop(store);
}

/// Those that wait on the host.
fn gaps_of(scene: &Scene) -> Vec<String> {
    scene.files_in("pg_wal/seawall/gaps")
}
