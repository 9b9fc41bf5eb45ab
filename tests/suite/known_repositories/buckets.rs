//! Buckets: other stores at the same address, and the same names at another one.

use super::{holds_first, is_not_the_one, no_wal, remove};
use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::s3;

const S3: Kind = Kind::S3(s3::Kind::S3sFs);

/// A store whose disk is not mounted shows an empty bucket.
#[test]
fn a_bucket_that_lost_all_takes_nothing() {
    for look_ahead in [0, 4] {
        let place = Place::new();
        let store = Store::start(S3, &place);
        let scene = Scene::in_place(&place).with(&store.table("cloud"));
        scene.has(0).push(0).run().expect(0);
        store.delete(&scene.clear_key(0));
        for number in 1..5 {
            scene.has(number).directory.mark_ready(scene.name(number));
        }
        let push = || scene.push(1).arg(format!("--wal-look-ahead={look_ahead}"));
        let outcome = push().run();
        let bucket = format!("s3://{}/", store.server().bucket());
        let file = is_not_the_one(&scene, &outcome, "cloud", &bucket, &no_wal(&scene));
        assert_eq!(store.keys(), [""; 0]);
        remove(&file);
        push().run().expect(0);
        assert_eq!(store.keys().len(), if look_ahead == 0 { 1 } else { 4 });
    }
}

/// The endpoint may come from the environment alone. What was noted of one store says nothing of the other.
#[test]
fn another_endpoint_in_the_environment_is_another_repository() {
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let place = Place::new();
        let (one, other) = (Store::start(S3, &place), Store::start(S3, &place));
        let bucket = one.server().bucket();
        let table = format!("[[repository]]\nname = \"cloud\"\nurl = \"s3://{bucket}\"\n");
        let scene = Scene::in_place(&place).with(&table);
        let push = |number: usize, store: &Store| -> Run {
            scene.push(number).env(variable, store.server().endpoint())
        };
        scene.has_ready(4);
        push(0, &one).run().expect(0);
        assert_eq!(scene.files_in("pg_wal/seawall/pushed").len(), 3);
        push(1, &other).arg("--wal-look-ahead=0").run().expect(0);
        assert_eq!(other.keys(), [scene.clear_key(1)], "{variable}");
        holds_first(&scene, &one, 4);
        // Each of them is known from now on.
        other.delete(&scene.clear_key(1));
        push(2, &other).run().expect(8).says("is not the one that took");
        push(2, &one).run().expect(0);
    }
}
