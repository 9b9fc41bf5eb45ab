//! The same file is pushed again over a damaged object.

use super::{Cluster, DAMAGES, Damage, File, inflict, whole};
use crate::scene::{Kind, Store};
use crate::support::place::Place;
use crate::support::s3;

/// In a folder each object is read through. Deleted: archived anew. Another cluster's: other content.
fn status_in_folder(damage: Damage) -> i32 {
    match damage {
        Damage::Deleted => 0,
        Damage::Foreign => 7,
        _ => 5,
    }
}

/// A bucket's own word for an object is believed as long as the length is right: it keeps checksums
/// itself, and reading back all that is pushed again would cost too much. (A restore reads, and
/// notices.)
fn status_in_bucket(damage: Damage) -> i32 {
    match damage {
        Damage::Flipped(_) | Damage::LabelFlipped(_) => 0,
        _ => status_in_folder(damage),
    }
}

#[test]
fn a_push_over_a_damaged_object_in_a_folder_says_so() {
    each_damage(Kind::Local, status_in_folder);
}

#[test]
fn a_push_over_an_object_of_another_length_in_a_bucket_says_so() {
    each_damage(Kind::S3(s3::Kind::S3sFs), status_in_bucket);
}

fn each_damage(kind: Kind, status: fn(Damage) -> i32) {
    let place = Place::new();
    let store = Store::start(kind, &place);
    let cluster = Cluster::archived_in(&store, &place);
    let whole = whole(&store);
    for file in [File::Segment, File::History] {
        for damage in DAMAGES {
            inflict(damage, file, &store, &cluster);
            let before = store.get(&cluster.key(file));
            let outcome = cluster.scene.push_file(cluster.name(file)).run();
            let case = format!("{kind:?} {file:?} {damage:?}: {outcome}");
            assert_eq!(outcome.status, Some(status(damage)), "{case}");
            match before {
                None => store.holds(&cluster.key(file), cluster.content(file)),
                found => assert!(store.get(&cluster.key(file)) == found, "left alone, {case}"),
            }
            whole.iter().for_each(|(key, bytes)| store.put(key, bytes));
            let outcome = cluster.scene.push_file(cluster.name(file)).run();
            assert_eq!(outcome.status, Some(0), "mended, {case}: {outcome}");
        }
    }
}
