//! What a set or a disk can have wrong: each is said in one line that helps.

use std::fs;
use std::path::Path;

use super::story::Story;
use crate::media::trees::{Random, content};
use crate::namespace;
use crate::support::run::{Outcome, Run};

const NO_SPACE: &str =
    "No space left on device (os error 28). HINT: Make room on that file system.";

/// Its last line, without the time.
fn last(outcome: &Outcome) -> String {
    let line = outcome.stderr.lines().last().unwrap_or_default();
    line.get(28..).unwrap_or(line).to_owned()
}

fn with_set(story: &Story, table: &str) -> Run {
    let text = fs::read_to_string(&story.config).unwrap();
    let (before, rest) = text.split_once("[media.uploads]").unwrap();
    let (_, after) = rest.split_once("[media_backup]").unwrap();
    fs::write(&story.config, format!("{before}{table}\n[media_backup]{after}")).unwrap();
    story.run(&["create"]).env("SEAWALL_LOG_FORMAT", "text")
}

#[test]
fn a_path_that_is_not_there_is_an_error_and_no_snapshot() {
    let story = Story::with_files(1);
    let (source, missing) = (story.source.clone(), story.place.join("missing"));
    let outcome = with_set(&story, &format!("[media.uploads]\npaths = [{missing:?}]")).run();
    outcome.expect(10);
    assert_eq!(
        last(&outcome),
        format!(
            "ERROR could not take a snapshot: could not look at {missing:?}: No such file or directory (os error 2). \
             HINT: Is the disk \
             mounted? No path of the set is there."
        )
    );
    assert_eq!(story.listed().len(), 0);
    assert!(!story.run(&["list"]).run().stdout.contains("unfinished"));
    // Of several the others are taken, whatever is missing of the way.
    let deeper = story.place.join("gone/for/good");
    let paths = format!("[media.uploads]\npaths = [{source:?}, {missing:?}, {deeper:?}]");
    let outcome = with_set(&story, &paths).run();
    outcome.expect(4);
    for path in [&missing, &deeper] {
        outcome.says(&format!("could not look at {path:?}: No such file or directory"));
    }
    for repository in ["local", "s3"] {
        assert_eq!(story.restored_from(repository, None).len(), 1, "{repository}");
    }
    // One that comes back is in the next one, and missed after that.
    fs::create_dir(&missing).unwrap();
    fs::write(missing.join("back"), "again").unwrap();
    crate::support::user::hand_over(&missing);
    with_set(&story, &paths).run().expect(4);
    fs::remove_dir_all(&missing).unwrap();
    with_set(&story, &paths).run().expect(4).says("0 files in path 2 of 3 instead of 1");
}

#[test]
fn paths_within_each_other_are_an_error() {
    let story = Story::with_files(1);
    let (source, inner) = (story.source.clone(), story.source.join("inner"));
    let line = 1 + fs::read_to_string(&story.config)
        .unwrap()
        .lines()
        .position(|line| line == "[media.uploads]")
        .unwrap();
    let outcome =
        with_set(&story, &format!("[media.uploads]\npaths = [{source:?}, {inner:?}]")).run();
    outcome.expect(3);
    assert_eq!(
        last(&outcome),
        format!(
            "ERROR {}:{line}: media set uploads: expected paths apart from each other, found {source:?} and \
             {inner:?}. HINT: The upper one alone brings the other one along.",
            story.config.display()
        )
    );
}

/// Two sets may share files, and each is kept and comes back by itself.
#[test]
fn sets_that_overlap_are_two_sets() {
    let story = Story::with_files(3);
    let source = &story.source;
    let sets = format!(
        "[media.uploads]\npaths = [{source:?}]\n[media.one]\npaths = [{:?}]",
        source.join("1.jpg")
    );
    with_set(&story, &sets).args(["--set", "uploads"]).run().expect(0);
    story.run(&["create", "--set", "one"]).run().expect(0);
    for (set, files) in [("uploads", 3), ("one", 1)] {
        let to = story.place.join(set);
        story.run(&["restore", "--set", set, "--yes", "--to"]).arg(&to).run().expect(0);
        assert_eq!(Story::contents(&story.below(&to)).len(), files, "{set}");
    }
    let outcome = story.run(&["create"]).env("SEAWALL_LOG_FORMAT", "text").run();
    outcome.expect(2);
    assert_eq!(
        last(&outcome),
        "ERROR the name of the media set is missing. HINT: There are: one, uploads."
    );
}

/// Of a repository, and of the place to restore to.
#[test]
fn a_full_disk_is_said_and_what_was_begun_is_done_when_there_is_room() {
    let story = Story::with_files(3);
    let disk = story.place.folder("disk");
    let random = content(&mut Random::of_seed(500), 1_000_000);
    let large: String = random.iter().map(|byte| char::from(byte % 64 + 32)).collect();
    story.write("large.jpg", &large);
    let text = fs::read_to_string(&story.config).unwrap();
    let table = format!("[[repository]]\nname = \"full\"\nurl = {:?}\n", disk.join("full"));
    fs::write(&story.config, format!("{text}{table}encrypt = false\n")).unwrap();
    let script = "step() { name=$1; verb=$2; shift 2; status=0
             $as $program $verb --config $config $* 2>$out/$name.err || status=$?
             echo $status >$out/$name; }
         mount -t tmpfs -o size=500k,mode=0777 tmpfs $disk
         step full create --repository full
         find $disk/full -type f >$out/left
         step target restore --repository s3 --yes --to $disk/to
         mount -t tmpfs -o remount,size=50m tmpfs $disk
         step again create --repository full
         step back restore --repository s3 --yes --delta --to $disk/to
         cp -a $disk/to $out/to";
    story.run(&["create", "--repository", "s3"]).run().expect(0);
    let out = story.place.folder("steps");
    let Some(run) = namespace::script(&story.place, script) else { return };
    let program = story.place.program(env!("CARGO_BIN_EXE_media-backup"));
    let run = run.env("program", program).env("config", &story.config).env("out", &out);
    let run = run.env("disk", &disk).envs(story.s3.environment());
    run.env("SEAWALL_LOG_FORMAT", "text").run().expect(0);
    let ended = |name: &str, status: i32, text: &str| {
        let said = fs::read_to_string(out.join(format!("{name}.err"))).unwrap();
        let found = fs::read_to_string(out.join(name)).unwrap();
        assert_eq!(found.trim(), status.to_string(), "{name}: {said}");
        assert!(said.contains(text), "no {text:?} in {said}");
    };
    ended("full", 10, "ERROR could not store the snapshot in repository full: could not write \"");
    ended("full", 10, &format!("large.jpg\": {NO_SPACE}\n"));
    assert_eq!(fs::read_to_string(out.join("left")).unwrap(), "");
    ended("target", 10, "ERROR could not restore: could not write \"");
    ended("target", 10, &format!("large.jpg\": {NO_SPACE}\n"));
    ended("again", 0, "snapshot done");
    ended("back", 0, "restored");
    let back = Story::contents(&story.below(Path::new(&out.join("to"))));
    assert_eq!(back, Story::contents(&story.source));
}
