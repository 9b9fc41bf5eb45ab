//! A set is kept and comes back: each verb, and what it says.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::story::Story;
use crate::support::run::Run;

/// Taken, shared, shown, restored from each repository, pruned: each verb once, and what it says.
#[test]
fn a_set_is_kept_and_comes_back() {
    let story = Story::new();
    story.write("cache.tmp", "left out");
    story.run(&["create", "--label", "first"]).run().expect(0).says("new_files=30");
    story.run(&["create"]).run().expect(0).says("new_files=0");
    story.write("7.jpg", "another picture");
    fs::remove_file(story.source.join("8.jpg")).unwrap();
    story.run(&["create"]).run().expect(0).says("new_files=1");
    let all = story.listed();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|it| it["copies"].as_array().unwrap().len() == 2), "{all:?}");
    story.run(&["verify"]).run().expect(0);

    let first = all[0]["id"].as_str().unwrap();
    let archive = story.place.join("archive/media/uploads");
    let tree =
        |id: &str| archive.join(id).join("tree").join(story.source.strip_prefix("/").unwrap());
    // A file that did not change is one file; `latest` leads to the newest.
    let second = all[1]["id"].as_str().unwrap();
    let inode = |id: &str| fs::metadata(tree(id).join("3.jpg")).unwrap().ino();
    assert_eq!(inode(first), inode(second));
    let latest = fs::read_link(archive.join("latest")).unwrap();
    assert_eq!(latest, Path::new(all[2]["id"].as_str().unwrap()).join("tree"));

    for repository in ["local", "s3"] {
        let to = story.place.join(format!("back-{repository}"));
        let words = ["restore", first, "--repository", repository, "--yes", "--to"];
        story.run(&words).arg(&to).run().expect(0);
        let back = Story::contents(&to.join(story.source.strip_prefix("/").unwrap()));
        assert_eq!(back.len(), 30, "{back:?}");
        assert!(back.contains(&("7.jpg".to_owned(), "picture 7".to_owned())));
    }
    let to = story.place.join("one");
    let path = story.source.join("8.jpg");
    story
        .run(&["restore", first, "--yes", "--path"])
        .arg(&path)
        .arg("--to")
        .arg(&to)
        .run()
        .expect(0);
    assert_eq!(Story::contents(&to.join(story.source.strip_prefix("/").unwrap())).len(), 1);

    // To where they were: nothing is overwritten or removed unless it is said.
    story.write("new.jpg", "uploaded since");
    story.run(&["restore", first, "--yes"]).run().expect(2);
    story.run(&["restore", first, "--yes", "--delta"]).run().expect(0);
    assert_eq!(Story::contents(&story.source).len(), 32);
    story.run(&["restore", first, "--yes", "--delta", "--delete"]).run().expect(0);
    assert_eq!(Story::contents(&story.source).len(), 31, "what the set leaves out stays");

    let rules = ["within=0s", "last=0", "daily=0", "weekly=0", "monthly=0"];
    let rules = rules.map(|rule| format!("--media-backup-keep-{rule}"));
    story.run(&["prune", "--yes"]).args(&rules).run().expect(0);
    assert_eq!(story.listed().len(), 1);
    let list = story.run(&["list"]).run();
    assert!(!list.stdout.contains("unfinished"), "packs that are shared are no leavings: {list}");
    story.run(&["verify"]).run().expect(0);
    let to = story.place.join("after");
    story.run(&["restore", "--repository", "s3", "--yes", "--to"]).arg(&to).run().expect(0);
    assert_eq!(Story::contents(&to.join(story.source.strip_prefix("/").unwrap())).len(), 29);
}

/// What can't be read is said, and the rest is there.
#[test]
fn a_file_that_cannot_be_read_is_said() {
    let story = Story::new();
    fs::set_permissions(
        story.source.join("5.jpg"),
        std::os::unix::fs::PermissionsExt::from_mode(0o000),
    )
    .unwrap();
    let outcome = story.run(&["create"]).run();
    outcome
        .expect(4)
        .says("1 file or folder could not be backed up. HINT: The lines above name them");
    assert_eq!(story.listed().len(), 1);
    let to = story.place.join("back");
    story.run(&["restore", "--yes", "--to"]).arg(&to).run().expect(0);
    assert_eq!(Story::contents(&to.join(story.source.strip_prefix("/").unwrap())).len(), 29);
}

#[test]
fn sets_are_chosen_by_name() {
    let story = Story::new();
    let nothing = Run::new(&story.place, env!("CARGO_BIN_EXE_media-backup"));
    nothing
        .args(["list", "--repository", "/tmp"])
        .run()
        .expect(3)
        .says("no media set is configured");
    story
        .run(&["list", "--set", "upload"])
        .run()
        .expect(2)
        .says("there is no media set \"upload\"");
    let outcome = story.run(&["list", "--set", "uploads"]).run();
    assert_eq!(
        outcome.expect(0).stdout,
        "There is no snapshot yet. `media-backup create` takes one.\n"
    );
    story.run(&["restore"]).run().expect(11).says("there is no whole snapshot to restore");
}
