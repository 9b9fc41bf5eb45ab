//! Backups of every kind while a repository is away: with one copy `create` succeeds, and the other repository is owed it.

use std::time::{Duration, Instant};

use super::OneOfTwo;
use super::settling::settle;
use crate::crash_matrix::dies_at;
use crate::scene::{KeyPair, Scene, Store, side_by_side};
use crate::support::proxy::{Fault, Rule};
use crate::support::redis::{Program, RedisServer};
use crate::support::run::Run;

const LIMIT: Duration = Duration::from_secs(120);

const LIMITS: [&str; 5] = [
    "--limits-connect-timeout=500ms",
    "--limits-request-timeout=1s",
    "--limits-total-timeout=6s",
    "--limits-attempts=3",
    "--log-format=text",
];

/// A Redis, and a folder and a bucket of which one is enough.
struct OwedRedis {
    both: OneOfTwo,
    server: RedisServer,
}

impl OwedRedis {
    fn new() -> OwedRedis {
        OwedRedis::with("needed = 1")
    }

    fn with(top: &str) -> OwedRedis {
        let both = OneOfTwo::with(top);
        if let Store::Folder(root) = &both.folder {
            std::fs::create_dir_all(root).expect("a folder");
            crate::support::user::hand_over(root.parent().expect("a parent"));
        }
        let server = RedisServer::start(Program::usual(), &both.scene.place, &[]);
        server.fill();
        both.scene.place.folder("state");
        OwedRedis { both, server }
    }

    fn run(&self, verb: &str) -> Run {
        let url = format!("redis://127.0.0.1:{}", self.server.port());
        let run = self.both.scene.run(env!("CARGO_BIN_EXE_redis-backup"), verb);
        run.args(["--redis-url", &url]).args(LIMITS).arg(self.state()).limit(LIMIT)
    }

    fn settle(&self) -> Run {
        settle(&self.both.scene).arg(self.state()).limit(LIMIT)
    }

    fn state(&self) -> String {
        format!("--state-directory={}", self.both.scene.place.join("state").display())
    }

    /// The backups of a repository that exist, oldest first.
    fn ids(&self, store: &Store) -> Vec<String> {
        let keys = store.keys().into_iter();
        let ids = keys.filter_map(|key| {
            let below = key.strip_prefix("redis/main/")?;
            Some(below.strip_suffix("/backup.json")?.to_owned())
        });
        ids.collect()
    }

    /// Both have the same backups, and each is whole.
    #[track_caller]
    fn both_have(&self, count: usize) {
        let (folder, bucket) = (self.ids(&self.both.folder), self.ids(&self.both.bucket));
        assert_eq!((folder.len(), &folder), (count, &bucket));
        assert_eq!(self.both.owed(&self.both.folder), [""; 0]);
        for name in ["disk", "cloud"] {
            self.run("verify").args(["--repository", name]).run().expect(0);
        }
    }
}

#[test]
fn a_backup_in_one_repository_is_enough_and_the_other_one_is_owed_it() {
    let faults = [Fault::Answer(403), Fault::Answer(503), Fault::Hang, Fault::CutBeforeAnswer];
    side_by_side(&faults, |&fault| {
        let it = OwedRedis::new();
        it.both.bucket_does(fault);
        let outcome = it.run("create").run();
        outcome
            .expect(0)
            .says("repository cloud is owed the backup, and `seawall settle` copies it there");
        let ids = it.ids(&it.both.folder);
        assert_eq!(it.both.owed(&it.both.folder), ids, "{fault:?}");
        assert_eq!((ids.len(), it.ids(&it.both.bucket).len()), (1, 0), "{fault:?}");
        settle(&it.both.scene).arg("--dry-run").run().shows("cloud").shows("1 backup");
        it.both.proxy.clear();
        it.settle().run().expect(0).shows("1 backup");
        it.both_have(1);
        it.settle().run().expect(0).shows("Nothing is owed.");
    });
}

/// The connection breaks while a part is sent; programs are told who is owed it.
#[test]
fn what_breaks_off_in_a_part_is_owed() {
    let it = OwedRedis::new();
    it.both.proxy.add(Rule::new(Fault::CutRequestAfter(100)).method("PUT").path("redis/"));
    let outcome = it.run("create").arg("--json").run();
    outcome.expect(0);
    let told: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(told["owed_to"], serde_json::json!(["cloud"]), "{told}");
    assert_eq!(told["errors"], serde_json::json!([]), "{told}");
    it.both.proxy.clear();
    let outcome = it.settle().arg("--json").run();
    outcome.expect(0);
    let told: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(
        (&told["owed"][0]["paid_backups"], &told["owed"][0]["left_backups"]),
        (&1.into(), &0.into())
    );
    it.both_have(1);
}

#[test]
fn where_all_are_needed_a_create_ends_as_before() {
    for top in ["", "needed = \"all\"", "needed = 2"] {
        let it = OwedRedis::with(top);
        it.both.bucket_does(Fault::Answer(503));
        it.run("create").run().expect(8).says("could not store the backup in repository cloud");
        assert_eq!((it.both.owed(&it.both.folder).len(), it.ids(&it.both.folder).len()), (0, 1));
    }
}

/// Within the minute nobody waits for it.
#[test]
fn one_that_just_failed_is_left_out_at_once() {
    let it = OwedRedis::new();
    it.both.bucket_does(Fault::Answer(503));
    it.run("create").run().expect(0);
    let asked = it.both.proxy.requests().len();
    std::thread::sleep(Duration::from_millis(1100));
    it.run("create")
        .run()
        .expect(0)
        .says("repository cloud was left out: it failed within the last minute");
    assert_eq!(it.both.proxy.requests().len(), asked);
    assert_eq!(it.both.owed(&it.both.folder).len(), 2);
    it.both.proxy.clear();
    it.settle().run().expect(0);
    it.both_have(2);
}

/// Retention in the good repository waits for the other one, and a human does not.
#[test]
fn prune_keeps_what_is_owed() {
    let it = OwedRedis::new();
    it.both.bucket_does(Fault::Answer(503));
    for _ in 0..3 {
        it.run("create").run().expect(0);
        std::thread::sleep(Duration::from_millis(1100));
    }
    it.both.proxy.clear();
    let all = [
        "--redis-keep-within=0s",
        "--redis-keep-daily=0",
        "--redis-keep-weekly=0",
        "--redis-keep-monthly=0",
        "--redis-keep-yearly=0",
        "--redis-keep-last=1",
        "--yes",
    ];
    let prune = it.run("prune").args(all).run();
    prune.expect(0).shows("owed to cloud");
    let ids = it.ids(&it.both.folder);
    assert_eq!(ids.len(), 3);
    it.run("delete").args([ids[0].as_str(), "--yes"]).run().expect(0);
    let outcome = it.settle().run();
    outcome.expect(0).says("no more: no repository has that backup");
    it.both_have(2);
    it.run("prune").args(all).run().expect(0);
    it.both_have(1);
}

/// Whatever is killed: what ended with status 0 is in one repository, and the other one has it or is owed it.
#[test]
fn killed_anywhere_nothing_is_lost() {
    for point in ["owe.before-note", "owe.noted"] {
        let it = OwedRedis::new();
        it.both.bucket_does(Fault::Answer(503));
        dies_at(it.run("create"), point);
        it.run("verify").args(["--repository", "disk"]).run().expect(0);
        std::thread::sleep(Duration::from_millis(1100));
        it.run("create").run().expect(0);
        it.both.proxy.clear();
        it.settle().run().expect(0);
        assert_eq!(it.ids(&it.both.bucket).len(), 1 + usize::from(point == "owe.noted"));
    }
    let points = [
        "copy.object-read",
        "copy.object-stored",
        "copy.objects-stored",
        "copy.described",
        "settle.backup-copied",
    ];
    let it = OwedRedis::new();
    for (done, point) in points.into_iter().enumerate() {
        it.both.bucket_does(Fault::Answer(503));
        it.run("create").run().expect(0);
        it.both.proxy.clear();
        dies_at(it.settle(), point);
        assert_eq!(it.both.owed(&it.both.folder).len(), 1, "{point}");
        it.settle().run().expect(0);
        it.both_have(done + 1);
        std::thread::sleep(Duration::from_millis(1100));
    }
}

/// A host without the private key carries what is stored.
#[test]
fn encrypted_copies_come_without_a_private_key() {
    let mut it = OwedRedis::new();
    let pair = KeyPair::new(&it.both.scene.place);
    it.both.scene = Scene::in_place(&it.both.scene.place)
        .with("needed = 1")
        .with(&KeyPair::recipients(&[&pair]))
        .with(&it.both.tables[0])
        .with(&it.both.tables[1]);
    it.both.bucket_does(Fault::Answer(503));
    it.run("create").run().expect(0);
    it.both.proxy.clear();
    it.settle().run().expect(0);
    let stored = |store: &Store| -> Vec<(String, Option<Vec<u8>>)> {
        let keys = store.keys().into_iter().filter(|key| key.starts_with("redis/"));
        keys.map(|key| (key.clone(), store.get(&key))).collect()
    };
    assert_eq!(stored(&it.both.folder), stored(&it.both.bucket));
}

/// A bucket can't have a tree: that is nobody's debt.
#[test]
fn a_snapshot_in_another_form_is_no_debt() {
    let it = OwedRedis::new();
    let uploads = it.both.scene.place.folder("uploads");
    std::fs::write(uploads.join("one"), "content").expect("our own folder");
    let scene = Scene::in_place(&it.both.scene.place)
        .with("needed = 1")
        .with(&it.both.tables[0])
        .with(&it.both.tables[1])
        .with(&format!("[media.uploads]\npaths = [{uploads:?}]\n"));
    it.both.bucket_does(Fault::Answer(503));
    let create =
        || scene.run(env!("CARGO_BIN_EXE_media-backup"), "create").args(LIMITS).limit(LIMIT);
    create().run().expect(8).says("the next `media-backup create` takes one there");
    assert_eq!(it.both.owed(&it.both.folder), [""; 0]);
}

/// Two folders: a tree comes over as a tree.
#[test]
fn a_tree_is_owed_to_a_folder_that_was_away() {
    let it = OwedRedis::new();
    let place = &it.both.scene.place;
    let uploads = place.folder("uploads");
    std::fs::write(uploads.join("one"), "content").expect("our own folder");
    let second = place.folder("mount").join("second");
    let scene = Scene::in_place(place)
        .with("needed = 1")
        .with(&it.both.tables[0])
        .with(&Store::Folder(second.clone()).table("second"))
        .with(&format!("[media.uploads]\npaths = [{uploads:?}]\n"));
    std::fs::remove_dir(place.join("mount")).expect("empty");
    let media =
        |verb| scene.run(env!("CARGO_BIN_EXE_media-backup"), verb).args(LIMITS).limit(LIMIT);
    media("create").run().expect(0).says("repository second is owed the backup");
    place.folder("mount");
    std::fs::create_dir(&second).expect("a folder");
    crate::support::user::hand_over(&second);
    scene.seawall("settle").args(LIMITS).run().expect(0).shows("1 backup");
    media("verify").args(["--repository", "second"]).run().expect(0);
    assert_eq!(
        std::fs::read(second.join("media/uploads/latest/0/one"))
            .ok()
            .or_else(|| find(&second, "one")),
        Some(b"content".to_vec())
    );
}

/// A file of that name, anywhere in a folder.
fn find(folder: &std::path::Path, name: &str) -> Option<Vec<u8>> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let mut found = entries.map(|entry| entry.path()).filter_map(|path| match path.is_dir() {
        true => find(&path, name),
        false => {
            std::fs::read(&path).ok().filter(|_| path.file_name().is_some_and(|it| it == name))
        }
    });
    found.next()
}

/// Two at once copy nothing twice, and end well.
#[test]
fn two_that_settle_at_once_do_no_harm() {
    let it = OwedRedis::new();
    it.both.bucket_does(Fault::Answer(503));
    it.run("create").run().expect(0);
    it.both.proxy.clear();
    let begun = Instant::now();
    let mut running = [it.settle().start(), it.settle().start()];
    while !running.iter_mut().all(|one| one.ended()) {
        assert!(begun.elapsed() < LIMIT);
        std::thread::sleep(Duration::from_millis(20));
    }
    it.settle().run().expect(0);
    it.both_have(1);
}
