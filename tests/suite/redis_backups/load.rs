//! A backup of a server that is written to all the time.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::{folder, listed, redis_backup};
use crate::support::place::Place;
use crate::support::process::Process;
use crate::support::redis::{Program, RedisServer};
use crate::support::user::as_server_user;
use crate::support::wait::poll;

const KEYS: usize = 16 << 10;
const VALUE_BYTES: usize = 4096;

/// Writes of all kinds until it is dropped.
fn redis_benchmark(server: &RedisServer) -> Process {
    let mut command = server.place().command("redis-benchmark");
    let port = server.port().to_string();
    command.args(["-p", &port, "-c", "10", "-r", "5000", "-n", "100000000", "-q"]);
    command.args(["-t", "set,incr,lpush,sadd,hset,zadd"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    as_server_user(&mut command);
    Process::start(command, Signal::KILL)
}

fn written(server: &RedisServer) -> u64 {
    let info: String = server.ask(&["INFO", "stats"]);
    let line = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
    line.unwrap().parse().unwrap()
}

/// 64 MiB that nobody touches, and others that are written meanwhile: the keys are those of one moment.
#[test]
fn under_write_load_it_is_the_data_of_one_moment() {
    let place = Place::new();
    let mut server = RedisServer::start(Program::usual(), &place, &[("appendonly", "yes")]);
    let (keys, bytes) = (KEYS.to_string(), VALUE_BYTES.to_string());
    let fill = "for key = 0, KEYS[1] - 1 do \
                redis.call('SET', 'still:' .. key, string.rep(key .. ' ', ARGV[1]):sub(1, ARGV[1])) end";
    server.run(&["EVAL", fill, "1", &keys, &bytes]);
    // Two that one script always changes together.
    server.run(&["MSET", "one", "0", "other", "0"]);
    let load = redis_benchmark(&server);
    let both = "for i = 1, 100 do redis.call('INCR', 'one') redis.call('INCR', 'other') end";
    let mut connection = server.connect();
    let (sender, stop) = std::sync::mpsc::channel::<()>();
    let writing = std::thread::spawn(move || {
        while let Err(std::sync::mpsc::TryRecvError::Empty) = stop.try_recv() {
            crate::support::redis::query::<redis::Value>(&mut connection, &["EVAL", both, "0"]);
        }
    });
    let before = written(&server);
    assert!(
        poll(Duration::from_secs(20), || (written(&server) > before + 1000).then_some(()))
            .is_some()
    );
    let archive = [folder(&place, "archive")];
    for source in ["connection", "files"] {
        let before = written(&server);
        redis_backup(&server, &archive, "create").args(["--source", source]).run().expect(0);
        assert!(written(&server) > before + 100, "there was no load");
    }
    drop(sender);
    writing.join().unwrap();
    drop(load);
    redis_backup(&server, &archive, "verify").run().expect(0);
    let still = |server: &RedisServer| -> Vec<String> {
        let names: Vec<String> = (0..KEYS).step_by(16).map(|key| format!("still:{key}")).collect();
        let words = ["DEBUG", "DIGEST-VALUE"].into_iter().chain(names.iter().map(String::as_str));
        server.ask(&words.collect::<Vec<_>>())
    };
    let expected = still(&server);
    server.kill();
    for backup in listed(&server, &archive) {
        let data = place.folder(&format!("data-{}", place.next_number()));
        let is_rdb = backup["description"]["content"] == "rdb";
        let appendonly = if is_rdb { "no" } else { "yes" };
        redis_backup(&server, &archive, "restore")
            .arg(backup["id"].as_str().unwrap())
            .arg("--conf")
            .arg(super::conf(&server, &data, appendonly))
            .arg("--yes")
            .run()
            .expect(0);
        let settings = [("appendonly", appendonly)];
        let again = RedisServer::start_in(Program::usual(), &place, &data, &settings);
        again.digest();
        assert_eq!(still(&again), expected);
        let [one, other]: [u64; 2] = ["one", "other"].map(|key| again.ask(&["GET", key]));
        assert_eq!(one, other, "half of a script");
        if is_rdb {
            let recorded = &backup["description"]["keys"][0]["keys"];
            assert_eq!(*recorded, Value::from(again.ask::<u64>(&["DBSIZE"])));
        }
    }
}
