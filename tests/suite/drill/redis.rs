use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::{json, keys, records};
use crate::scene::error;
use crate::support::place::Place;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::Run;
use crate::support::user::write_as_server_user;
use crate::support::wait::poll;

pub struct Host {
    place: Place,
    pub server: RedisServer,
}

impl Host {
    pub fn new(program: &Program, settings: &[(&str, &str)]) -> Host {
        let place = Place::new();
        let server = RedisServer::start(program, &place, settings);
        server.fill();
        place.folder("archive");
        place.folder("drills");
        Host { place, server }
    }

    pub fn run(&self, verb: &str) -> Run {
        let run = Run::new(&self.place, env!("CARGO_BIN_EXE_redis-backup")).server_user();
        let url = format!("redis://127.0.0.1:{}", self.server.port());
        let run = run.arg(verb).arg("--repository").arg(self.place.join("archive"));
        run.args(["--redis-url", &url]).limit(super::LIMIT)
    }

    pub fn drill(&self, program: &Program) -> Run {
        // Where it has not the name that packages give it.
        let programs = self.place.folder("programs-of-redis");
        let name = if program.valkey { "valkey-server" } else { "redis-server" };
        let _ = std::os::unix::fs::symlink(&program.path, programs.join(name));
        let run = self.run("drill").arg("--drill-redis-bin").arg(programs);
        run.arg("--drill-directory").arg(self.place.join("drills"))
    }

    #[track_caller]
    fn nothing_is_left(&self) {
        assert_eq!(fs::read_dir(self.place.join("drills")).unwrap().count(), 0);
    }
}

#[test]
fn a_redis_backup_is_loaded_and_its_keys_are_counted() {
    for program in Program::all() {
        for (appendonly, source) in [("no", "rdb"), ("yes", "aof")] {
            let host = Host::new(program, &[("appendonly", appendonly)]);
            host.run("create").args(["--source", source]).run().expect(0);
            let before = keys(&host.place.join("archive"));
            let outcome = host.drill(program).arg("--json").env("REDISCLI_AUTH", "").run();
            let found = json(outcome.expect(0));
            assert_eq!(
                (&found["passed"], &found["checks"][0]["name"]),
                (&true.into(), &"keys".into())
            );
            host.nothing_is_left();
            let after = keys(&host.place.join("archive"));
            assert!(before.is_subset(&after) && after.len() == before.len() + 1);
            let records = records(&host.place.join("archive"), "drill");
            assert_eq!(records[0]["passed"], true);
            assert_eq!(records[0]["backups"][0], found["backup"]);
            let phases = records[0]["phases"].as_array().unwrap();
            assert_eq!(
                phases.iter().map(|it| it["name"].clone()).collect::<Vec<_>>(),
                ["fetch", "replay"]
            );
        }
    }
}

#[test]
fn what_is_wrong_with_a_redis_backup_is_said() {
    let program = Program::usual();
    let host = Host::new(program, &[]);
    let nothing = host.drill(program).run();
    assert!(error(nothing.expect(11)).starts_with("there is no whole Redis backup to restore"));
    host.run("create").run().expect(0);
    let empty = host.place.folder("empty");
    let outcome = host.run("drill").arg("--drill-redis-bin").arg(&empty).run();
    assert_eq!(
        error(outcome.expect(2)),
        format!(
            "there is no redis-server or valkey-server in {empty:?}. HINT: Install it, or say where it is: \
             --drill-redis-bin FOLDER."
        )
    );
    // The description says more keys than there are.
    let archive = host.place.join("archive");
    let key = keys(&archive).into_iter().find(|key| key.ends_with("backup.json")).unwrap();
    let text = fs::read_to_string(archive.join(&key)).unwrap();
    let mut description: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys_of = description["keys"][0]["keys"].as_u64().unwrap();
    description["keys"][0]["keys"] = (keys_of + 100_000).into();
    write_as_server_user(&archive.join(&key), description.to_string());
    let outcome = host.drill(program).run();
    let text = error(outcome.expect(5));
    assert!(
        text.starts_with(
            "check \"keys\" failed: the keys differ from those of the backup: database 0: expected "
        ),
        "{text}"
    );
    write_as_server_user(&archive.join(&key), fs::read(archive.join(&key)).unwrap());
    let object = Path::new(&key).with_file_name("dump.rdb.zst");
    let mut bytes = fs::read(archive.join(&object)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    write_as_server_user(&archive.join(&object), bytes);
    host.drill(program).run().expect(5).says("could not restore from repository local: ");
    let passed: Vec<_> =
        records(&archive, "drill").iter().map(|it| it["passed"].as_bool()).collect();
    // Nothing is learnt where there is no program.
    assert_eq!(passed, [Some(false); 3]);
    host.nothing_is_left();
}

#[test]
fn a_redis_that_is_kept_can_be_started_once_more() {
    let program = Program::usual();
    let host = Host::new(program, &[]);
    host.run("create").run().expect(0);
    let outcome = host.drill(program).arg("--keep").run();
    let line = outcome.expect(0).stdout.lines().find(|line| line.starts_with("kept "));
    let (folder, command) = line.expect("it says so")[12..].split_once("; ").expect("how");
    let (server, conf) = command.split_once(' ').expect("program and configuration");
    let (folder, conf) = (Path::new(folder), Path::new(conf));
    assert_eq!(conf, folder.join("redis.conf"));
    let password = fs::read_to_string(folder.join("password")).unwrap();
    let mut started = host.place.command(server);
    let mut started = started.arg(conf).stdout(Stdio::null()).spawn().unwrap();
    let url = format!("unix://{}?pass={password}", folder.join("redis.sock").display());
    let client = redis::Client::open(url).unwrap();
    let keys = poll(Duration::from_secs(20), || {
        let mut connection = client.get_connection().ok()?;
        redis::cmd("DBSIZE").query::<u64>(&mut connection).ok()
    });
    let _ = started.kill();
    let _ = started.wait();
    assert!(keys.is_some_and(|keys| keys > 0), "{keys:?}");
    // Another drill leaves it alone.
    host.drill(program).run().expect(0);
    assert_eq!(fs::read_dir(host.place.join("drills")).unwrap().count(), 1);
}

/// Two repositories of the command line have the names that are given to such.
#[test]
fn the_record_names_the_repository_that_gave_the_backup() {
    let program = Program::usual();
    let host = Host::new(program, &[]);
    let second = host.place.folder("second");
    let both = |run: Run| run.arg("--repository").arg(&second);
    both(host.run("create")).run().expect(0);
    let archive = host.place.join("archive");
    let key = keys(&archive).into_iter().find(|key| key.ends_with(".rdb.zst")).unwrap();
    let length = fs::read(archive.join(&key)).unwrap().len();
    write_as_server_user(&archive.join(&key), "x".repeat(length));
    let outcome = both(host.drill(program)).arg("--json").run();
    assert_eq!(
        json(outcome.expect(0).says("going on with repository local2: "))["repository"],
        "local2"
    );
    for repository in [&archive, &second] {
        assert_eq!(records(repository, "drill")[0]["repository"], "local2");
    }
}
