//! `media-backup`, killed anywhere: no half snapshot counts, and the same command once more does what it was
//! asked to.

use std::fs;

use super::story::Story;
use crate::media::crashes::{RESTORING, TAKING};
use crate::media_packed::crashes::TAKING as TAKING_PACKED;

const PRUNING: [&str; 4] =
    ["prune.before-delete", "prune.deleted", "prune.deleted:1", "prune.before-delete:3"];

const NOTHING_KEPT: [&str; 6] = [
    "--media-backup-keep-within=0s",
    "--media-backup-keep-last=0",
    "--media-backup-keep-daily=0",
    "--media-backup-keep-weekly=0",
    "--media-backup-keep-monthly=0",
    "--media-backup-keep-unfinished=0s",
];

#[test]
fn a_snapshot_that_is_cut_short_does_not_count() {
    let story = Story::with_files(9);
    story.run(&["create"]).run().expect(0);
    for (number, point) in TAKING.iter().chain(&TAKING_PACKED).enumerate() {
        // Something is shared with the snapshot before.
        for file in 1..9 {
            story.write(&format!("{file}.jpg"), &format!("{number} {file}"));
        }
        let expected = Story::contents(&story.source);
        let before = story.listed().len();
        let outcome = story.run(&["create"]).env("SEAWALL_FAILPOINT", point).run();
        assert_eq!(outcome.signal, Some(9), "{point}: {outcome}");
        // The folder comes first, so by the time of the packs it has its snapshot.
        let described = point.starts_with("packed") || *point == "media.described";
        let listed = story.listed();
        assert_eq!(listed.len() - before, usize::from(described), "{point}");
        if described {
            let newest = listed.last().unwrap();
            let id = newest["id"].as_str().unwrap();
            assert_eq!(story.restored_from("local", Some(id)), expected, "{point}");
            let in_bucket = ["packed.described", "packed.state-stored"].contains(point);
            let copies = newest["copies"].as_array().unwrap().len();
            assert_eq!(copies, 1 + usize::from(in_bucket), "{point}");
        }
        story.run(&["create"]).run().expect(0);
        let listed = story.listed();
        let id = listed.last().unwrap()["id"].as_str().unwrap();
        for repository in ["local", "s3"] {
            assert_eq!(story.restored_from(repository, Some(id)), expected, "{point}");
        }
    }
    story.run(&["verify"]).run().expect(0);
    std::thread::sleep(std::time::Duration::from_secs(1));
    story.run(&["prune", "--yes"]).args(NOTHING_KEPT).run().expect(0);
    let list = story.run(&["list"]).run();
    list.expect(0);
    assert!(!list.stdout.contains("unfinished"), "{list}");
    assert_eq!(story.listed().len(), 1);
    let expected = Story::contents(&story.source);
    for repository in ["local", "s3"] {
        assert_eq!(story.restored_from(repository, None), expected);
    }
}

#[test]
fn a_restore_that_is_cut_short_is_finished_by_the_next() {
    let story = Story::with_files(12);
    story.run(&["create"]).run().expect(0);
    let expected = Story::contents(&story.source);
    for repository in ["local", "s3"] {
        for point in RESTORING {
            let to = story.place.join(format!("{repository}-{point}"));
            let stray = story.below(&to).join("stray");
            fs::create_dir_all(&stray).unwrap();
            fs::write(stray.join("file"), "not of the snapshot").unwrap();
            crate::support::user::hand_over(&to);
            let words = ["restore", "--repository", repository, "--yes", "--delta", "--delete"];
            let restore = || story.run(&words).arg("--to").arg(&to);
            let outcome = restore().env("SEAWALL_FAILPOINT", point).run();
            assert_eq!(outcome.signal, Some(9), "{repository} {point}: {outcome}");
            restore().run().expect(0);
            assert!(!stray.exists(), "{repository} {point}");
            assert_eq!(Story::contents(&story.below(&to)), expected, "{repository} {point}");
        }
    }
}

#[test]
fn a_prune_that_is_cut_short_is_finished_by_the_next() {
    for point in PRUNING {
        let story = Story::with_files(4);
        for number in 0..3 {
            story.write("0.jpg", &format!("picture of snapshot {number}"));
            story.run(&["create"]).run().expect(0);
        }
        let expected = Story::contents(&story.source);
        let prune = || story.run(&["prune", "--yes"]).args(NOTHING_KEPT);
        let outcome = prune().env("SEAWALL_FAILPOINT", point).run();
        assert_eq!(outcome.signal, Some(9), "{point}: {outcome}");
        story.run(&["verify"]).run().expect(0);
        for repository in ["local", "s3"] {
            assert_eq!(story.restored_from(repository, None), expected, "{point}");
        }
        std::thread::sleep(std::time::Duration::from_millis(1100));
        prune().run().expect(0);
        assert_eq!(story.listed().len(), 1, "{point}");
        story.run(&["verify"]).run().expect(0);
        assert!(!story.run(&["list"]).run().stdout.contains("unfinished"), "{point}");
        for repository in ["local", "s3"] {
            assert_eq!(story.restored_from(repository, None), expected, "{point}");
        }
    }
}
