//! What is in a snapshot is shown without a restore, and a restore removes nothing that a snapshot only did not see.

use std::fs;

use serde_json::Value;

use super::story::Story;
use crate::support::run::{Outcome, Run};

#[test]
fn the_files_of_a_snapshot_are_shown_from_trees_and_packs() {
    let story = Story::with_files(3);
    fs::create_dir(story.source.join("2026")).unwrap();
    story.write("2026/a b.txt", "twelve bytes");
    std::os::unix::fs::symlink("0.jpg", story.source.join("link")).unwrap();
    story.run(&["create"]).run().expect(0);
    let id = story.listed()[0]["id"].as_str().unwrap().to_owned();
    for repository in ["local", "s3"] {
        let show = |words: &[&str]| -> Outcome {
            story.run(&["show", &id[..20], "--repository", repository]).args(words).run()
        };
        let all = show(&["--files"]);
        let lines: Vec<&str> = all.expect(0).stdout.lines().collect();
        let below = format!("/{}", story.source.strip_prefix("/").unwrap().display());
        let names = ["", "/0.jpg", "/1.jpg", "/2.jpg", "/2026", "/2026/a b.txt", "/link -> 0.jpg"];
        assert_eq!(lines.len(), names.len(), "{all}");
        for (line, name) in lines.iter().zip(names) {
            assert!(line.ends_with(&format!(" {below}{name}")), "{line} {name}");
        }
        assert!(lines[5].starts_with("-rw") && lines[5].contains(" 12 B "), "{all}");
        assert!(lines[0].starts_with("drwx") && lines[6].starts_with('l'), "{all}");

        let folder = story.source.join("2026");
        let part = show(&["--path", folder.to_str().unwrap()]);
        assert_eq!(part.expect(0).stdout.lines().count(), 2, "{part}");
        let json = show(&["--pattern", "*.jpg", "--json"]);
        let rows: Vec<Value> =
            json.expect(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|row| row["size"] == 9 && row["kind"] == "file"), "{json}");
        show(&["--path", "/nowhere"]).expect(2).says("has nothing of that name");

        let plan = |words: &[&str]| {
            let run = story.run(&["restore", "--dry-run", "--repository", repository]);
            run.args(words).run()
        };
        let part = plan(&["--path", folder.to_str().unwrap()]);
        part.expect(0).shows("2026/a b.txt\n");
        assert!(!part.stdout.contains("0.jpg"), "{part}");
        let all = plan(&[]);
        assert!(!all.expect(0).stdout.contains("a b.txt"), "{all}");
    }
}

/// In a bucket it costs nothing, and so it is counted.
#[test]
fn a_file_with_another_name_is_not_new() {
    let story = Story::with_files(3);
    story.run(&["create"]).run().expect(0);
    fs::rename(story.source.join("1.jpg"), story.source.join("one.jpg")).unwrap();
    let outcome = story.run(&["create"]).env("SEAWALL_LOG_FORMAT", "json").run();
    let done = outcome.expect(0).stderr.lines().filter(|line| line.contains("snapshot done"));
    let packs: Vec<&str> = done.filter(|line| line.contains("\"s3\"")).collect();
    assert!(packs.len() == 1 && packs[0].contains("\"new_files\":0"), "{outcome}");
}

/// A repository below a path of its set is in no snapshot, and stays whatever is removed.
#[test]
fn a_repository_among_the_files_is_not_removed() {
    let story = Story::with_files(3);
    let inner = story.source.join("backup");
    fs::create_dir(&inner).unwrap();
    crate::support::user::hand_over(&inner);
    let text = fs::read_to_string(&story.config).unwrap();
    let text = text.replace(&format!("{:?}", story.place.join("archive")), &format!("{inner:?}"));
    fs::write(&story.config, text).unwrap();
    story.run(&["create"]).run().expect(0);
    story.write("later.jpg", "not in it");
    let outcome = story.run(&["restore", "--delta", "--delete", "--yes"]).run();
    outcome.expect(0);
    assert!(!story.source.join("later.jpg").exists(), "{outcome}");
    story.run(&["verify"]).run().expect(0);
    let latest = inner.join("media/uploads/latest");
    assert!(story.below(&latest).join("1.jpg").exists());
}

/// What could not be read, or was not mounted, is not in the snapshot and was there.
#[test]
fn what_a_snapshot_could_not_see_is_not_removed() {
    let story = Story::with_files(3);
    let second = story.place.join("second");
    let text = fs::read_to_string(&story.config).unwrap();
    let both = format!("paths = [{:?}, {second:?}]", story.source);
    let text = text.replace(&format!("paths = [{:?}]", story.source), &both);
    fs::write(&story.config, text).unwrap();
    let outcome = story.run(&["create"]).run();
    outcome.expect(4).says(&format!("could not look at {second:?}: No such file or directory"));
    story.place.folder("second");
    story.place.file("second/precious", "mounted again");
    let id = story.listed()[0]["id"].as_str().unwrap().to_owned();
    let outcome = story.run(&["restore", &id, "--delta", "--delete", "--yes"]).run();
    outcome
        .expect(6)
        .says(&format!("snapshot {id} lacks 1 file or folder that could not be read"))
        .says("HINT: --delete would remove them: leave it out.");
    assert!(second.join("precious").exists());
    story.run(&["restore", &id, "--delta", "--yes"]).run().expect(0);
}

/// A link that is a path of the set may lead elsewhere by the time of a restore.
#[test]
fn a_plan_says_where_a_link_leads() {
    let story = Story::with_files(1);
    let link = story.place.join("current");
    std::os::unix::fs::symlink(&story.source, &link).unwrap();
    let text = fs::read_to_string(&story.config).unwrap();
    let text =
        text.replace(&format!("paths = [{:?}]", story.source), &format!("paths = [{link:?}]"));
    fs::write(&story.config, text).unwrap();
    story.run(&["create"]).run().expect(0);
    let plan = story.run(&["restore", "--dry-run"]).run();
    let leads = format!("{} (it leads to {})", link.display(), story.source.display());
    plan.expect(0).shows(&leads);
}

/// Longer than any system call takes: they are named, and everything else is kept.
#[test]
fn paths_that_are_too_long_are_named() {
    let story = Story::of(1, false);
    let name = "d".repeat(244);
    let deeper = format!("mkdir {name} && cd {name}\n").repeat(20);
    let script = format!("set -e\ncd '{}'\n{deeper}echo x > file\n", story.source.display());
    let made = Run::new(&story.place, "bash").server_user().args(["-c", &script]).run();
    made.expect(0);
    let outcome = story.run(&["create"]).run();
    outcome.expect(4).says("could not").says(&name);
    let id = story.listed()[0]["id"].as_str().unwrap().to_owned();
    for repository in ["local", "s3"] {
        let shown = story.run(&["show", &id, "--files", "--repository", repository]).run();
        let deep = shown.expect(0).stdout.lines().filter(|line| line.contains(&name)).count();
        assert!((10..20).contains(&deep), "{deep} folders");
        let to = story.place.join(format!("to-{repository}"));
        let words = ["restore", &id, "--repository", repository, "--yes", "--to"];
        story.run(&words).arg(&to).run().expect(0);
        assert_eq!(fs::read_to_string(story.below(&to).join("0.jpg")).unwrap(), "picture 0");
    }
}
