//! A backup that does not come to its end is none, and says why.

use super::{folder, listed, objects, redis_backup};
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::redis::{Program, RedisServer};
use crate::support::s3::{Kind, S3Server};
use crate::support::wait::poll;

const POINTS: [&str; 4] =
    ["create.part-begun", "create.part-stored", "create.parts-done", "create.described"];

#[test]
fn killed_anywhere_it_does_not_exist_and_prune_cleans_up() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    server.fill();
    let archive = [folder(&place, "archive")];
    for point in POINTS {
        let before = listed(&server, &archive).len();
        let outcome =
            redis_backup(&server, &archive, "create").env("SEAWALL_FAILPOINT", point).run();
        assert_eq!(outcome.signal, Some(9), "{point}: {outcome}");
        let now = listed(&server, &archive).len();
        assert_eq!(now - before, usize::from(point == "create.described"), "{point}");
    }
    std::thread::sleep(std::time::Duration::from_secs(1));
    let prune = redis_backup(&server, &archive, "prune");
    prune.args(["--yes", "--redis-keep-unfinished=0s"]).run().expect(0);
    assert_eq!(objects(&archive[0]).len(), 2, "{:?}", objects(&archive[0]));
}

#[test]
fn a_repository_that_is_lost_does_not_cost_the_other_one() {
    let place = Place::new();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let server = RedisServer::start(Program::usual(), &place, &[]);
    server.fill();
    let (archive, environment) = (folder(&place, "archive"), s3.environment());
    let both = [archive.clone(), format!("s3://{}/some", s3.bucket())];
    drop(s3);
    let outcome = redis_backup(&server, &both, "create")
        .envs(environment)
        .args(["--limits-attempts=1", "--limits-total-timeout=5s"])
        .run();
    outcome
        .expect(8)
        .says("could not store the backup in repository s3: ")
        .says("Redis backup done");
    assert_eq!(listed(&server, &[archive]).len(), 1);
}

/// What is foreign or short never becomes a backup.
#[test]
fn without_data_there_is_no_backup() {
    let place = Place::new();
    let mut server = RedisServer::start(Program::usual(), &place, &[("requirepass", "geheim")]);
    let archive = [folder(&place, "archive")];
    let outcome = redis_backup(&server, &archive, "create").run();
    outcome.expect(9).says("could not back up Redis: ");
    let outcome = redis_backup(&server, &archive, "create").env("REDISCLI_AUTH", "falsch").run();
    outcome.expect(9).does_not_say("falsch");
    redis_backup(&server, &archive, "create").env("REDISCLI_AUTH", "geheim").run().expect(0);
    server.kill();
    let outcome = redis_backup(&server, &archive, "create").run();
    outcome.expect(8).says("could not connect to redis://127.0.0.1:");
    assert_eq!(objects(&archive[0]).len(), 2);
    let outcome = redis_backup(&server, &[folder(&place, "empty")], "restore").run();
    outcome.expect(11).says(
        "there is no whole Redis backup to restore. HINT: `redis-backup list` shows what there is; are \
         redis.name and repository right?",
    );
}

/// Retention deletes the older one while it is verified: it counts as pruned.
#[test]
fn a_backup_that_is_pruned_while_it_is_verified_is_no_fault() {
    let place = Place::new();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let server = RedisServer::start(Program::usual(), &place, &[]);
    server.fill();
    let bucket = [format!("s3://{}/some", s3.bucket())];
    let run = |verb: &str| redis_backup(&server, &bucket, verb).envs(s3.environment());
    run("create").run().expect(0);
    let old = s3.keys();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    run("create").run().expect(0);
    let proxy = Proxy::start(s3.address());
    let data = old.iter().find(|key| !key.ends_with("backup.json")).expect("an object");
    let slow = Fault::Delay(std::time::Duration::from_secs(3));
    let name = data.rsplit('/').next().expect("a name");
    let path = format!("{}/{name}", data.rsplit('/').nth(1).expect("an id"));
    proxy.add(Rule::new(slow).method("GET").path(&path));
    let verify = redis_backup(&server, &bucket, "verify").envs(proxy.environment(&s3)).start();
    let asked = || (proxy.count("GET", &path) > 0).then_some(());
    poll(std::time::Duration::from_secs(30), asked).expect("it is read");
    old.iter().rev().for_each(|key| s3.delete(key));
    let outcome = verify.finish();
    assert!(outcome.expect(0).stdout.ends_with(": all is well\n"), "{outcome}");
    // One that nobody pruned, and that lacks an object, is damaged.
    proxy.clear();
    run("create").run().expect(0);
    let is_data = |key: &String| key.ends_with(name);
    let new = s3.keys().into_iter().rfind(is_data).expect("an object");
    s3.delete(&new);
    run("verify").run().expect(5);
}
