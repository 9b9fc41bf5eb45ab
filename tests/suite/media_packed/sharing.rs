//! A content is sent once.

use std::fs;

use super::scene::{KINDS, S3, Scene};
use crate::media::trees::{facts, same};
use crate::scene::Store;
use crate::support::place::Place;

#[test]
fn the_same_content_is_kept_once_in_a_snapshot_and_in_the_next() {
    for (kind, encrypted) in KINDS {
        let mut scene = Scene::new(kind, encrypted);
        for number in 0..20 {
            scene.write(&format!("{number}"), format!("content {}", number % 4));
        }
        scene.write("empty", "");
        scene.write("empty too", "");
        let taken = scene.take();
        // Each of the five contents once.
        assert_eq!((taken.totals.files, taken.totals.new_files), (22, 5));
        let first = scene.packs();
        assert_eq!(first, ["media/uploads/20261122T203001Z-0000/data-00001.pack"]);
        let clear_size = scene.store().get(&first[0]).unwrap().len();
        assert!(encrypted || clear_size < 5 * 40, "{clear_size}");
        // Moved and added again.
        fs::rename(scene.source().join("1"), scene.source().join("moved")).unwrap();
        scene.write("again", "content 3");
        scene.take();
        assert_eq!(scene.packs(), first);
        scene.write("new", "something new");
        scene.take();
        assert_eq!(scene.packs().len(), 2);
        let description = scene.description(3);
        let earlier: Vec<_> = description.earlier.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(earlier, [Scene::id(1)]);
        let expected = facts(&scene.source());
        let to = scene.place.join("to");
        scene.restore(3, &to);
        same(&expected, &facts(&scene.restored(&to)));
    }
}

/// A host that holds no private key remembers its newest snapshot, and believes that only while it is one.
#[test]
fn a_host_without_private_key_shares_with_what_it_remembers() {
    let mut scene = Scene::new(S3, true);
    scene.state = Some(scene.place.join("state"));
    for number in 0..5 {
        scene.write(&format!("{number}"), format!("content {number}"));
    }
    scene.take_blind();
    scene.take_blind();
    assert_eq!(scene.packs().len(), 1);
    assert_eq!(scene.description(2).earlier.len(), 1);
    assert_eq!(scene.verify(2).problems.failures, 0);
    // Somebody else took one, of which nothing is remembered here.
    let state = scene.state.take();
    scene.take();
    scene.state = state;
    let taken = scene.take_blind();
    assert_eq!(taken.totals.read_files, 5);
    assert_eq!((scene.packs().len(), scene.description(4).earlier.len()), (2, 0));
    // Nothing is remembered at all.
    fs::remove_dir_all(scene.place.join("state")).unwrap();
    scene.take_blind();
    assert_eq!(scene.packs().len(), 3);
    assert_eq!(scene.verify(5).problems.failures, 0);
}

#[test]
fn what_is_remembered_is_for_its_owner_only_and_only_of_the_newest() {
    use std::os::unix::fs::PermissionsExt;
    let mut scene = Scene::new(S3, true);
    scene.state = Some(scene.place.join("state"));
    scene.write("a", "a");
    scene.take_blind();
    scene.take_blind();
    let folder = scene.place.join("state/media/uploads/first");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = ["contents.jsonl.zst", "index.jsonl.zst", "json"];
    assert_eq!(names, expected.map(|name| format!("{}.{name}", Scene::id(2))));
    let mode = fs::metadata(scene.place.join("state")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// One pass for both; what one lacks it gets, and one that does not answer is left out.
#[test]
fn several_repositories_get_what_each_of_them_lacks() {
    let place = Place::new();
    let stores = [(S3, false), (S3, true), (crate::scene::Kind::Local, true)];
    let stores = stores.into_iter().enumerate().map(|(number, (kind, encrypted))| {
        let store = Store::start(kind, &place);
        let table = store.table(&format!("store{number}"));
        (store, table, encrypted)
    });
    let mut scene = Scene::of(place.clone(), stores.collect());
    scene.write("a", "first");
    scene.take();
    let Store::Bucket(server) = &mut scene.stores[1] else { panic!("a bucket") };
    server.stop();
    scene.write("b", "second");
    let taken = scene.try_take().unwrap();
    let failed: Vec<String> = taken.failures.iter().map(|it| it.error.to_string()).collect();
    assert_eq!((taken.descriptions.len(), failed.len()), (2, 1), "{failed:?}");
    assert!(
        failed[0].starts_with("could not store the snapshot in repository store1: "),
        "{failed:?}"
    );
    let Store::Bucket(server) = &mut scene.stores[1] else { panic!("a bucket") };
    server.restart();
    let taken = scene.take();
    assert_eq!(taken.descriptions.len(), 3);
    let expected = facts(&scene.source());
    for repository in 0..3 {
        let to = scene.place.join(format!("to{repository}"));
        let all = seawall::media_backup::Selection::All;
        let restored = scene.try_restore(repository, &Scene::id(3), &to, &all).unwrap();
        assert_eq!(restored.problems.failures, 0, "{:?}", restored.problems);
        same(&expected, &facts(&scene.restored(&to)));
        let of_its_own = scene.description_in(repository, &Scene::id(3)).objects.len();
        assert_eq!(of_its_own, if repository == 1 { 4 } else { 3 }, "{repository}");
    }
}

/// Content for keys that are no longer wanted is not shared, and neither is content that is gone.
#[test]
fn what_can_not_be_shared_is_sent_again() {
    let mut scene = Scene::new(S3, false);
    scene.write("a", "first");
    scene.take();
    let pack = scene.packs()[0].clone();
    scene.store().delete(&pack);
    scene.take();
    assert_eq!(scene.packs().len(), 1);
    assert_eq!(scene.verify(2).problems.failures, 0);
    let key = format!("media/uploads/{}/backup.json", Scene::id(2));
    scene.store().damage(&key, |bytes| bytes.truncate(20));
    scene.take();
    assert_eq!(scene.verify(3).problems.failures, 0);
}
