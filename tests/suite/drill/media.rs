use std::fs;
use std::path::PathBuf;

use super::{json, keys, records};
use crate::scene::error;
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::s3::{Kind, S3Server};
use crate::support::user::{hand_over, write_as_server_user};

/// Two sets, in a folder and in a bucket.
struct Host {
    place: Place,
    s3: S3Server,
    config: PathBuf,
}

impl Host {
    fn new() -> Host {
        let place = Place::new();
        let s3 = S3Server::start(Kind::S3sFs, &place);
        let sets = ["one", "two"].map(|set| {
            let folder = place.folder(set);
            for number in 0..50 {
                let path = folder.join(format!("{number}.jpg"));
                fs::write(&path, format!("picture {number} of {set}")).unwrap();
                hand_over(&path);
            }
            format!("[media.{set}]\npaths = [{folder:?}]\n")
        });
        let config = format!(
            "[[repository]]\nname = \"local\"\nurl = {:?}\n[[repository]]\nname = \"s3\"\nurl = \"s3://{}/some\"\n\
             {}[media_backup]\nstate_directory = {:?}\n[drill]\ndirectory = {:?}\n",
            place.folder("archive"),
            s3.bucket(),
            sets.concat(),
            place.folder("state"),
            place.folder("drills")
        );
        let config = place.file("seawall.toml", config);
        let host = Host { place, s3, config };
        for set in ["one", "two"] {
            host.run("create").args(["--set", set]).run().expect(0);
        }
        host
    }

    fn run(&self, verb: &str) -> Run {
        let run = Run::new(&self.place, env!("CARGO_BIN_EXE_media-backup")).server_user();
        run.arg(verb).arg("--config").arg(&self.config).envs(self.s3.environment())
    }

    fn passed(&self) -> Vec<bool> {
        let records = records(&self.place.join("archive"), "drill");
        records.iter().map(|it| it["passed"].as_bool().unwrap()).collect()
    }
}

#[test]
fn some_files_of_every_set_are_restored_and_compared() {
    let host = Host::new();
    let outcome = host.run("drill").run();
    assert!(
        outcome.expect(0).stdout.contains("files  passed  50 files as in the index\n"),
        "{outcome}"
    );
    assert_eq!(host.passed(), [true, true]);
    let words = ["--set", "two", "--drill-media-sample", "7", "--json", "--repository", "s3"];
    let outcome = host.run("drill").args(words).run();
    let found = json(outcome.expect(0));
    assert_eq!(found["checks"][0]["details"], "7 files as in the index");
    assert_eq!(fs::read_dir(host.place.join("drills")).unwrap().count(), 0);
    let written = keys(&host.place.join("archive"));
    let written = written.iter().filter(|key| key.starts_with("history/media/"));
    assert_eq!(written.count(), 2);
}

#[test]
fn the_files_of_a_drill_can_be_kept() {
    let host = Host::new();
    let words = ["--set", "one", "--drill-media-sample", "3", "--keep", "--json"];
    let found = json(host.run("drill").args(words).run().expect(0));
    let kept = PathBuf::from(found["kept"].as_str().expect("a folder"));
    assert_eq!(kept.parent(), Some(host.place.join("drills").as_path()));
    let files = kept.join("files-0").join(host.place.join("one").strip_prefix("/").unwrap());
    assert_eq!(fs::read_dir(files).unwrap().count(), 3);
    // Another drill leaves it alone.
    let outcome = host.run("drill").args(["--set", "one", "--repository", "s3", "--keep"]).run();
    let hint = outcome.expect(0).stdout.lines().find(|line| line.starts_with("kept "));
    assert!(hint.is_some_and(|hint| hint.contains("; the files are in /")), "{outcome}");
    assert_eq!(fs::read_dir(host.place.join("drills")).unwrap().count(), 2);
}

#[test]
fn the_record_names_the_repository_that_gave_the_files() {
    let host = Host::new();
    let archive = host.place.join("archive");
    let found = json(host.run("drill").args(["--set", "one", "--json"]).run().expect(0));
    assert_eq!(found["repository"], "local");
    let key = keys(&archive).into_iter().find(|key| key.ends_with("index.jsonl.zst"));
    let index = archive.join(key.expect("a tree"));
    let set = if index.to_str().unwrap().contains("/one/") { "one" } else { "two" };
    write_as_server_user(&index, "x".repeat(fs::read(&index).unwrap().len()));
    let outcome = host.run("drill").args(["--set", set, "--json"]).run();
    assert_eq!(json(outcome.expect(0))["repository"], "s3");
    let mut named: Vec<_> =
        records(&archive, "drill").iter().map(|it| it["repository"].clone()).collect();
    named.sort_by_key(ToString::to_string);
    assert_eq!(named, ["local", "s3"]);
}

#[test]
fn a_file_that_is_not_what_it_was_fails_the_drill() {
    let host = Host::new();
    let archive = host.place.join("archive");
    let key =
        keys(&archive).into_iter().find(|key| key.contains("/one/") && key.ends_with("/7.jpg"));
    let path = archive.join(key.expect("a file of a tree"));
    write_as_server_user(&path, "picture X of one");
    let outcome = host.run("drill").args(["--set", "one"]).run();
    let text = outcome.expect(5).stderr.lines().last().unwrap();
    assert!(text.contains("check \"files\" failed: 1 file not as in the index: "), "{text}");
    assert!(text.contains("7.jpg"), "{text}");
    assert_eq!(host.passed(), [false]);
    let outcome = host.run("drill").args(["--set", "three"]).run();
    assert!(error(outcome.expect(2)).contains("there is no media set \"three\""));
    // The bucket has it as it was.
    host.run("drill").args(["--set", "one", "--repository", "s3"]).run().expect(0);
    assert_eq!(fs::read_dir(host.place.join("drills")).unwrap().count(), 0);
}
