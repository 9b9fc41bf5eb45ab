//! What comes back is what was there.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use seawall::media_backup::Existing;

use super::scene::{DELTA, Scene, Wish};
use super::trees::{Random, facts, grow, same};

#[test]
fn any_tree_comes_back_as_it_was() {
    for seed in 0..12 {
        let mut scene = Scene::new();
        grow(&mut Random::of_seed(seed), &scene.source(), 120);
        let expected = facts(&scene.source());
        let taken = scene.take();
        assert_eq!(taken.problems.failures, 0, "{:?}", taken.problems);
        same(&expected, &facts(&scene.source()));
        assert_eq!(scene.verify(1).problems.failures, 0);
        let to = scene.join("to");
        let restored = scene.restore(1, &to, Existing::Refuse);
        assert_eq!(restored.problems.failures, 0, "{:?}", restored.problems);
        same(&expected, &facts(&scene.restored(&to)));
        let again = scene.restore(1, &to, DELTA);
        assert_eq!((again.written_files, again.problems.failures), (0, 0));
        same(&expected, &facts(&scene.restored(&to)));
    }
}

#[test]
fn a_set_goes_back_to_where_it_was() {
    let mut scene = Scene::new();
    grow(&mut Random::of_seed(100), &scene.source(), 80);
    let (expected, above) = (facts(&scene.source()), fs::metadata(scene.join("srv")).unwrap());
    scene.take();
    seawall::durable::remove_all(&scene.source()).unwrap_or_else(|error| panic!("{error}"));
    let restored = scene.restore_as(1, scene.original()).unwrap();
    assert_eq!(restored.problems.failures, 0, "{:?}", restored.problems);
    same(&expected, &facts(&scene.source()));
    let now = fs::metadata(scene.join("srv")).unwrap();
    assert_eq!((now.mode(), now.uid()), (above.mode(), above.uid()));
}

/// On a new host not even the folders above the set are there: they come back as they were.
#[test]
fn folders_on_the_way_are_made_as_they_were() {
    let mut scene = Scene::new();
    let path = scene.join("srv/app/data/uploads");
    scene.set =
        seawall::config::MediaSet::new("uploads", std::slice::from_ref(&path), &[]).unwrap();
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("file"), "content").unwrap();
    let modes = [("srv/app", 0o751), ("srv/app/data", 0o710), ("srv/app/data/uploads", 0o750)];
    for (folder, mode) in modes {
        fs::set_permissions(scene.join(folder), fs::Permissions::from_mode(mode)).unwrap();
    }
    scene.take();
    fs::remove_dir_all(scene.join("srv/app")).unwrap();
    let restored = scene.restore_as(1, scene.original()).unwrap();
    assert_eq!(restored.problems.failures, 0, "{:?}", restored.problems);
    assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "content");
    for (folder, mode) in modes {
        assert_eq!(fs::metadata(scene.join(folder)).unwrap().mode() & 0o777, mode, "{folder}");
    }
}

/// A set may be several paths, of which one is a file and one is reached through a link.
#[test]
fn files_and_links_may_be_paths_of_a_set() {
    let mut scene = Scene::new();
    let paths = ["srv/up", "srv/up-b", "etc/redis.conf", "srv/linked"].map(|it| scene.join(it));
    for folder in ["srv/up/x", "srv/up-b", "etc", "real"] {
        fs::create_dir_all(scene.join(folder)).unwrap();
    }
    for file in ["srv/up/x/1", "srv/up-b/2", "etc/redis.conf", "etc/other", "real/3"] {
        fs::write(scene.join(file), file).unwrap();
    }
    std::os::unix::fs::symlink("../real", scene.join("srv/linked")).unwrap();
    scene.set = seawall::config::MediaSet::new("uploads", &paths, &[]).unwrap();
    scene.take();
    let to = scene.join("to");
    let restored = scene.restore(1, &to, Existing::Refuse);
    assert_eq!(restored.problems.failures, 0, "{:?}", restored.problems);
    let at = |file: &str| super::scene::below(&to, &scene.join(file));
    for (file, content) in [
        ("srv/up/x/1", "srv/up/x/1"),
        ("srv/up-b/2", "srv/up-b/2"),
        ("etc/redis.conf", "etc/redis.conf"),
        ("srv/linked/3", "real/3"),
    ] {
        assert_eq!(fs::read_to_string(at(file)).unwrap(), content);
    }
    assert!(!at("etc/other").exists() && !at("real").exists());
    // To where they were, some of them gone: what lies beside a file of the set is nobody's business.
    fs::remove_file(scene.join("etc/redis.conf")).unwrap();
    fs::write(scene.join("real/3"), "changed").unwrap();
    fs::write(scene.join("real/4"), "new").unwrap();
    let wish = Wish { existing: DELTA, delete: true, ..scene.original() };
    let restored = scene.restore_as(1, wish).unwrap();
    assert_eq!((restored.written_files, restored.removed, restored.problems.failures), (2, 1, 0));
    assert_eq!(fs::read_to_string(scene.join("real/3")).unwrap(), "real/3");
    assert!(scene.join("etc/other").exists() && scene.join("srv/linked").is_symlink());
}
