//! Base backups of a real server, snapshots of media files and pins: what is copied is as good as what it was copied from.

use std::path::PathBuf;
use std::time::Duration;

use super::{LIMIT, content};
use crate::archiving::commands::{Seawall, write_segments};
use crate::base_backups::base_backup;
use crate::scene::{KeyPair, Store};
use crate::support::place::Place;
use crate::support::postgres::{NEWEST, Server, Stop};
use crate::support::run::{Outcome, Run};
use crate::support::s3::{Kind, S3Server};

/// A folder `archive` with WAL and two base backups of a real server, and one configuration with other repositories.
struct Story {
    place: Place,
    s3: S3Server,
    config: PathBuf,
    system: u64,
}

impl Story {
    fn new() -> Story {
        let place = Place::new();
        let (s3, pair) = (S3Server::start(Kind::S3sFs, &place), KeyPair::new(&place));
        let seawall = Seawall::new(&place).local("archive");
        let builder = Server::builder(&place).version(NEWEST).segment_mib(1);
        let mut server = builder.archive_command(&seawall.push()).init();
        server.start();
        server.sql("create table t as select generate_series(1, 1000) i");
        for _ in 0..2 {
            base_backup(&seawall, &server, "create").limit(LIMIT).run().expect(0);
            server.wait_archived(&write_segments(&server, 3), LIMIT);
            // Ids tell seconds apart.
            std::thread::sleep(Duration::from_secs(1));
        }
        let system = server.system_identifier();
        server.stop(Stop::Fast);
        let (uploads, state) = (place.folder("uploads"), place.folder("state"));
        let repository = |name: &str, url: String, encrypt: bool| {
            format!("[[repository]]\nname = {name:?}\nurl = {url:?}\nencrypt = {encrypt}\n")
        };
        let folder = |name: &str| place.folder(name).display().to_string();
        let config = [
            format!("state_directory = {state:?}\n"),
            repository("archive", folder("archive"), false),
            repository("disk", folder("disk"), false),
            repository("cloud", format!("s3://{}/copy", s3.bucket()), false),
            repository("secret", folder("secret"), true),
            format!("{}\n", pair.recipients_and_identity(&[&pair])),
            format!("[media.uploads]\npaths = [{uploads:?}]\n"),
        ];
        let config = place.file("seawall.toml", config.concat());
        Story { place, s3, config, system }
    }

    fn program(&self, program: &str, words: &[&str]) -> Run {
        let run = Run::new(&self.place, program).server_user().arg(words[0]);
        let run = run.arg("--config").arg(&self.config).args(&words[1..]);
        run.envs(self.s3.environment()).limit(LIMIT)
    }

    fn copy(&self, from: &str, to: &str) -> Run {
        self.program(env!("CARGO_BIN_EXE_seawall"), &["copy", "--from", from, "--to", to])
    }

    #[track_caller]
    fn verifies(&self, repository: &str) -> Outcome {
        let words = ["verify", "--repository", repository];
        let outcome = self.program(env!("CARGO_BIN_EXE_basebackup"), &words).run();
        outcome.expect(0).shows("all is well");
        outcome
    }

    fn folder(&self, name: &str) -> Store {
        Store::Folder(self.place.join(name))
    }

    fn ids(&self, name: &str) -> Vec<String> {
        let keys = self.folder(name).keys().into_iter();
        let ids = keys.filter_map(|key| Some(key.strip_suffix("/backup.json")?.to_owned()));
        ids.filter_map(|key| key.rsplit('/').next().map(str::to_owned)).collect()
    }
}

#[test]
fn base_backups_come_over_into_every_form() {
    let story = Story::new();
    let ids = story.ids("archive");
    let pin = ["pin", ids[0].as_str(), "--repository", "archive"];
    story.program(env!("CARGO_BIN_EXE_basebackup"), &pin).run().expect(0);
    for (from, to) in [("archive", "disk"), ("archive", "cloud"), ("archive", "secret")] {
        let dry = story.copy(from, to).arg("--dry-run").run();
        dry.expect(0).shows("base backups of main").shows("To be copied: ");
        story.copy(from, to).run().expect(0);
        story.verifies(to);
        story.copy(from, to).run().expect(0).shows("Nothing is lacking.\n");
    }
    let mut kept = ["archive", "disk"].map(|name| content(&story.folder(name)));
    // Each verification leaves a record.
    kept.iter_mut().for_each(|all| all.retain(|key, _| !key.starts_with("history/")));
    assert!(kept[0] == kept[1], "{:?}\n{:?}", kept[0].keys(), kept[1].keys());
    let pin = format!("postgres/main/{}/basebackups/{}/pin.json", story.system, ids[0]);
    assert!(story.folder("secret").get(&pin).is_some());
}

/// A base backup without its WAL restores nothing.
#[test]
fn a_backup_whose_wal_is_missing_is_left_out() {
    let story = Story::new();
    let ids = story.ids("archive");
    let archive = story.folder("archive");
    let key = format!("postgres/main/{}/basebackups/{}/backup.json", story.system, ids[0]);
    let description: serde_json::Value =
        serde_json::from_slice(&archive.get(&key).unwrap()).unwrap();
    let lsn = description["start"]["lsn"].as_str().unwrap();
    let lsn = u64::from_str_radix(lsn.split_once('/').unwrap().1, 16).unwrap();
    let segment = format!("0000000100000000{:08X}", lsn >> 20);
    let wal = format!("postgres/main/{}/wal/{}/{segment}.zst", story.system, &segment[..16]);
    archive.delete(&wal);
    let outcome = story.copy("archive", "disk").run();
    let left = format!(
        "Left out: base backup {}: it needs segment {segment}, which repository disk lacks.",
        ids[0]
    );
    outcome.expect(4).shows(&left).says("not all was copied: 1 backup left out");
    assert_eq!(story.ids("disk"), ids[1..]);
}

/// Packs come with the snapshots that share them; trees do not, and that is said.
#[test]
fn snapshots_in_packs_come_over_and_trees_are_left_out() {
    let story = Story::new();
    let media = |words: &[&str]| story.program(env!("CARGO_BIN_EXE_media-backup"), words);
    let write = |name: &str, content: &str| {
        let path = story.place.join("uploads").join(name);
        crate::support::user::write_as_server_user(&path, content);
    };
    for name in ["one", "two"] {
        write(name, &name.repeat(1000));
        media(&["create", "--repository", "cloud"]).run().expect(0);
        std::thread::sleep(Duration::from_secs(1));
    }
    media(&["create", "--repository", "disk"]).run().expect(0);
    let copy = || story.copy("cloud", "archive").args(["--only", "media"]);
    // Killed, it leaves packs that no description names. The snapshots are of long ago, going by their names.
    for point in ["copy.marked", "copy.objects-stored"] {
        let killed = copy().env("SEAWALL_FAILPOINT", point).run();
        assert_eq!(killed.signal, Some(9), "{point}: {killed}");
        media(&["prune", "--yes", "--repository", "archive"]).run().expect(0);
    }
    copy().run().expect(0);
    let verify = media(&["verify", "--repository", "archive"]).run();
    verify.expect(0);
    assert_eq!(story.ids("archive").len(), 2 + 2);
    let outcome = story.copy("disk", "cloud").args(["--only", "media"]).run();
    outcome.expect(4).shows(
        "it is a tree of files, which only another folder can take; `media-backup create` takes a new snapshot there.",
    );
    let outcome = story.copy("cloud", "secret").args(["--only", "media"]).run();
    outcome.expect(4).shows("packs are not copied into another encryption");
}

/// From folder to folder: what is one file in two trees is one in the copy, and a tree that was cut short begins anew.
#[test]
fn trees_come_over_with_their_hard_links() {
    let story = Story::new();
    let media = |words: &[&str]| story.program(env!("CARGO_BIN_EXE_media-backup"), words);
    let write = |name: &str| {
        let path = story.place.join("uploads").join(name);
        crate::support::user::write_as_server_user(&path, name.repeat(1000));
    };
    // Files of the second in which a snapshot began are read again.
    write("one");
    for name in ["two", "three"] {
        std::thread::sleep(Duration::from_millis(1100));
        write(name);
        std::thread::sleep(Duration::from_millis(1100));
        media(&["create", "--repository", "archive"]).run().expect(0);
    }
    let copy = || story.copy("archive", "disk").args(["--only", "media"]);
    copy().arg("--dry-run").run().expect(0);
    assert_eq!(story.folder("disk").keys(), [""; 0]);
    for point in ["copy.tree-begun", "copy.tree-laid", "copy.objects-stored", "copy.tree-laid:1"] {
        let killed = copy().env("SEAWALL_FAILPOINT", point).run();
        assert_eq!(killed.signal, Some(9), "{point}: {killed}");
    }
    copy().run().expect(0);
    copy().run().expect(0).shows("Nothing is lacking.");
    media(&["verify", "--repository", "disk"]).run().expect(0);
    let latest =
        |name: &str| std::fs::read_link(story.place.join(name).join("media/uploads/latest"));
    assert_eq!(latest("disk").unwrap(), latest("archive").unwrap());
    let inodes = |name: &str, file: &str| {
        use std::os::unix::fs::MetadataExt as _;
        let set = story.place.join(name).join("media/uploads");
        let source = story.place.join("uploads");
        let trees = story.ids(name).into_iter().filter(|id| set.join(id).join("tree").is_dir());
        let file = source.strip_prefix("/").unwrap().join(file);
        let files = trees.map(|id| set.join(id).join("tree").join(&file));
        let found: Vec<u64> = files.filter_map(|it| Some(it.metadata().ok()?.ino())).collect();
        (found.len(), found.iter().collect::<std::collections::BTreeSet<_>>().len())
    };
    for file in ["one", "three"] {
        assert_eq!(inodes("disk", file), inodes("archive", file), "{file}");
    }
    assert_eq!(inodes("disk", "one"), (2, 1));
}
