//! A backup that does not come to its end is none, and says why.

use super::{folder, listed, objects, redis_backup};
use crate::support::place::Place;
use crate::support::redis::{Program, RedisServer};
use crate::support::s3::{Kind, S3Server};

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
