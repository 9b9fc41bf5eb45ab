//! `seawall settle`: what is owed is paid, in order, whatever happened meanwhile.

use super::OneOfTwo;
use crate::scene::{SHORT_LIMITS, Scene};
use crate::support::proxy::Fault;
use crate::support::run::Run;

const LIMITS: [&str; 4] = [
    "--limits-connect-timeout=500ms",
    "--limits-request-timeout=1s",
    "--limits-total-timeout=6s",
    "--limits-attempts=3",
];

pub fn settle(scene: &Scene) -> Run {
    scene.seawall("settle").args(LIMITS)
}

#[test]
fn all_that_is_owed_is_paid_in_order() {
    let both = OneOfTwo::new();
    let nothing = settle(&both.scene).run();
    nothing.expect(8).says("does not exist");
    both.pushes([0]);
    settle(&both.scene).run().expect(0).shows("Nothing is owed.");
    both.bucket_does(Fault::Answer(503));
    both.pushes(1..8);
    let look = settle(&both.scene).arg("--dry-run").run();
    look.expect(8).shows("cloud").shows("7 WAL files");
    settle(&both.scene).run().expect(8);
    both.proxy.clear();
    let outcome = settle(&both.scene).run();
    outcome.expect(0).shows("7 WAL files");
    assert_eq!(both.owed(&both.folder), [""; 0]);
    for number in 0..8 {
        both.bucket.holds(&both.scene.clear_key(number), both.scene.bytes(number));
    }
    let puts: Vec<String> = both
        .proxy
        .requests()
        .into_iter()
        .filter(|one| {
            one.method == "PUT" && one.path.contains("/wal/") && !one.path.contains("/owed/")
        })
        .map(|one| one.path)
        .collect();
    assert!(puts.is_sorted(), "{puts:?}");
    settle(&both.scene).run().expect(0).shows("Nothing is owed.");
}

/// Of an encrypted repository a host without the private key carries the stored bytes.
#[test]
fn encrypted_copies_are_carried_without_a_private_key() {
    let both = OneOfTwo::new();
    let pair = crate::scene::KeyPair::new(&both.scene.place);
    let scene = Scene::in_place(&both.scene.place)
        .with("needed = 1")
        .with(&crate::scene::KeyPair::recipients(&[&pair]))
        .with(&both.tables[0])
        .with(&both.tables[1]);
    both.bucket_does(Fault::Answer(503));
    for number in 0..2 {
        scene.has(number).push(number).args(SHORT_LIMITS).run().expect(0);
    }
    both.proxy.clear();
    settle(&scene).run().expect(0);
    for number in 0..2 {
        let key = scene.key(scene.name(number), ".zst.age");
        assert!(both.bucket.get(&key).is_some_and(|bytes| Some(bytes) == both.folder.get(&key)));
    }
}

/// The repository has another place now, and the old name.
#[test]
fn one_that_moved_is_paid_under_its_name() {
    let both = OneOfTwo::new();
    both.bucket_does(Fault::Answer(503));
    both.pushes([0, 1]);
    let moved = crate::support::proxy::Proxy::start(both.bucket.server().address());
    let table = both.bucket.table_at("cloud", &moved.endpoint());
    let scene =
        Scene::in_place(&both.scene.place).with("needed = 1").with(&both.tables[0]).with(&table);
    settle(&scene).run().expect(0);
    assert_eq!(both.owed(&both.folder), [""; 0]);
    both.bucket.holds(&both.scene.clear_key(1), both.scene.bytes(1));
}

#[test]
fn one_that_is_not_configured_any_more_is_named() {
    let both = OneOfTwo::new();
    both.bucket_does(Fault::Answer(503));
    both.pushes([0]);
    let scene = Scene::in_place(&both.scene.place).with(&both.tables[0]);
    let outcome = settle(&scene).run();
    outcome.expect(3).says(
        "repository cloud (s3://seawall-tests/) is owed 1 WAL file and is not configured here. HINT: Configure it again, or \
         delete its notes below owed/ if it is gone for good.",
    );
    assert_eq!(both.owed(&both.folder), [both.scene.name(0)]);
}

/// Who has nothing but the one that was away reads there that it lacks something.
#[test]
fn a_repository_that_is_back_says_up_to_where_it_is_owed() {
    let both = OneOfTwo::new();
    both.pushes([0]);
    both.bucket_does(Fault::Answer(503));
    both.pushes(1..4);
    both.proxy.clear();
    // It takes notes and no WAL.
    both.proxy.add(
        crate::support::proxy::Rule::new(Fault::Answer(503))
            .method("PUT")
            .path("/wal/0000000100000000/"),
    );
    settle(&both.scene).run().expect(8);
    assert_eq!(both.owed(&both.bucket), [both.scene.name(3)]);
    both.proxy.clear();
    settle(&both.scene).run().expect(0);
    assert_eq!(both.owed(&both.bucket), [""; 0]);
}

/// What is damaged in the one that has it is not passed over, and not passed on.
#[test]
fn a_damaged_good_copy_stops_its_timeline() {
    let both = OneOfTwo::new();
    both.bucket_does(Fault::Answer(503));
    both.pushes(0..3);
    both.proxy.clear();
    both.folder.damage(&both.scene.clear_key(1), |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
    });
    let outcome = settle(&both.scene).run();
    outcome.expect(5).says("nothing later of timeline 1 goes into repository cloud");
    assert_eq!(both.owed(&both.folder), [both.scene.name(1), both.scene.name(2)]);
    let cloud = both.wal(&both.bucket);
    assert_eq!(cloud, [both.scene.clear_key(0)]);
}
