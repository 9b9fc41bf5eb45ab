//! A folder and a bucket at once, and one of them in trouble.

use crate::scene::{
    Kind as StoreKind, SHORT, SHORT_LIMITS, Scene, Store, altered, error, side_by_side, warnings,
};
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::s3::Kind;

/// Both are configured in the order folder, bucket; the other host asks the bucket first.
struct Both {
    scene: Scene,
    bucket_first: Scene,
    folder: Store,
    bucket: Store,
    proxy: Proxy,
}

impl Both {
    fn new() -> Both {
        let place = Place::new();
        let folder = Store::start(StoreKind::Local, &place);
        let bucket = Store::start(StoreKind::S3(Kind::S3sFs), &place);
        let proxy = Proxy::start(bucket.server().address());
        let tables = [folder.table("disk"), bucket.table_at("cloud", &proxy.endpoint())];
        let scene = Scene::in_place(&place).with(&tables[0]).with(&tables[1]);
        let bucket_first = Scene::in_place(&place).with(&tables[1]).with(&tables[0]);
        Both { scene, bucket_first, folder, bucket, proxy }
    }

    /// With two segments archived in both.
    fn with_segments() -> Both {
        let both = Both::new();
        for number in [0, 1] {
            both.scene.has(number).push(number).run().expect(0);
        }
        both
    }

    #[track_caller]
    fn holds(&self, store: &Store) {
        store.holds(&self.scene.clear_key(0), self.scene.bytes(0));
        assert_eq!(store.keys(), [self.scene.clear_key(0)]);
    }
}

#[test]
fn a_push_goes_to_both() {
    let both = Both::new();
    let outcome = both.scene.has(0).push(0).run();
    outcome.expect(0).says("repository=\"disk\"").says("repository=\"cloud\"");
    both.holds(&both.folder);
    both.holds(&both.bucket);
}

/// PostgreSQL hands over the history when archiving is on as the timeline begins; here it was not.
#[test]
fn the_one_that_works_gets_the_history_of_a_timeline_and_its_wal() {
    let both = Both::new();
    let (name, mut bytes) = both.scene.wal.segments[0].clone();
    let name = format!("00000002{}", &name[8..]);
    // `xlp_tli` in the header of the first page (`xlog_internal.h`).
    bytes[4..8].copy_from_slice(&2_u32.to_ne_bytes());
    both.scene.directory.put(&name, &bytes);
    let history = b"1\t0/1000000\tno recovery target specified\n";
    both.scene.directory.put("00000002.history", history);
    let keys = [both.scene.key("00000002.history", ".zst"), both.scene.key(&name, ".zst")];
    let holds = |store: &Store| {
        store.holds(&keys[0], history);
        store.holds(&keys[1], &bytes);
    };
    both.proxy.add(Rule::new(Fault::Answer(500)));
    let outcome = both.scene.push_file(&name).args(SHORT_LIMITS).run();
    for file in ["00000002.history", &name] {
        outcome.expect(8).says(&format!("could not archive {file} in repository cloud: "));
    }
    holds(&both.folder);
    assert_eq!(both.bucket.keys(), [""; 0]);
    both.proxy.clear();
    both.scene.push_file(&name).run().expect(0);
    [&both.folder, &both.bucket].into_iter().for_each(holds);
}

#[test]
fn the_one_that_works_gets_its_copy_and_the_push_fails_until_both_have_it() {
    let faults = [Fault::Answer(500), Fault::Answer(403), Fault::Hang, Fault::CutBeforeAnswer];
    side_by_side(&faults, |&fault| {
        let both = Both::new();
        both.proxy.add(Rule::new(fault));
        let outcome = both.scene.has(0).push(0).args(SHORT_LIMITS).run();
        let status = if fault == Fault::Answer(403) { 9 } else { 8 };
        assert!(outcome.status == Some(status) && outcome.took < SHORT, "{fault:?}: {outcome}");
        let start = format!("could not archive {} in repository cloud: ", both.scene.name(0));
        assert!(error(&outcome).starts_with(&start), "{outcome}");
        both.holds(&both.folder);
        assert_eq!(both.bucket.keys(), [""; 0]);
        both.proxy.clear();
        let outcome = both.scene.push(0).run();
        outcome.expect(0).says("the same content is already archived");
        both.holds(&both.folder);
        both.holds(&both.bucket);
    });
}

#[test]
fn a_disk_that_is_not_mounted_fails_the_push_after_the_bucket_got_its_copy() {
    let both = Both::new();
    let Store::Folder(root) = &both.folder else { unreachable!("it is the folder") };
    let parent = root.parent().expect("a parent");
    std::fs::remove_dir(parent).expect("empty");
    let outcome = both.scene.has(0).push(0).run();
    outcome.expect(10);
    assert_eq!(
        error(&outcome),
        format!(
            "could not archive {} in repository disk: could not create folder {root:?}: No such file or \
             directory (os error 2). HINT: Is the disk mounted? The folder above it must exist.",
            both.scene.name(0)
        )
    );
    both.holds(&both.bucket);
}

#[test]
fn a_conflict_in_one_counts_more_than_an_outage_of_the_other() {
    let both = Both::new();
    both.scene.has(0).push(0).run().expect(0);
    both.scene.directory.put(both.scene.name(0), &altered(both.scene.bytes(0)));
    both.proxy.add(Rule::new(Fault::Answer(500)));
    let outcome = both.scene.push(0).args(SHORT_LIMITS).run();
    outcome.expect(7).says("in repository disk").says("in repository cloud");
    both.holds(&both.folder);
    both.holds(&both.bucket);
}

/// Nothing that one repository lacks is noted as archived.
#[test]
fn look_ahead_notes_nothing_that_one_of_them_lacks() {
    let both = Both::new();
    both.scene.has_ready(6);
    both.proxy.add(Rule::new(Fault::Answer(500)).path(both.scene.name(3)));
    both.scene.push(0).args(&SHORT_LIMITS[..7]).run().expect(0);
    let noted = both.scene.files_in("pg_wal/seawall/pushed");
    assert!(!noted.contains(&format!("{}.json", both.scene.name(3))), "{noted:?}");
    for note in noted {
        let name = note.trim_end_matches(".json");
        assert!(both.bucket.get(&both.scene.key(name, ".zst")).is_some(), "{name}");
    }
    both.scene.push(3).args(SHORT_LIMITS).run().expect(8);
    both.proxy.clear();
    for number in 0..6 {
        both.scene.push(number).run().expect(0);
        for store in [&both.folder, &both.bucket] {
            store.holds(&both.scene.clear_key(number), both.scene.bytes(number));
        }
    }
}

#[test]
fn a_fetch_falls_over_to_the_second_with_a_warning() {
    let both = Both::with_segments();
    let scene = &both.bucket_first;
    both.proxy.add(Rule::new(Fault::Hang));
    let outcome = scene.fetch(0).args(SHORT_LIMITS).run();
    assert!(outcome.status == Some(0) && outcome.took < SHORT, "{outcome}");
    assert!(scene.take_fetched().as_deref() == Some(scene.bytes(0)));
    let start = format!(
        "fetched it from repository disk: could not fetch {} from repository cloud: GET ",
        scene.name(0)
    );
    let warned = warnings(&outcome);
    assert!(warned.len() == 1 && warned[0].starts_with(&start), "{outcome}");
}

#[test]
fn a_damaged_copy_in_the_first_is_passed_over_with_a_warning() {
    let both = Both::with_segments();
    both.folder.damage(&both.scene.clear_key(0), |bytes| bytes[300] ^= 1);
    let outcome = both.scene.fetches(0);
    let expected = format!(
        "fetched it from repository cloud: could not fetch {} from repository disk: it can't be \
         unpacked: Restored data doesn't match checksum. HINT: {}",
        both.scene.name(0),
        seawall::storage::DAMAGED
    );
    assert_eq!(warnings(&outcome), [expected]);
}

#[test]
fn what_one_lacks_the_other_gives_without_a_word() {
    let both = Both::with_segments();
    both.folder.delete(&both.scene.clear_key(0));
    both.bucket.delete(&both.scene.clear_key(1));
    for scene in [&both.scene, &both.bucket_first] {
        for number in [0, 1] {
            assert_eq!(warnings(&scene.fetches(number)), [""; 0]);
        }
    }
}

#[test]
fn absent_in_one_and_in_trouble_in_the_other_is_never_the_end_of_the_wal() {
    let faults = [
        (Fault::Answer(500), 208),
        (Fault::Answer(403), 209),
        (Fault::Answer(404), 208),
        (Fault::Hang, 208),
        (Fault::CutBeforeAnswer, 208),
    ];
    let cases: Vec<_> =
        faults.iter().flat_map(|fault| [false, true].map(|first| (fault, first))).collect();
    side_by_side(&cases, |((fault, status), first)| {
        let both = Both::with_segments();
        both.proxy.add(Rule::new(*fault));
        let scene = if *first { &both.bucket_first } else { &both.scene };
        scene.directory.signal("recovery.signal");
        for file in [scene.name(2), "00000002.history"] {
            let outcome = scene.fetch_file(file).args(SHORT_LIMITS).run();
            assert_eq!(outcome.status, Some(*status), "{fault:?} {file}: {outcome}");
            assert!(scene.take_fetched().is_none() && outcome.took < SHORT, "{fault:?}: {outcome}");
        }
    });
}

#[test]
fn absent_in_both_is_the_end_and_a_later_segment_in_either_is_a_gap() {
    let both = Both::with_segments();
    for scene in [&both.scene, &both.bucket_first] {
        scene.fetch(2).args(SHORT_LIMITS).run().expect(1);
    }
    let gap = "in no repository, but segment";
    both.bucket.put(&both.scene.clear_key(4), b"whatever it is");
    for scene in [&both.scene, &both.bucket_first] {
        scene.fetch(2).args(SHORT_LIMITS).run().expect(211).says(gap);
    }
    both.bucket.delete(&both.scene.clear_key(4));
    both.folder.put(&both.scene.clear_key(4), b"whatever it is");
    for scene in [&both.scene, &both.bucket_first] {
        scene.fetch(2).args(SHORT_LIMITS).run().expect(211).says(gap);
    }
}
