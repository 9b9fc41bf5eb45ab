//! A server that lost its keys answers as any other does.

use super::{conf, folder, listed, redis_backup};
use crate::support::place::Place;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::Run;

#[test]
fn a_server_that_lost_its_keys_is_said() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    server.fill();
    let keys: u64 = server.keys().iter().map(|it| it.keys).sum();
    let archive = [folder(&place, "archive")];
    let create = |words: &[&str]| redis_backup(&server, &archive, "create").args(words).run();
    create(&[]).expect(0);
    let whole = listed(&server, &archive)[0]["id"].as_str().unwrap().to_owned();
    server.run(&["FLUSHALL"]);
    let fell = format!("has far less than {whole}: 0 keys instead of {keys}");
    for _ in 0..2 {
        create(&[]).expect(4).says(&fell).says("redis-backup create --accept-fewer");
    }
    // One key that came since is not what was there.
    server.run(&["SET", "one", "key"]);
    create(&[]).expect(4).says(&format!("has far less than {whole}"));
    server.run(&["DEL", "one"]);
    create(&[]).expect(4).says(&fell);
    // Who keeps one only keeps the one that has them.
    let prune = |words: &[&str]| {
        let run = redis_backup(&server, &archive, "prune").args(words);
        run.args(["--redis-keep-within=0s", "--redis-keep-last=1", "--redis-keep-daily=0"]).run()
    };
    prune(&["--yes"]).expect(0);
    let plan = prune(&["--dry-run"]);
    assert!(plan.expect(0).stdout.contains(&format!("{whole}  the last before it fell")), "{plan}");

    let data = place.folder("data");
    let restore = |words: &[&str]| {
        let conf = conf(&server, &data, "no");
        redis_backup(&server, &archive, "restore").arg("--conf").arg(conf).args(words).run()
    };
    restore(&["--yes"]).expect(6).says(&fell);
    restore(&["--yes", &whole]).expect(0);
    let check = Run::new(&place, env!("CARGO_BIN_EXE_seawall")).server_user();
    let url = format!("redis://127.0.0.1:{}", server.port());
    let outcome = check.args(["check", "--repository", &archive[0], "--redis-url", &url]).run();
    let text = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("WARNING Redis main content"), "{outcome}");

    create(&["--accept-fewer"]).expect(0);
    create(&[]).expect(0);
    server.run(&["SET", "a", "b"]);
    create(&[]).expect(0);
}

#[test]
fn one_key_that_is_left_is_not_what_was_there() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    for number in 0..30 {
        server.run(&["SET", &format!("key{number}"), "value"]);
    }
    let archive = [folder(&place, "archive")];
    let create = || redis_backup(&server, &archive, "create").run();
    create().expect(0);
    server.run(&["FLUSHALL"]);
    server.run(&["SET", "key0", "value"]);
    create().expect(4).says("1 keys without an expiry instead of 30");
}

/// Keys that expire do so in numbers, but a thousand of them do not leave one behind.
#[test]
fn a_cache_that_lost_its_keys_is_said() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    let script = "for i = 1, 2000 do redis.call('SET', 'key' .. i, 'value', 'EX', 3600) end";
    server.run(&["EVAL", script, "0"]);
    let archive = [folder(&place, "archive")];
    let create = || redis_backup(&server, &archive, "create").run();
    create().expect(0);
    let delete = |from: u32, to: u32| {
        let script = format!("for i = {from}, {to} do redis.call('DEL', 'key' .. i) end");
        server.run(&["EVAL", &script, "0"]);
    };
    delete(1, 1900);
    create().expect(0);
    server.run(&["EVAL", script, "0"]);
    create().expect(0);
    delete(2, 2000);
    create().expect(4).says("1 keys instead of 2000");
}
