//! One segment, to a folder, to a bucket, and to both at once.

use super::{BYSTANDER, dies_at, holds_exactly, nothing_is_half};
use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::s3;

const S3: Kind = Kind::S3(s3::Kind::S3sFs);

/// Every place that a push of one segment comes past, and how often it does.
const EVERYWHERE: [&str; 3] = ["push.checked", "push.encoded", "push.repository-done"];
const LOCAL: [&str; 5] = [
    "local.temporary-created",
    "local.temporary-written",
    "local.temporary-synced",
    "local.published",
    "local.folder-synced",
];
/// The probe makes two PUTs before the one of the segment.
const BUCKET: [&str; 6] = [
    "s3.before-put",
    "s3.after-put",
    "s3.before-put:1",
    "s3.after-put:1",
    "s3.before-put:2",
    "s3.after-put:2",
];

fn stores(kinds: &[Kind], place: &Place) -> Vec<Store> {
    let start = |kind: &Kind| {
        let store = Store::start(*kind, place);
        store.put(BYSTANDER, b"bystander");
        store
    };
    kinds.iter().map(start).collect()
}

fn scene(stores: &[Store], place: &Place) -> Scene {
    let tables = stores.iter().zip(["first", "second"]).map(|(store, name)| store.table(name));
    tables.fold(Scene::in_place(place), |scene, table| scene.with(&table))
}

#[test]
fn a_push_to_a_folder_may_die_anywhere() {
    dies_everywhere(&[Kind::Local], &[&EVERYWHERE[..], &LOCAL].concat());
}

#[test]
fn a_push_to_a_bucket_may_die_anywhere() {
    dies_everywhere(&[S3], &[&EVERYWHERE[..], &BUCKET].concat());
}

#[test]
fn a_push_to_both_may_die_anywhere() {
    let second = ["push.repository-done:1"];
    dies_everywhere(&[Kind::Local, S3], &[&EVERYWHERE[..], &second, &LOCAL, &BUCKET].concat());
}

fn dies_everywhere(kinds: &[Kind], places: &[&str]) {
    for point in places {
        let place = Place::new();
        let stores = stores(kinds, &place);
        let scene = scene(&stores, &place);
        dies_at(scene.has(0).push(0), point);
        nothing_is_half(&scene, &stores);
        let again = scene.push(0).run();
        assert_eq!(again.status, Some(0), "after {point}: {again}");
        holds_exactly(&scene, &stores, 1);
        opens_with_the_real_program(&scene, &stores);
        // And once more, as PostgreSQL does when it died before it noted our yes.
        scene.push(0).run().expect(0);
        holds_exactly(&scene, &stores, 1);
        scene.fetches(0);
    }
}

fn opens_with_the_real_program(scene: &Scene, stores: &[Store]) {
    for store in stores {
        let stored = store.get(&scene.clear_key(0)).expect("archived");
        let file = scene.place.file("stored.zst", stored);
        let plain = scene.place.join("plain");
        let unpack = Run::new(&scene.place, "zstd").args(["-q", "-d", "-f", "-o"]);
        unpack.arg(&plain).arg(file).run().expect(0);
        assert!(std::fs::read(&plain).expect("unpacked") == scene.bytes(0));
    }
}

/// Killed in a folder whose repository is not there yet: the way down to it is made durable anew.
#[test]
fn the_first_push_of_all_may_die_before_its_folders_are_used() {
    for point in LOCAL {
        let place = Place::new();
        let store = Store::start(Kind::Local, &place);
        let scene = Scene::in_place(&place).with(&store.table("local"));
        dies_at(scene.has(0).push(0), point);
        scene.push(0).run().expect(0);
        store.holds(&scene.clear_key(0), scene.bytes(0));
        assert_eq!((store.keys(), store.leftovers()), (vec![scene.clear_key(0)], vec![]));
    }
}

/// The matrices together leave out no place that the program has.
#[test]
fn every_failpoint_is_in_a_matrix() {
    let wal = [
        &EVERYWHERE[..],
        &LOCAL,
        &BUCKET,
        &super::look_ahead::NOTES,
        &super::fetch::POINTS,
        &crate::owed::crashes::POINTS,
    ];
    let restores = crate::base_backups::crashes::all_points();
    let media = [&crate::media::crashes::TAKING[..], &crate::media::crashes::RESTORING].concat();
    let base_backups = [
        &media[..],
        &crate::media_packed::crashes::TAKING,
        &crate::base_backups::faults::POINTS[..],
        &crate::copying::crashes::POINTS,
        &crate::retention::interrupted::POINTS,
        &crate::redis_backups::crashes::POINTS,
        &restores,
        &crate::drill::crashes::POINTS,
        &crate::dropped_wal::interrupted::POINTS,
    ];
    let all: Vec<&str> = [wal.concat(), base_backups.concat()]
        .concat()
        .iter()
        .map(|point| point.split(':').next().expect("a name"))
        .collect();
    for name in seawall::failpoint::NAMES {
        assert!(all.contains(name), "no test dies at {name}");
    }
}
