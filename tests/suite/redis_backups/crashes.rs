//! `redis-backup restore`, killed anywhere: the server finds its old data or the new ones, never none and never a
//! mixture, and the same command once more brings the new ones.

use std::path::{Path, PathBuf};

use super::{conf, folder, redis_backup};
use crate::support::place::Place;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::Outcome;

/// Where it may be cut short; after each of its steps, however many these are.
pub const POINTS: [&str; 5] = [
    "redis.staging-made",
    "redis.file-laid",
    "redis.planned",
    "redis.step-done",
    "redis.carried-out",
];

struct Scene {
    place: Place,
    server: RedisServer,
    archive: [String; 1],
    new: String,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let server = RedisServer::start(Program::usual(), &place, &[]);
        server.fill();
        let archive = [folder(&place, "archive")];
        redis_backup(&server, &archive, "create").run().expect(0);
        let new = server.digest();
        Self { place, server, archive, new }
    }

    /// A folder with other data, both ways, and their digest.
    fn used(&self, appendonly: &str) -> (PathBuf, String) {
        let settings = [("appendonly", appendonly)];
        let mut server = RedisServer::start(Program::usual(), &self.place, &settings);
        server.run(&["SET", "old", "data"]);
        server.save();
        let digest = server.digest();
        server.kill();
        (server.folder.clone(), digest)
    }

    fn restore(&self, folder: &Path, appendonly: &str, point: &str) -> Outcome {
        let run = redis_backup(&self.server, &self.archive, "restore").arg("--yes").arg("--conf");
        let run = run.arg(conf(&self.server, folder, appendonly));
        if point.is_empty() { run.run() } else { run.env("SEAWALL_FAILPOINT", point).run() }
    }

    fn loaded(&self, folder: &Path, appendonly: &str) -> String {
        let settings = [("appendonly", appendonly)];
        let mut server = RedisServer::start_in(Program::usual(), &self.place, folder, &settings);
        let digest = server.digest();
        server.kill();
        digest
    }

    /// False when it was not killed there, because it was done.
    fn dies_and_goes_on(&self, appendonly: &str, point: &str) -> bool {
        let (folder, old) = self.used(appendonly);
        let outcome = self.restore(&folder, appendonly, point);
        if outcome.status == Some(0) {
            return false;
        }
        assert_eq!(outcome.signal, Some(9), "{appendonly} {point}: {outcome}");
        let found = self.loaded(&folder, appendonly);
        assert!(found == old || found == self.new, "{appendonly} {point}: neither");
        self.restore(&folder, appendonly, "").expect(0);
        assert_eq!(self.loaded(&folder, appendonly), self.new, "{appendonly} {point}");
        assert!(!folder.join("seawall-restore").exists(), "{appendonly} {point}");
        true
    }
}

#[test]
fn the_server_finds_its_old_data_or_the_new() {
    let scene = Scene::new();
    for appendonly in ["no", "yes"] {
        for point in POINTS {
            assert!(scene.dies_and_goes_on(appendonly, point), "{appendonly} {point}");
        }
        let steps = (1..)
            .take_while(|step| {
                scene.dies_and_goes_on(appendonly, &format!("redis.step-done:{step}"))
            })
            .count();
        assert!(steps > 2, "{appendonly}: {steps} steps");
    }
}
