//! What is owed comes from a good copy, wherever there is one: beside the note, in any other repository, or in `pg_wal`. What
//! is found bad on the way is named.

use super::OneOfTwo;
use super::settling::settle;
use crate::scene::{Kind as StoreKind, SHORT_LIMITS, Scene, Store, altered};
use crate::support::proxy::Fault;
use crate::support::run::Run;

/// It knows where the server's own files are.
fn settle_here(scene: &Scene) -> Run {
    settle(scene).arg("--data-directory").arg(scene.directory.path())
}

pub fn flip(store: &Store, key: &str) {
    store.damage(key, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
    });
}

/// The first three are owed to the bucket, and the copy of the second one is bad.
fn with_a_bad_copy() -> OneOfTwo {
    let both = OneOfTwo::new();
    both.bucket_does(Fault::Answer(503));
    both.pushes(0..3);
    both.proxy.clear();
    flip(&both.folder, &both.scene.clear_key(1));
    both
}

#[test]
fn where_the_good_copy_is_damaged_the_servers_own_file_is_one() {
    let both = with_a_bad_copy();
    let outcome = settle_here(&both.scene).run();
    let key = both.scene.clear_key(1);
    outcome.expect(5).shows("3 WAL files").says(&format!(
        "the copy of {} in repository disk is bad: could not copy",
        both.scene.name(1)
    ));
    outcome
        .says("; repository cloud has it from pg_wal. HINT: Move the object aside if there is one");
    assert_eq!(both.owed(&both.folder), [""; 0]);
    for number in 0..3 {
        both.bucket.holds(&both.scene.clear_key(number), both.scene.bytes(number));
    }
    settle_here(&both.scene).run().expect(0).shows("Nothing is owed.");
    // As the hint says.
    both.folder.delete(&key);
    let copy =
        both.scene.seawall("copy").args(["--from", "cloud", "--to", "disk", "--only", "wal"]);
    copy.run().expect(0);
    both.both_hold(3);
}

/// It knows `pg_wal`, because PostgreSQL names the file.
#[test]
fn a_push_takes_it_from_there_too() {
    let both = with_a_bad_copy();
    both.a_minute_later();
    for number in 3..6 {
        both.scene.has(number).push(number).args(SHORT_LIMITS).run().expect(0);
    }
    assert_eq!(both.owed(&both.folder), [""; 0]);
    for number in 0..6 {
        both.bucket.holds(&both.scene.clear_key(number), both.scene.bytes(number));
    }
}

/// PostgreSQL has used the file again: it is no good copy, and what is later waits.
#[test]
fn without_a_good_copy_nothing_later_is_paid_and_the_way_out_is_named() {
    for gone in [false, true] {
        let both = with_a_bad_copy();
        let (key, name) = (both.scene.clear_key(1), both.scene.name(1));
        match gone {
            true => both.folder.delete(&key),
            false => both.scene.directory.put(name, &altered(both.scene.bytes(1))),
        }
        if gone {
            std::fs::remove_file(both.scene.directory.wal(name)).unwrap();
        }
        let outcome = settle_here(&both.scene).run();
        outcome.expect(if gone { 11 } else { 5 });
        outcome.says("; no other repository has a good copy, and pg_wal has none");
        outcome.says("; nothing later of timeline 1 goes into repository cloud. HINT: Put a good copy into pg_wal");
        outcome.says(&format!("seawall drop-wal --repository cloud --until {name}."));
        assert_eq!(both.owed(&both.folder), [name, both.scene.name(2)]);
        assert_eq!(both.wal(&both.bucket), [both.scene.clear_key(0)]);
    }
}

/// One more folder: beside its note, and without any.
#[test]
fn any_repository_with_the_right_content_will_do() {
    for is_noted in [true, false] {
        let both = OneOfTwo::new();
        let other = Store::start(StoreKind::Local, &both.scene.place);
        let scene = Scene::in_place(&both.scene.place)
            .with("needed = 1")
            .with(&both.tables[0])
            .with(&other.table("other"))
            .with(&both.tables[1]);
        both.bucket_does(Fault::Answer(503));
        for number in 0..2 {
            scene.has(number).push(number).args(SHORT_LIMITS).run().expect(0);
        }
        both.proxy.clear();
        flip(&both.folder, &scene.clear_key(0));
        if !is_noted {
            let notes = other.keys().into_iter().filter(|key| key.starts_with("owed/"));
            notes.for_each(|key| other.delete(&key));
        }
        let outcome = settle(&scene).run();
        outcome.expect(5).says("in repository disk is bad").says("cloud has it from other.");
        both.bucket.holds(&scene.clear_key(0), scene.bytes(0));
        both.bucket.holds(&scene.clear_key(1), scene.bytes(1));
        assert_eq!(both.owed(&both.folder), [""; 0], "{is_noted}");
    }
}
