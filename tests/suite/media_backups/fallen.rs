//! A disk that is not mounted is an empty folder, and its snapshot is whole and worth nothing.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::story::Story;
use crate::support::place::Place;
use crate::support::run::{Outcome, Run};

/// One folder without encryption, and a set of these paths.
struct Host {
    place: Place,
    archive: PathBuf,
    config: PathBuf,
}

impl Host {
    fn new(paths: &[&Path], place: Place) -> Host {
        let archive = place.folder("archive");
        let config = format!(
            "[[repository]]\nurl = {archive:?}\n[media.uploads]\npaths = {paths:?}\n\
             [media_backup]\nstate_directory = {:?}\n",
            place.folder("state")
        );
        let config = place.file("seawall.toml", config);
        Host { place, archive, config }
    }

    fn run(&self, program: &str, words: &[&str]) -> Outcome {
        let run = Run::new(&self.place, program).server_user();
        run.args(words).arg("--config").arg(&self.config).run()
    }

    fn media(&self, words: &[&str]) -> Outcome {
        self.run(env!("CARGO_BIN_EXE_media-backup"), words)
    }

    fn ids(&self) -> Vec<String> {
        let list = self.media(&["list", "--json"]);
        let list: Value = serde_json::from_str(&list.expect(0).stdout).unwrap();
        let all = list["backups"].as_array().unwrap();
        all.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    }

    /// A snapshot once more, as if taken on an earlier day.
    fn copy(&self, id: &str, days: i64) {
        let set = self.archive.join("media/uploads");
        let time = Timestamp::now() - SignedDuration::from_hours(24 * days);
        let new = time.strftime("%Y%m%dT%H%M%SZ-00aa").to_string();
        fs::create_dir(set.join(&new)).unwrap();
        fs::create_dir(set.join(&new).join("tree")).unwrap();
        fs::copy(set.join(id).join("index.jsonl.zst"), set.join(&new).join("index.jsonl.zst"))
            .unwrap();
        let text = fs::read(set.join(id).join("backup.json")).unwrap();
        let mut description: Value = serde_json::from_slice(&text).unwrap();
        description["id"] = new.clone().into();
        for key in ["began", "ended"] {
            description[key] = time.to_string().into();
        }
        // As an older program wrote it.
        description.as_object_mut().unwrap().remove("fell");
        fs::write(set.join(&new).join("backup.json"), description.to_string()).unwrap();
        // A repository believes no time that its store contradicts.
        let file = fs::File::options().write(true).open(set.join(&new).join("backup.json"));
        file.unwrap().set_modified(time.into()).unwrap();
        crate::support::user::hand_over(&set.join(&new));
    }
}

fn files(place: &Place, name: &str, count: usize) -> PathBuf {
    let folder = place.folder(name);
    (0..count).for_each(|it| drop(place.file(&format!("{name}/{it}"), "a picture")));
    folder
}

fn empty(folder: &Path) {
    fs::read_dir(folder).unwrap().flatten().for_each(|it| fs::remove_file(it.path()).unwrap());
}

/// Every time, until somebody says that it is right, or it is there again.
#[test]
fn an_emptied_source_is_said_in_trees_and_packs() {
    let story = Story::with_files(30);
    story.run(&["create"]).run().expect(0);
    let whole = story.listed()[0]["id"].as_str().unwrap().to_owned();
    empty(&story.source);
    let fell = format!("has far less than {whole}: 0 files instead of 30, 0 bytes instead of 290");
    for _ in 0..2 {
        story
            .run(&["create"])
            .run()
            .expect(4)
            .says(&fell)
            .says("media-backup create --accept-fewer");
    }
    let check = Run::new(&story.place, env!("CARGO_BIN_EXE_seawall")).server_user();
    let check = check.arg("check").arg("--config").arg(&story.config).envs(story.s3.environment());
    let outcome = check.run();
    let text = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("WARNING media uploads content"), "{outcome}");
    assert!(text.contains(&fell), "{outcome}");

    // Nobody gets the empty one who did not ask for it.
    let to = story.place.join("to");
    let restore = |more: &[&str]| {
        let run = story.run(&["restore", "--yes", "--to"]).arg(&to);
        run.args(more).run()
    };
    restore(&[]).expect(6).says(&fell).says(&format!("`media-backup restore {whole}`"));
    assert!(!to.exists());
    restore(&[&whole]).expect(0);

    // The ids of those that began in one second do not tell which is the newest.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    story.run(&["create", "--accept-fewer"]).run().expect(0);
    story.run(&["create"]).run().expect(0);
    story.write("new.jpg", "a picture");
    story.run(&["create"]).run().expect(0);
}

#[test]
fn one_of_several_paths_is_missed_too() {
    let place = Place::new();
    let (many, few) = (files(&place, "many", 40), files(&place, "few", 2));
    let host = Host::new(&[&many, &few], place);
    host.media(&["create"]).expect(0);
    empty(&few);
    host.media(&["create"]).expect(4).says("0 files in path 2 of 2 instead of 2");
    host.place.file("few/back", "again");
    host.media(&["create"]).expect(0);
}

/// Full up to 41 days ago, empty since.
#[test]
fn empty_snapshots_do_not_make_the_others_old() {
    let place = Place::new();
    let source = files(&place, "uploads", 20);
    let host = Host::new(&[&source], place);
    host.media(&["create"]).expect(0);
    empty(&source);
    host.media(&["create"]).expect(4);
    let ids = host.ids();
    (1..41).for_each(|days| host.copy(&ids[1], days));
    (41..61).for_each(|days| host.copy(&ids[0], days));
    fs::remove_dir_all(host.archive.join("media/uploads").join(&ids[0])).unwrap();
    let outcome = host.media(&["prune", "--yes"]);
    outcome.expect(0).says("");
    let full = |ids: Vec<String>| {
        let files = |id: &String| {
            let path = host.archive.join("media/uploads").join(id).join("backup.json");
            let json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            json["totals"]["files"] == 20
        };
        ids.iter().filter(|id| files(id)).count()
    };
    assert!(full(host.ids()) >= 7, "{outcome}");
    let again = host.media(&["prune", "--dry-run"]);
    assert!(again.expect(0).stdout.contains("the last before it fell"), "{again}");
    assert!(again.stdout.contains("Nothing is to be deleted."), "{again}");
}
