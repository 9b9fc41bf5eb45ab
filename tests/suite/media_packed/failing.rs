//! A snapshot that fails in an orderly way is not taken for one that is under way.

use seawall::config::MediaSet;

use super::scene::{ALL, S3, Scene};
use crate::media_backups::story::Story;
use crate::scene::{Store, warnings};
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};

fn scene() -> (Scene, Proxy) {
    let place = Place::new();
    let store = Store::start(S3, &place);
    let proxy = Proxy::start(store.server().address());
    let table = store.table_at("first", &proxy.endpoint());
    let scene = Scene::of(place, vec![(store, table, false)]);
    scene.write("file", "content");
    (scene, proxy)
}

fn begun(scene: &Scene) -> bool {
    scene.store().get(&format!("{ALL}{}/begun.json", Scene::id(1))).is_some()
}

#[test]
fn what_fails_takes_back_that_it_had_begun() {
    for refused in ["data-00001.pack", "contents.jsonl.zst", "index.jsonl.zst", "list-type=2"] {
        let (mut scene, proxy) = scene();
        proxy.add(Rule::new(Fault::Answer(403)).path(refused));
        let error = scene.try_take().unwrap_err().to_string();
        assert!(
            error.starts_with("could not store the snapshot in repository first: "),
            "{refused}: {error}"
        );
        assert_eq!(scene.store().keys(), [""; 0], "{refused}");
        proxy.clear();
        scene.take();
        assert_eq!(scene.verify(2).problems.failures, 0);
    }
}

/// It is not the store's fault, and the store has nothing of it.
#[test]
fn a_set_that_can_not_be_read_leaves_nothing() {
    let (mut scene, _proxy) = scene();
    scene.set = MediaSet::new("uploads", &[scene.source()], &["a{b".into()]).unwrap();
    scene.try_take().unwrap_err();
    assert_eq!(scene.store().keys(), [""; 0]);
}

/// A host that may not delete says nothing of that, and leaves the note to whoever prunes.
#[test]
fn a_host_that_may_not_delete_says_only_what_is_wrong() {
    let (mut scene, proxy) = scene();
    proxy.add(Rule::new(Fault::Answer(403)).method("DELETE"));
    proxy.add(Rule::new(Fault::Answer(403)).path("data-00001.pack"));
    let error = scene.try_take().unwrap_err().to_string();
    assert!(error.contains("data-00001.pack"), "{error}");
    assert!(!error.contains("begun.json"), "{error}");
    assert!(begun(&scene));
}

/// The description may be stored whatever was answered, and it names the note.
#[test]
fn a_snapshot_that_may_exist_keeps_its_note() {
    let (mut scene, proxy) = scene();
    proxy.add(Rule::new(Fault::Answer(403)).method("PUT").path("backup.json"));
    scene.try_take().unwrap_err();
    assert!(begun(&scene));
}

/// The whole program: what it stored is gone, or it says where it stays.
#[test]
fn a_snapshot_that_fails_leaves_nothing_or_says_what() {
    let story = Story::with_files(3);
    let proxy = Proxy::start(story.s3.address());
    let create = || story.run(&["create"]).envs(proxy.environment(&story.s3)).run();
    let left = || -> Vec<String> {
        story.s3.keys().into_iter().filter(|key| key.contains("/media/")).collect()
    };
    let refuse = || proxy.add(Rule::new(Fault::Answer(403)).method("PUT").path("index.jsonl.zst"));
    refuse();
    let outcome = create();
    outcome.expect(9);
    assert!(proxy.count("PUT", "data-00001.pack") > 0, "{outcome}");
    assert_eq!(left(), [""; 0], "{outcome}");
    refuse();
    proxy.add(Rule::new(Fault::Answer(403)).method("DELETE"));
    let outcome = create();
    outcome.expect(9);
    let left = left();
    assert!(left.iter().any(|key| key.ends_with("/data-00001.pack")), "{left:?}");
    let id = left[0].rsplit('/').nth(1).expect("an id");
    let text =
        format!("what is left of {id} stays in repository s3 until `prune` removes it: DELETE ");
    assert!(warnings(&outcome).iter().any(|it| it.contains(&text)), "{outcome}");
}
