//! Where one store has both repositories it copies by itself: no object comes to this host and goes back.

use super::{LIMIT, redis_backup};
use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::proxy::Proxy;
use crate::support::s3;

/// Fronts of objects, descriptions and records are read, and nothing longer.
#[test]
fn no_object_goes_through_the_host() {
    for kind in [s3::Kind::S3sFs, s3::Kind::Moto] {
        let place = Place::new();
        let store = Store::start(Kind::S3(kind), &place);
        let proxy = Proxy::start(store.server().address());
        let url = format!("s3://{}", store.server().bucket());
        let mut scene = Scene::in_place(&place);
        for name in ["a", "b"] {
            let endpoint = proxy.endpoint();
            scene = scene.with(&format!(
                "[[repository]]\nname = {name:?}\nurl = \"{url}/{name} here\"\nendpoint = {endpoint:?}\n"
            ));
        }
        for number in 0..5 {
            let push = scene.has(number).push(number);
            push.args(["--repository", "a"]).run().expect(0);
        }
        let before = proxy.requests().len();
        let copy = || scene.seawall("copy").args(["--from", "a", "--to", "b"]).limit(LIMIT).run();
        copy().expect(0).shows("Copied 5 objects, ");
        let requests = proxy.requests().split_off(before);
        let copied =
            |it: &&crate::support::proxy::Recorded| it.header("x-amz-copy-source").is_some();
        assert_eq!(requests.iter().filter(copied).count(), 5, "{kind:?}");
        let sent: u64 = requests.iter().map(|it| it.body_bytes).sum();
        assert!(sent < 1000, "{kind:?}: {sent} bytes were sent");
        let gets = requests.iter().filter(|it| it.method == "GET" && it.path.contains(".zst"));
        for get in gets {
            assert_eq!(get.header("range"), Some("bytes=0-4095"), "{kind:?}: {}", get.path);
        }
        for number in 0..5 {
            scene.fetch(number).args(["--repository", "b"]).run().expect(0);
            assert!(scene.take_fetched().as_deref() == Some(scene.bytes(number)), "{kind:?}");
        }
        copy().expect(0).shows("Nothing is lacking.\n");
    }
}

/// Objects of backups too, each of the length that the description says.
#[test]
fn backups_are_copied_in_the_store() {
    let place = Place::new();
    let store = Store::start(Kind::S3(s3::Kind::S3sFs), &place);
    let (url, endpoint) = (format!("s3://{}", store.server().bucket()), store.server().endpoint());
    let mut scene = Scene::in_place(&place);
    for (name, place) in [("a", ""), ("b", "/second")] {
        scene = scene.with(&format!(
            "[[repository]]\nname = {name:?}\nurl = \"{url}{place}\"\nendpoint = {endpoint:?}\n"
        ));
    }
    redis_backup(&store, 1);
    redis_backup(&store, 2);
    let cut = "redis/main/20261101T000002Z-0000/dump.rdb.zst";
    store.damage(cut, |bytes| bytes.truncate(3));
    let copy = scene.seawall("copy").args(["--from", "a", "--to", "b"]).limit(LIMIT).run();
    copy.expect(5).says("is not whole in repository a");
    let copied: Vec<String> =
        store.keys().into_iter().filter(|it| it.starts_with("second/redis/")).collect();
    let folder = "second/redis/main/20261101T000001Z-0000";
    assert_eq!(copied, [format!("{folder}/backup.json"), format!("{folder}/dump.rdb.zst")]);
}
