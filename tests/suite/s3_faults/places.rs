//! Where the requests go: endpoints with a path, prefixes with odd letters, stores that a variable names.

use super::Line;
use crate::scene::{Kind as StoreKind, Scene, Store, side_by_side};
use crate::support::place::Place;
use crate::support::proxy::Proxy;
use crate::support::s3::Kind;

/// As Supabase, radosgw and stores behind a reverse proxy have it.
#[test]
fn a_path_in_the_endpoint_comes_before_the_bucket() {
    for (path, first) in [
        ("/storage/v1/s3", "/storage/v1/s3/seawall-tests"),
        ("/storage/v1/s3/", "/storage/v1/s3/seawall-tests"),
        ("/s3//", "/s3/seawall-tests"),
        ("/", "/seawall-tests"),
        ("", "/seawall-tests"),
    ] {
        let place = Place::new();
        let store = Store::start(StoreKind::S3(Kind::Moto), &place);
        let proxy = Proxy::start(store.server().address());
        let table = store.table_at("s3", &format!("{}{path}", proxy.endpoint()));
        let scene = Scene::in_place(&place).with(&table);
        scene.has(0).push(0).arg("--limits-attempts=1").run();
        scene.fetch(0).arg("--limits-attempts=1").run();
        let requests = proxy.requests();
        assert!(requests.len() >= 2, "{path}: {requests:?}");
        for request in requests {
            let rest = request.path.strip_prefix(first);
            assert!(rest.is_some_and(|rest| rest.starts_with(['/', '?'])), "{path}: {request:?}");
        }
    }
}

#[test]
fn a_prefix_may_hold_an_at_sign_and_a_colon() {
    side_by_side(&["a:b@c", "x@y", "deep/er:@/z"], |prefix| {
        let line = Line::new(Kind::S3sFs);
        let table = line
            .store
            .table("s3")
            .replace("s3://seawall-tests", &format!("s3://seawall-tests/{prefix}"));
        let scene = Scene::in_place(&line.scene.place).with(&table);
        scene.has(0).push(0).run().expect(0);
        let keys = line.store.keys();
        assert!(keys.contains(&format!("{prefix}/{}", scene.clear_key(0))), "{keys:?}");
        scene.fetches(0);
    });
}

/// A note that a segment was taken along is about the store it went to, whoever named that.
#[test]
fn a_store_that_a_variable_names_is_not_vouched_for_by_another() {
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let place = Place::new();
        let [one, other] = [(); 2].map(|()| Store::start(StoreKind::S3(Kind::S3sFs), &place));
        let scene = Scene::in_place(&place).with("[[repository]]\nurl = \"s3://seawall-tests\"");
        scene.has_ready(4).push(0).env(name, one.server().endpoint()).run().expect(0);
        assert!(one.keys().contains(&scene.clear_key(1)), "{:?}", one.keys());
        scene.push(1).env(name, other.server().endpoint()).run().expect(0);
        other.holds(&scene.clear_key(1), scene.bytes(1));
    }
}

/// Stores with several tenants have a bucket of the same name for each.
#[test]
fn nor_by_the_same_store_as_somebody_else() {
    let place = Place::new();
    let store = Store::start(StoreKind::S3(Kind::Moto), &place);
    let scene = Scene::in_place(&place).with(&store.table("s3"));
    scene.has_ready(3).push(0).run().expect(0);
    store.delete(&scene.clear_key(1));
    scene.push(1).run().expect(0).does_not_say("archived segment");
    scene.push(1).env("AWS_ACCESS_KEY_ID", "ANOTHER").run().expect(0);
    store.holds(&scene.clear_key(1), scene.bytes(1));
}
