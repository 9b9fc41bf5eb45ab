//! A part of a snapshot, over what is there, and what may go.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use seawall::config::MediaSet;
use seawall::media_backup::{Destination, Existing, Selection};

use super::scene::{DELTA, Scene, Wish};
use super::trees::{Random, facts, grow, same, set_mtime};

fn filled() -> Scene {
    let mut scene = Scene::new();
    for (file, content) in [("a/1.jpg", "one"), ("a/2.png", "two"), ("b/1.jpg", "three"), ("c", "")]
    {
        let file = scene.source().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
    fs::set_permissions(scene.source().join("a"), fs::Permissions::from_mode(0o750)).unwrap();
    scene.take();
    scene
}

#[test]
fn one_path_or_a_pattern_brings_its_part() {
    let scene = filled();
    let select = |selection: &Selection, to: &str, expected: &[&str]| {
        let to = scene.join(to);
        let wish = Wish { selection, ..scene.wish(Destination::Folder(&to)) };
        let restored = scene.restore_as(1, wish).unwrap();
        assert_eq!(restored.problems.failures, 0);
        let found = facts(&scene.restored(&to));
        let found: Vec<_> = found.keys().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(found, expected);
        let mode = fs::metadata(scene.restored(&to).join("a")).map(|it| it.mode() & 0o777);
        assert!(mode.is_err() || mode.unwrap() == 0o750);
    };
    let path = |name: &str| scene.source().join(name).into_os_string().into_encoded_bytes();
    select(&Selection::path(&path("a")).unwrap(), "one", &["", "a", "a/1.jpg", "a/2.png"]);
    select(&Selection::path(&path("b/1.jpg")).unwrap(), "two", &["", "b", "b/1.jpg"]);
    select(&Selection::pattern("*.jpg").unwrap(), "three", &["", "a", "a/1.jpg", "b", "b/1.jpg"]);
    let nothing = Selection::path(b"/srv/other").unwrap();
    let wish = Wish { selection: &nothing, ..scene.original() };
    assert_eq!(
        scene.restore_as(1, wish).unwrap_err().to_string(),
        format!(
            "snapshot {} of uploads has nothing of that name. HINT: Paths are those that the files had, \
             from / on; patterns are as in .gitignore.",
            Scene::id(1)
        )
    );
}

#[test]
fn nothing_is_replaced_without_being_asked() {
    let scene = filled();
    let changed = scene.source().join("a/1.jpg");
    fs::write(&changed, "changed").unwrap();
    fs::remove_file(scene.source().join("c")).unwrap();
    assert_eq!(
        scene.restore_as(1, scene.original()).unwrap_err().to_string(),
        format!(
            "files already exist: {changed:?} and 2 more. HINT: Use --delta to replace \
             what differs, also after a restore that was cut short."
        )
    );
    assert!(!scene.source().join("c").exists());
    // One that is gone can be had without touching the others.
    let path = scene.source().join("c").into_os_string().into_encoded_bytes();
    let selection = Selection::path(&path).unwrap();
    let restored = scene.restore_as(1, Wish { selection: &selection, ..scene.original() });
    assert_eq!(restored.unwrap().written_files, 1);
    assert_eq!(fs::read_to_string(&changed).unwrap(), "changed");
}

#[test]
fn delta_touches_only_what_differs() {
    let scene = filled();
    let expected = facts(&scene.source());
    let source = scene.source();
    let inode = |name: &str| fs::metadata(source.join(name)).unwrap().ino();
    let before = (inode("a/1.jpg"), inode("a/2.png"), inode("b/1.jpg"));
    fs::write(source.join("a/1.jpg"), "ONE").unwrap();
    fs::set_permissions(source.join("a/2.png"), fs::Permissions::from_mode(0o600)).unwrap();
    // Another content of the same length and time.
    let metadata = fs::metadata(source.join("b/1.jpg")).unwrap();
    fs::write(source.join("b/1.jpg"), "THREE").unwrap();
    set_mtime(&source.join("b/1.jpg"), metadata.mtime(), metadata.mtime_nsec() as u32);
    let restored = scene.restore_as(1, Wish { existing: DELTA, ..scene.original() }).unwrap();
    assert_eq!((restored.written_files, restored.written_size), (1, 3));
    let after = (inode("a/1.jpg"), inode("a/2.png"), inode("b/1.jpg"));
    assert!(before.0 != after.0 && before.1 == after.1 && before.2 == after.2);
    let existing = Existing::Delta { checksum: true };
    let restored = scene.restore_as(1, Wish { existing, ..scene.original() }).unwrap();
    assert_eq!(restored.written_files, 1);
    same(&expected, &facts(&source));
    let restored = scene.restore_as(1, Wish { existing: Existing::Replace, ..scene.original() });
    assert_eq!(restored.unwrap().written_files, 4);
    same(&expected, &facts(&source));
}

#[test]
fn what_the_snapshot_lacks_goes_only_when_asked_and_what_is_excluded_never() {
    let mut scene = Scene::new();
    scene.set = MediaSet::new("uploads", &[scene.source()], &["*.log".into()]).unwrap();
    grow(&mut Random::of_seed(30), &scene.source(), 50);
    let expected = facts(&scene.source());
    scene.take();
    let source = scene.source();
    fs::create_dir_all(source.join("new/inside")).unwrap();
    fs::create_dir_all(source.join("half")).unwrap();
    for file in ["new/inside/x", "new/y", "half/z", "half/kept.log", "kept.log"] {
        fs::write(source.join(file), "").unwrap();
    }
    symlink("/etc", source.join("new/link")).unwrap();
    let wish = Wish { existing: DELTA, ..scene.original() };
    assert_eq!(scene.restore_as(1, wish).unwrap().removed, 0);
    let restored = scene.restore_as(1, Wish { delete: true, ..wish }).unwrap();
    assert_eq!((restored.removed, restored.problems.failures), (6, 0), "{restored:?}");
    let mut found = facts(&source);
    for kept in ["half", "half/kept.log", "kept.log"] {
        found.remove(std::path::Path::new(kept)).unwrap();
    }
    same(&expected, &found);
    let refused = scene.restore_as(1, Wish { existing: Existing::Refuse, delete: true, ..wish });
    assert_eq!(
        refused.unwrap_err().to_string(),
        "--delete removes files: that needs --delta or --replace. HINT: Add --delta."
    );
}

#[test]
fn anything_may_be_in_the_way_of_anything() {
    let mut scene = Scene::new();
    let source = scene.source();
    fs::create_dir_all(source.join("folder/inside")).unwrap();
    fs::write(source.join("folder/inside/file"), "content").unwrap();
    fs::write(source.join("file"), "content").unwrap();
    fs::hard_link(source.join("file"), source.join("other")).unwrap();
    symlink("target", source.join("link")).unwrap();
    let expected = facts(&source);
    scene.take();
    fs::create_dir(scene.join("outside")).unwrap();
    fs::write(scene.join("outside/file"), "not ours").unwrap();
    let swap = || {
        fs::remove_dir_all(source.join("folder")).unwrap();
        symlink(scene.join("outside"), source.join("folder")).unwrap();
        for name in ["file", "other", "link"] {
            fs::remove_file(source.join(name)).unwrap();
        }
        symlink(scene.join("outside/file"), source.join("file")).unwrap();
        fs::create_dir(source.join("other")).unwrap();
        fs::create_dir_all(source.join("link/full")).unwrap();
    };
    swap();
    let wish = Wish { existing: DELTA, ..scene.original() };
    let restored = scene.restore_as(1, wish).unwrap();
    // A folder that is not empty goes only with leave to delete.
    assert_eq!(restored.problems.failures, 1, "{:?}", restored.problems);
    assert_eq!(
        restored.problems.told[0].message,
        format!(
            "could not restore {:?}: a folder is in its place, which --delete would remove",
            source.join("link")
        )
    );
    let restored = scene.restore_as(1, Wish { delete: true, ..wish }).unwrap();
    assert_eq!(restored.problems.failures, 0, "{:?}", restored.problems);
    same(&expected, &facts(&source));
    assert_eq!(fs::read_to_string(scene.join("outside/file")).unwrap(), "not ours");
    assert_eq!(fs::read_dir(scene.join("outside")).unwrap().count(), 1);
}

#[test]
fn content_that_is_wrong_is_said_and_not_put_in_place() {
    let scene = filled();
    let tree = scene.tree(&Scene::id(1));
    fs::write(tree.join("a/1.jpg"), "ONE").unwrap();
    fs::write(tree.join("a/2.png"), "two and more").unwrap();
    fs::remove_file(tree.join("b/1.jpg")).unwrap();
    let to = scene.join("to");
    let restored = scene.restore(1, &to, Existing::Refuse);
    let told: Vec<_> = restored.problems.told.iter().map(|it| it.message.clone()).collect();
    let at = |name: &str| scene.restored(&to).join(name);
    let (right, wrong) = (blake3::hash(b"one").to_hex(), blake3::hash(b"ONE").to_hex());
    assert_eq!(
        told,
        [
            format!(
                "could not restore {:?}: expected content with BLAKE3 {right}, found {wrong}",
                at("a/1.jpg")
            ),
            format!(
                "could not restore {:?}: expected 3 bytes of content, found more",
                at("a/2.png")
            ),
            format!(
                "could not restore {:?}: there is no file at {:?}",
                at("b/1.jpg"),
                tree.join("b/1.jpg")
            ),
        ]
    );
    let found = facts(&scene.restored(&to));
    let found: Vec<_> = found.keys().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(found, ["", "a", "b", "c"]);
}
