//! A fetch dies, or the process that prefetches; what they leave behind is never handed over unless it
//! is right.

use std::fs::{self, File};
use std::time::Duration;

use super::{FAILPOINT, dies_at};
use crate::scene::{Kind, Scene, Store, warnings};
use crate::support::place::Place;
use crate::support::s3;
use crate::support::wait::wait_until;

pub const POINTS: [&str; 4] =
    ["fetch.decoded", "fetch.renamed", "prefetch.decoded", "prefetch.published"];

const KINDS: [Kind; 2] = [Kind::Local, Kind::S3(s3::Kind::S3sFs)];

/// Enough that the window of a prefetch lies within the archive.
const SEGMENTS: usize = 20;

/// A host that recovers from an archive of twenty segments.
fn recovering(kind: Kind) -> (Scene, Store) {
    let place = Place::new();
    let store = Store::start(kind, &place);
    let primary = Scene::in_place(&place).with(&store.table("archive"));
    // One call looks ahead at the others as far as it gets.
    let ready = primary.has_ready(SEGMENTS);
    for number in 0..SEGMENTS {
        ready.push(number).run().expect(0);
    }
    assert_eq!(store.keys().len(), SEGMENTS);
    let scene = Scene::in_place(&place).with(&store.table("archive"));
    scene.directory.signal("recovery.signal");
    (scene, store)
}

#[test]
fn a_fetch_may_die_with_the_file_decoded_or_in_its_place() {
    for kind in KINDS {
        for point in ["fetch.decoded", "fetch.renamed"] {
            let (scene, _store) = recovering(kind);
            dies_at(scene.fetch(0).args(["--wal-prefetch", "0"]), point);
            let brought = scene.take_fetched();
            assert_eq!(brought.is_some(), point == "fetch.renamed");
            assert!(brought.is_none_or(|bytes| bytes == scene.bytes(0)));
            for number in [0, 1] {
                scene.fetches(number);
            }
            let left = scene.files_in("pg_wal");
            assert_eq!(left, ["archive_status", "seawall"], "{kind:?} {point}");
        }
    }
}

/// Whether no process prefetches for this data directory.
fn nobody_prefetches(scene: &Scene) -> bool {
    let lock = File::open(scene.directory.wal("seawall/prefetch.lock"));
    lock.is_ok_and(|file| file.try_lock().is_ok())
}

fn prefetched(scene: &Scene) -> Vec<String> {
    let folders = scene.files_in("pg_wal/seawall");
    let folder = folders.into_iter().find(|name| name.starts_with("prefetch-")).expect("a folder");
    let folder = format!("pg_wal/seawall/{folder}");
    scene.files_in(&folder).into_iter().map(|name| format!("{folder}/{name}")).collect()
}

/// Fetches the first segment and waits until the process that prefetches has died at this place:
/// alive it would stay for a minute, because there is more to fetch than fits its window.
fn prefetch_dies_at(scene: &Scene, point: &str) {
    scene.fetch(0).env(FAILPOINT, point).run().expect(0);
    assert!(scene.take_fetched().as_deref() == Some(scene.bytes(0)));
    let seen = || !prefetched(scene).is_empty() && nobody_prefetches(scene);
    wait_until("the prefetching process to die", Duration::from_secs(120), || {
        seen()
            && prefetched(scene)
                .iter()
                .any(|file| file.ends_with(".fetching") || file.ends_with(".label"))
    });
}

#[test]
fn a_prefetch_may_die_with_a_file_decoded_or_published() {
    for kind in KINDS {
        for point in
            ["prefetch.decoded", "prefetch.decoded:3", "prefetch.published", "prefetch.published:3"]
        {
            let (scene, _store) = recovering(kind);
            prefetch_dies_at(&scene, point);
            for number in 1..SEGMENTS {
                let outcome = scene.fetches(number);
                assert_eq!(warnings(&outcome), [""; 0], "{kind:?} {point}: {outcome}");
            }
            assert_eq!(scene.files_in("pg_wal"), ["archive_status", "seawall"]);
        }
    }
}

type Damage = fn(&mut Vec<u8>);

const DAMAGES: [(&str, Damage); 4] = [
    ("a byte flipped", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    }),
    ("cut", |bytes| bytes.truncate(bytes.len() / 2)),
    ("emptied", Vec::clear),
    ("of zeros", |bytes| bytes.fill(0)),
];

#[test]
fn a_prefetched_file_that_was_damaged_is_thrown_away_and_fetched_anew() {
    for (what, damage) in DAMAGES {
        for of_label in [false, true] {
            let (scene, _store) = recovering(Kind::Local);
            prefetch_dies_at(&scene, "prefetch.published:7");
            let mut damaged = 0;
            for file in prefetched(&scene) {
                let whole = file.rsplit('/').next().expect("a name").len() == 24;
                let wanted = if of_label { file.ends_with(".label") } else { whole };
                if wanted {
                    let path = scene.directory.path().join(&file);
                    let mut bytes = fs::read(&path).expect("prefetched");
                    damage(&mut bytes);
                    fs::write(&path, bytes).expect("root or owner");
                    damaged += 1;
                }
            }
            assert!(damaged >= 7, "{damaged} files {what}");
            let outcomes: Vec<_> = (1..SEGMENTS).map(|number| scene.fetches(number)).collect();
            let said =
                outcomes.iter().filter(|one| one.stderr.contains("threw away the prefetched"));
            assert!(said.count() >= 1, "{what}, label {of_label}");
        }
    }
}

/// The right bytes of a wrong segment, with the label that belongs to them.
#[test]
fn prefetched_files_that_changed_places_are_thrown_away() {
    let (scene, _store) = recovering(Kind::Local);
    prefetch_dies_at(&scene, "prefetch.published:7");
    let files = prefetched(&scene);
    let path = |number: usize, ending: &str| {
        let name = format!("/{}{ending}", scene.name(number));
        let file = files.iter().find(|file| file.ends_with(&name)).expect("prefetched");
        scene.directory.path().join(file)
    };
    for ending in ["", ".label"] {
        let (first, second) = (path(1, ending), path(2, ending));
        let between = first.with_extension("between");
        fs::rename(&first, &between).expect("our own folder");
        fs::rename(&second, &first).expect("our own folder");
        fs::rename(&between, &second).expect("our own folder");
    }
    for number in [1, 2] {
        scene.fetches(number).says("threw away the prefetched");
    }
}

/// A server that is process 1 of its container inherits the prefetching process, and takes any status
/// but 0 and 1 for the crash of a process of its own.
#[test]
fn a_prefetching_process_that_fails_exits_with_0() {
    let (scene, _store) = recovering(Kind::Local);
    for wrong in ["--wal-parallel=none", "--encryption-identity-file=/not/there"] {
        let status = scene.fetch(0).arg(wrong).run().status;
        assert!(status.is_some_and(|status| status >= 200), "{wrong}: {status:?}");
        let prefetching = scene.fetch(0).arg("--prefetch-segments-of=1048576").arg(wrong);
        prefetching.run().expect(0);
    }
}
