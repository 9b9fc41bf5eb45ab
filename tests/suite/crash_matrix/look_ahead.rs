//! One call takes further segments along, and dies among them.

use super::{BYSTANDER, dies_at, holds_exactly, nothing_is_half};
use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::s3;

pub const NOTES: [&str; 4] = [
    "look-ahead.before-note",
    "look-ahead.noted",
    "look-ahead.before-note:2",
    "look-ahead.noted:2",
];

/// The second and third file of several under way.
const AMONG_OTHERS: [&str; 6] = [
    "push.encoded:2",
    "local.temporary-written:1",
    "local.published:2",
    "s3.after-put:4",
    "push.repository-done:3",
    "push.checked:4",
];

const SEGMENTS: usize = 5;

/// What the archiver does: it asks for each file until the answer is yes.
#[track_caller]
fn archive_all(scene: &Scene) {
    for number in 0..SEGMENTS {
        scene.push(number).run().expect(0);
        scene.directory.mark_done(scene.name(number));
    }
}

/// A note says that a file is durable in every repository; it must be true.
#[track_caller]
fn notes_are_true(scene: &Scene, stores: &[Store]) {
    for note in scene.files_in("pg_wal/seawall/pushed") {
        let Some(name) = note.strip_suffix(".json") else { continue };
        let number = (0..).find(|&number| scene.name(number) == name).expect("one of ours");
        for store in stores {
            store.holds(&scene.clear_key(number), scene.bytes(number));
        }
    }
}

#[test]
fn a_push_that_looks_ahead_may_die_anywhere() {
    let bucket = Kind::S3(s3::Kind::S3sFs);
    for kinds in [&[Kind::Local][..], &[bucket], &[Kind::Local, bucket]] {
        for point in NOTES.iter().chain(&AMONG_OTHERS) {
            let applies = (kinds.contains(&Kind::Local) || !point.starts_with("local."))
                && (kinds.contains(&bucket) || !point.starts_with("s3."));
            if applies {
                dies(kinds, point);
            }
        }
    }
}

fn dies(kinds: &[Kind], point: &str) {
    let place = Place::new();
    let stores: Vec<Store> = kinds.iter().map(|kind| Store::start(*kind, &place)).collect();
    stores.iter().for_each(|store| store.put(BYSTANDER, b"bystander"));
    let tables = stores.iter().zip(["first", "second"]).map(|(store, name)| store.table(name));
    let scene = tables.fold(Scene::in_place(&place), |scene, table| scene.with(&table));
    scene.has_ready(SEGMENTS);
    dies_at(scene.push(0), point);
    nothing_is_half(&scene, &stores);
    notes_are_true(&scene, &stores);
    archive_all(&scene);
    holds_exactly(&scene, &stores, SEGMENTS);
    assert_eq!(scene.files_in("pg_wal/seawall/pushed"), [""; 0], "notes are used up: {point}");
}
