//! What a restore learns of the server that will read it, before anything is touched, and after it was started.

use std::path::Path;
use std::time::Duration;

use super::{conf, folder, redis_backup};
use crate::support::place::Place;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::{Outcome, Run};

const AOF: [(&str, &str); 1] = [("appendonly", "yes")];

/// A server that is told of its append-only file on its command line, as in a container, with a backup of it.
struct Told {
    place: Place,
    server: RedisServer,
    archive: [String; 1],
    digest: String,
}

impl Told {
    fn new(settings: &[(&str, &str)]) -> Told {
        let place = Place::new();
        let server = RedisServer::start(Program::usual(), &place, settings);
        server.fill();
        let archive = [folder(&place, "archive")];
        redis_backup(&server, &archive, "create").run().expect(0);
        let digest = server.digest();
        Told { place, server, archive, digest }
    }

    fn restore(&self, words: &[&str]) -> Run {
        redis_backup(&self.server, &self.archive, "restore").arg("--yes").args(words)
    }

    fn restore_to(&self, dir: &Path) -> Outcome {
        self.restore(&["--dir"]).arg(dir).run()
    }

    #[track_caller]
    fn comes_up(&self, dir: &Path, settings: &[(&str, &str)]) {
        let again = RedisServer::start_in(Program::usual(), &self.place, dir, settings);
        assert_eq!(again.digest(), self.digest, "{dir:?} {settings:?}: {}", again.log());
    }
}

#[test]
fn a_server_told_on_its_command_line_has_its_keys_again() {
    let mut told = Told::new(&AOF);
    told.server.run(&["FLUSHALL"]);
    told.server.kill();
    // Into its folder, which tells; into a new one, of which the backup tells.
    let (used, new) = (told.server.folder.clone(), told.place.folder("new"));
    for dir in [&used, &new] {
        told.restore_to(dir).expect(0);
        told.comes_up(dir, &AOF);
    }
    // The file that comes with Redis says no; the command line yes.
    let folder = told.place.folder("contradicted");
    let mut other = RedisServer::start_in(Program::usual(), &told.place, &folder, &AOF);
    other.run(&["SET", "old", "data"]);
    other.kill();
    let conf = conf(&told.server, &folder, "no");
    told.restore(&["--conf"]).arg(conf).run().expect(0);
    told.comes_up(&folder, &AOF);
    // And one without an append-only file finds its data, whatever lies there.
    let plain = told.place.folder("plain");
    told.restore_to(&plain).expect(0);
    told.comes_up(&plain, &[]);
}

/// An older backup does not tell either.
#[test]
fn what_nothing_tells_is_asked_for() {
    let told = Told::new(&[]);
    for path in super::objects(&told.archive[0]).iter().filter(|it| it.ends_with("backup.json")) {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains("\"appendonly\": false,"), "{text}");
        std::fs::write(path, text.replace("\"appendonly\": false,", "")).unwrap();
    }
    let new = told.place.folder("new");
    told.restore_to(&new).expect(2).says("found nothing in").says("--appendonly yes or no");
    assert_eq!(std::fs::read_dir(&new).unwrap().count(), 0);
    told.restore(&["--appendonly", "no", "--dir"]).arg(&new).run().expect(0);
    told.comes_up(&new, &[]);
}

#[test]
fn a_server_that_could_not_read_it_is_refused_before_anything_happens() {
    let told = Told::new(&[]);
    let new = told.place.folder("new");
    let refused =
        told.restore(&["--appendonly", "no", "--server-version", "5.0.3", "--dir"]).arg(&new).run();
    refused
        .expect(6)
        .says("expected a server that reads the data of Redis")
        .says("found version 5.0.3");
    // The old file tells who wrote it.
    told.place.file("new/dump.rdb", b"REDIS0006\xfa");
    let refused = told.restore_to(&new);
    refused.expect(6).says("found one that wrote REDIS0006 there").says("--server-version");
    assert_eq!(std::fs::read_dir(&new).unwrap().count(), 1);
    let version = format!("{}.{}", Program::usual().version.0, Program::usual().version.1);
    told.restore(&["--server-version", &version, "--dir"]).arg(&new).run().expect(0);

    let replica = told.place.file("replica.conf", format!("dir {new:?}\nreplicaof 127.0.0.1 1\n"));
    let refused = told.restore(&["--conf"]).arg(replica).run();
    refused.expect(6).says("found a replica of 127.0.0.1");
}

/// The live server answers, and the restored one was never started.
#[test]
fn another_server_is_not_counted_in_its_place() {
    let told = Told::new(&[]);
    let new = told.place.folder("new");
    let outcome = told.restore(&["--appendonly", "no", "--after", "true", "--dir"]).arg(&new).run();
    outcome.expect(6).says("found the one that has been running since before the restore");
    outcome.does_not_say("has its keys again");
}

#[test]
fn a_server_that_does_not_come_up_is_waited_for_no_hour() {
    let mut told = Told::new(&[]);
    told.server.kill();
    let new = told.place.folder("new");
    let restore = told.restore(&["--appendonly", "no", "--after", "true", "--dir"]).arg(&new);
    let outcome = restore.limit(Duration::from_secs(60)).run();
    outcome.expect(8).says(" within 30s: ").says("The earlier files are kept in that folder");
}

/// As the runbooks do it: root may read the configuration and start the service, and the server is another user.
#[test]
fn root_gives_the_files_to_the_servers_user() {
    let told = Told::new(&[]);
    let new = told.place.folder("new");
    let run = Run::new(&told.place, env!("CARGO_BIN_EXE_redis-backup")).args(["restore", "--yes"]);
    let run =
        run.args(["--repository", &told.archive[0], "--appendonly", "yes", "--dir"]).arg(&new);
    run.run().expect(0);
    told.comes_up(&new, &AOF);
}
