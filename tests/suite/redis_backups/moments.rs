//! Of which moment a backup is, and what it says of the keys at that moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::{folder, listed, redis_backup};
use crate::support::place::Place;
use crate::support::redis::{Program, RedisServer};
use crate::support::wait::wait_until;

fn time(of: &serde_json::Value, name: &str) -> Timestamp {
    of["description"][name].as_str().unwrap().parse().unwrap()
}

/// The server waits a while for more replicas before it forks.
#[test]
fn the_moment_of_the_data_is_recorded() {
    let place = Place::new();
    let settings = [("repl-diskless-sync", "yes"), ("repl-diskless-sync-delay", "3")];
    let server = RedisServer::start(Program::usual(), &place, &settings);
    server.fill();
    let archive = [folder(&place, "archive")];
    redis_backup(&server, &archive, "create").run().expect(0);
    for word in ["rdb", "files"] {
        redis_backup(&server, &archive, "create").args(["--source", word]).run().expect(0);
    }
    let all = listed(&server, &archive);
    let waited = |of: &serde_json::Value| time(of, "moment").duration_since(time(of, "began"));
    assert!(waited(&all[0]).as_secs() >= 1, "{}", all[0]);
    for one in &all {
        assert!(time(one, "moment") <= time(one, "ended"), "{one}");
        assert!(waited(one).as_secs() >= -1, "{one}");
    }
    let show = redis_backup(&server, &archive, "show").arg(all[0]["id"].as_str().unwrap()).run();
    assert!(show.expect(0).stdout.contains("Data of"), "{show}");
}

/// Keys that come while the files are copied are no fault of the backup.
#[test]
fn an_append_only_file_under_writes_passes_its_drill() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[("appendonly", "yes")]);
    server.fill();
    let archive = [folder(&place, "archive")];
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                server.run(&["SET", &format!("written {number}"), "meanwhile"]);
            }
        });
        for _ in 0..3 {
            redis_backup(&server, &archive, "create").args(["--source", "aof"]).run().expect(0);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(listed(&server, &archive)[0]["description"]["estimated"], true);
    // Where it has the name that packages give it.
    let (program, bin) = (Program::usual(), place.folder("programs"));
    let name = if program.valkey { "valkey-server" } else { "redis-server" };
    std::os::unix::fs::symlink(&program.path, bin.join(name)).unwrap();
    let drill = redis_backup(&server, &archive, "drill").arg("--drill-redis-bin").arg(bin);
    drill.arg("--drill-directory").arg(place.folder("drills")).run().expect(0);
}

/// Its memory is the only copy then.
#[test]
fn a_server_that_cannot_save_is_backed_up() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[("save", "3600 1")]);
    server.fill();
    let closed = |mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&server.folder, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    closed(0o500);
    server.run(&["BGSAVE"]);
    wait_until("its save to fail", Duration::from_secs(20), || {
        let text: String = server.ask(&["INFO", "persistence"]);
        text.contains("rdb_last_bgsave_status:err")
    });
    let archive = [folder(&place, "archive")];
    let outcome = redis_backup(&server, &archive, "create").run();
    closed(0o700);
    outcome.expect(0);
}

/// Redis 7.4 and Valkey 9 drop a hash whose fields all expired when they load it.
#[test]
fn hashes_whose_fields_expire_count_as_keys_that_do() {
    let knows = |it: &&Program| if it.valkey { it.version.0 >= 9 } else { it.version >= (7, 4) };
    for program in Program::all().iter().filter(knows) {
        let place = Place::new();
        let server = RedisServer::start(program, &place, &[]);
        server.run(&["SET", "stays", "1"]);
        for name in ["one", "two"] {
            server.run(&["HSET", name, "field", "value"]);
            server.run(&["HPEXPIRE", name, "600000", "FIELDS", "1", "field"]);
        }
        let archive = [folder(&place, "archive")];
        redis_backup(&server, &archive, "create").run().expect(0);
        let keys = listed(&server, &archive)[0]["description"]["keys"][0].clone();
        assert_eq!((&keys["keys"], &keys["expires"]), (&3.into(), &2.into()), "{program:?}");
        assert_eq!(server.keys()[0].expires, 2, "{program:?}");
    }
}
