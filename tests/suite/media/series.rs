//! Snapshot after snapshot: each looks complete and costs what changed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use seawall::media_backup::Existing;

use super::scene::{Scene, take};
use super::trees::{Random, content, facts, grow, same, set_mtime};

/// Files that were changed longer ago than the second of the last snapshot.
fn let_the_second_pass() {
    std::thread::sleep(Duration::from_millis(1100));
}

fn inode(path: impl AsRef<Path>) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let all = facts(folder).into_keys().map(|path| folder.join(path));
    all.filter(|path| path.symlink_metadata().unwrap().is_file()).collect()
}

/// Changes some things, removes some, adds some.
fn change(random: &mut Random, top: &Path) {
    for file in files_below(top) {
        match random.below(8) {
            0 => fs::remove_file(&file).unwrap(),
            1 => {
                // In place, with the old length, and with the time set back.
                let metadata = fs::metadata(&file).unwrap();
                let bytes = content(random, metadata.len());
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
                fs::write(&file, bytes).unwrap();
                set_mtime(&file, metadata.mtime(), metadata.mtime_nsec() as u32);
            }
            2 => fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap(),
            _ => {}
        }
    }
    for folder in facts(top).into_keys().map(|path| top.join(path)).collect::<Vec<_>>() {
        if folder.symlink_metadata().is_ok_and(|it| it.is_dir()) && random.chance(4) {
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
            grow(random, &folder, 3);
        }
    }
}

#[test]
fn ten_snapshots_each_come_back() {
    let mut random = Random::of_seed(7);
    let mut scene = Scene::new();
    let mut states = Vec::new();
    grow(&mut random, &scene.source(), 60);
    for _ in 1..=10 {
        states.push(facts(&scene.source()));
        let taken = scene.take();
        assert_eq!(taken.problems.failures, 0, "{:?}", taken.problems);
        change(&mut random, &scene.source());
    }
    for (number, expected) in (1..).zip(&states) {
        let to = scene.join(&format!("to-{number}"));
        let restored = scene.restore(number, &to, Existing::Refuse);
        assert_eq!(restored.problems.failures, 0, "{:?}", restored.problems);
        same(expected, &facts(&scene.restored(&to)));
        assert_eq!(scene.verify(number).problems.failures, 0);
    }
}

#[test]
fn what_did_not_change_is_neither_read_nor_copied() {
    let mut scene = Scene::new();
    grow(&mut Random::of_seed(8), &scene.source(), 80);
    let_the_second_pass();
    scene.take();
    let_the_second_pass();
    let taken = scene.take();
    assert_eq!((taken.totals.read_files, taken.totals.new_files), (0, 0), "{:?}", taken.totals);
    let (one, two) = (scene.tree(&Scene::id(1)), scene.tree(&Scene::id(2)));
    for file in files_below(&one) {
        assert_eq!(inode(&file), inode(two.join(file.strip_prefix(&one).unwrap())), "{file:?}");
    }
    let taken = scene.try_take(true).unwrap();
    let totals = taken.totals;
    assert_eq!((totals.read_files, totals.new_files), (totals.files, 0), "{totals:?}");
    same(&facts(&two), &facts(&scene.tree(&Scene::id(3))));
}

/// Length and times as before, changed within the tick in which it was read: only the second of the snapshot
/// gives it away.
#[test]
fn what_changed_in_the_second_of_the_snapshot_is_read_again() {
    let mut scene = Scene::new();
    let file = scene.source().join("file");
    // On a busy machine a second may pass in between; then once more.
    let changed = loop {
        fs::write(&file, "old").unwrap();
        scene.take();
        let changed = fs::metadata(&file).unwrap().ctime();
        if scene.began() == changed {
            break changed;
        }
    };
    assert_eq!(scene.take().totals.read_files, 1);
    let_the_second_pass();
    let racy = u64::from(scene.began() == changed);
    assert_eq!(scene.take().totals.read_files, racy);
    let last = scene.take().totals;
    assert_eq!((last.read_files, last.new_files), (0, 0));
}

#[test]
fn a_file_that_was_only_touched_is_shared_and_one_with_other_rights_is_not() {
    let mut scene = Scene::new();
    let [touched, rights] = ["touched", "rights"].map(|name| scene.source().join(name));
    for file in [&touched, &rights] {
        fs::write(file, "content").unwrap();
        set_mtime(file, 1_000_000, 5);
    }
    scene.take();
    // Its ctime is new, nothing else.
    set_mtime(&touched, 1_000_000, 5);
    fs::set_permissions(&rights, fs::Permissions::from_mode(0o600)).unwrap();
    let totals = scene.take().totals;
    assert_eq!((totals.read_files, totals.new_files), (2, 1));
    let at = |number, name: &str| inode(scene.tree(&Scene::id(number)).join(name));
    assert_eq!(at(1, "touched"), at(2, "touched"));
    assert_ne!(at(1, "rights"), at(2, "rights"));
}

#[test]
fn a_damaged_tree_is_not_handed_on() {
    let mut scene = Scene::new();
    fs::write(scene.source().join("file"), "content").unwrap();
    let_the_second_pass();
    scene.take();
    let_the_second_pass();
    fs::write(scene.tree(&Scene::id(1)).join("file"), "cut").unwrap();
    assert_eq!(scene.take().totals.new_files, 1);
    let problems = scene.verify(1).problems;
    assert_eq!(
        problems.told[0].message,
        format!(
            "could not verify {:?}: expected 7 bytes, found 3",
            scene.tree(&Scene::id(1)).join("file")
        )
    );
    assert_eq!(scene.verify(2).problems.failures, 0);
    // Without an index of the snapshot before, everything is kept anew.
    let index = scene.join("repository/media/uploads").join(Scene::id(2)).join("index.jsonl.zst");
    fs::write(index, "damaged").unwrap();
    assert_eq!(scene.take().totals.new_files, 1);
}

/// A file system has a limit on the names of a file: ext4 65,000, XFS and tmpfs so many that nobody meets it.
#[test]
fn a_file_with_too_many_names_is_copied() {
    let mut scene = Scene::new();
    fs::write(scene.source().join("file"), "content").unwrap();
    let_the_second_pass();
    scene.take();
    let_the_second_pass();
    let (kept, names) = (scene.tree(&Scene::id(1)).join("file"), scene.join("names"));
    fs::create_dir(&names).unwrap();
    let full = (0..70_000).any(|name| fs::hard_link(&kept, names.join(name.to_string())).is_err());
    let totals = scene.take().totals;
    assert_eq!((totals.new_files, totals.read_files), (u64::from(full), u64::from(full)));
    assert_eq!(scene.verify(2).problems.failures, 0);
}

#[test]
fn latest_leads_to_the_newest_tree_and_the_tree_is_for_its_owner_only() {
    let mut scene = Scene::new();
    let file = scene.source().join("file");
    fs::write(&file, "content").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o4755)).unwrap();
    for number in 1..=2 {
        scene.take();
        let link = fs::read_link(scene.join("repository/media/uploads/latest")).unwrap();
        assert_eq!(link, Path::new(&Scene::id(number)).join("tree"));
        assert_eq!(fs::read_to_string(scene.latest().join("file")).unwrap(), "content");
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(&scene.latest().join("file")), 0o755);
    for folder in ["repository", "repository/media", "repository/media/uploads"] {
        assert_eq!(mode(&scene.join(folder)), 0o700);
    }
    let snapshot = scene.join("repository/media/uploads").join(Scene::id(1));
    assert_eq!(mode(&snapshot), 0o700);
    let error = take(&scene.root(), &scene.set, &Scene::id(1), None, false).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "snapshot {} already exists. HINT: Another one was begun in the same second; \
             try again.",
            Scene::id(1)
        )
    );
    assert!(snapshot.join("backup.json").exists());
}

#[test]
fn a_snapshot_is_removed_and_the_others_stay_whole() {
    let mut scene = Scene::new();
    grow(&mut Random::of_seed(9), &scene.source(), 60);
    let expected = facts(&scene.source());
    (0..3).for_each(|_| drop(scene.take()));
    let remove =
        || seawall::media_backup::local::remove_snapshot(&scene.root(), "uploads", &Scene::id(2));
    remove().unwrap();
    remove().unwrap();
    let mut left: Vec<_> = fs::read_dir(scene.join("repository/media/uploads"))
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [Scene::id(1), Scene::id(3), "latest".into()]);
    for number in [1, 3] {
        assert_eq!(scene.verify(number).problems.failures, 0);
        let to = scene.join(&format!("to-{number}"));
        scene.restore(number, &to, Existing::Refuse);
        same(&expected, &facts(&scene.restored(&to)));
    }
}
