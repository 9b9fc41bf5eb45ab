//! One snapshot in several repositories is one moment: the files are read once, and what the first got as a tree the others get
//! as a copy. Snapshots of before may be of two moments, and no restore mixes them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::SystemTime;

use super::story::Story;

fn newest(story: &Story) -> String {
    story.listed().last().unwrap()["id"].as_str().unwrap().to_owned()
}

fn folder(story: &Story, id: &str) -> PathBuf {
    story.place.join("archive/media/uploads").join(id)
}

#[test]
fn files_that_change_all_the_time_are_the_same_in_both() {
    let story = Story::of(40, true);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                // Replaced, rewritten, gone and new: each at another place of the order.
                story.write("new", &format!("state {number}"));
                fs::rename(story.source.join("new"), story.source.join("2.jpg")).unwrap();
                story.write("30.jpg", &format!("picture {number}"));
                let _ = fs::remove_file(story.source.join(format!("z{}", number % 7)));
                story.write(&format!("z{}", number % 5), &format!("{number}"));
                story.write(&format!("1a{}", number % 3), &format!("{number}"));
            }
        });
        for _ in 0..4 {
            let outcome = story.run(&["create"]).run();
            assert!([Some(0), Some(4)].contains(&outcome.status), "{outcome}");
            let id = newest(&story);
            let local = story.restored_from("local", Some(&id));
            assert!(local.len() >= 38, "{local:?}");
            assert_eq!(story.restored_from("s3", Some(&id)), local);
            let outcome = story.run(&["show", &id, "--json"]).run();
            let shown: serde_json::Value = serde_json::from_str(&outcome.expect(0).stdout).unwrap();
            assert_eq!(shown["copies"].as_array().map(Vec::len), Some(2), "{shown}");
        }
        done.store(true, Ordering::Relaxed);
    });
    story.run(&["verify"]).run().expect(0);
}

/// The tree has a damaged file that the set still has as it was: a bucket that is new gets the right one.
#[test]
fn what_is_damaged_in_the_tree_is_not_copied() {
    let story = Story::of(3, false);
    story.run(&["create"]).run().expect(0);
    // What changes in the second of a snapshot counts as changed.
    thread::sleep(std::time::Duration::from_millis(1100));
    story.run(&["create"]).run().expect(0);
    let file = story.below(&folder(&story, &newest(&story)).join("tree")).join("1.jpg");
    damage(&file, "PICTURE 1");
    let config = fs::read_to_string(&story.config).unwrap().replace("/some\"", "/other\"");
    fs::write(&story.config, config).unwrap();
    story.run(&["create"]).run().expect(0);
    let id = newest(&story);
    let found = story.restored_from("s3", Some(&id));
    assert!(found.contains(&("1.jpg".to_owned(), "picture 1".to_owned())), "{found:?}");
}

/// Other bytes, with the length and the time that it had.
fn damage(file: &PathBuf, content: &str) {
    let before = fs::metadata(file).unwrap();
    fs::write(file, content).unwrap();
    let time = SystemTime::UNIX_EPOCH
        + std::time::Duration::new(before.mtime() as u64, before.mtime_nsec() as u32);
    fs::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
}

#[test]
fn two_moments_of_before_are_not_mixed() {
    let story = Story::of(3, false);
    story.run(&["create"]).run().expect(0);
    let id = newest(&story);
    let description = folder(&story, &id).join("backup.json");
    let mut told: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&description).unwrap()).unwrap();
    told["sum"] = "0".repeat(64).into();
    fs::write(&description, told.to_string()).unwrap();
    // The tree lacks a file: what the bucket has of it is of another moment.
    fs::remove_file(story.below(&folder(&story, &id).join("tree")).join("1.jpg")).unwrap();
    let to = story.place.join("to");
    let outcome = story.run(&["restore", &id, "--yes", "--to"]).arg(&to).run();
    outcome.expect(4).says(&format!(
        "the rest is not taken from repository s3: there {id} is of another moment"
    ));
    let found = story.restored_from("s3", Some(&id));
    assert!(found.contains(&("1.jpg".to_owned(), "picture 1".to_owned())), "{found:?}");
}
