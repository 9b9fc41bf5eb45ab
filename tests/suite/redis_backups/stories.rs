//! A server is lost and comes back.

use super::{conf, folder, listed, objects, redis_backup};
use crate::scene::KeyPair;
use crate::support::place::Place;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::Run;
use crate::support::s3::{Kind, S3Server};

/// From a folder and from a bucket, in the clear and encrypted, into servers of either persistence.
#[test]
fn a_server_has_all_its_keys_again() {
    for program in Program::all() {
        let place = Place::new();
        let s3 = S3Server::start(Kind::S3sFs, &place);
        let pair = KeyPair::new(&place);
        let mut server = RedisServer::start(program, &place, &[]);
        server.fill();
        let digest = server.digest();
        let archive = folder(&place, "archive");
        let bucket = format!("s3://{}/some", s3.bucket());
        let both = [archive.clone(), bucket.clone()];
        let recipients = ["--encryption-recipients", pair.recipient.as_str()];
        let outcome = redis_backup(&server, &both, "create").envs(s3.environment());
        outcome.args(recipients).args(["--label", "before the accident"]).run().expect(0);
        server.run(&["FLUSHALL"]);
        server.kill();
        for (number, repository) in [archive, bucket].into_iter().enumerate() {
            for appendonly in ["no", "yes"] {
                let data = place.folder(&format!("data-{number}-{appendonly}"));
                let outcome = redis_backup(&server, std::slice::from_ref(&repository), "restore")
                    .envs(s3.environment())
                    .arg("--encryption-identity-file")
                    .arg(&pair.file)
                    .arg("--conf")
                    .arg(conf(&server, &data, appendonly))
                    .arg("--yes")
                    .run();
                outcome.expect(0).says("restored");
                let settings = [("appendonly", appendonly)];
                let again = RedisServer::start_in(program, &place, &data, &settings);
                assert_eq!(again.digest(), digest, "{program:?} {appendonly} {}", again.log());
            }
        }
    }
}

/// RDB and append-only file, and by itself what the server would read.
#[test]
fn files_are_taken_too() {
    for program in Program::all() {
        for (appendonly, word, content) in [
            ("no", "rdb", "rdb"),
            ("no", "files", "rdb"),
            ("yes", "aof", "append_only"),
            ("yes", "files", "append_only"),
        ] {
            let place = Place::new();
            let mut server = RedisServer::start(program, &place, &[("appendonly", appendonly)]);
            server.fill();
            let digest = server.digest();
            let archive = [folder(&place, "archive")];
            redis_backup(&server, &archive, "create").args(["--source", word]).run().expect(0);
            assert_eq!(listed(&server, &archive)[0]["description"]["content"], content);
            redis_backup(&server, &archive, "verify").run().expect(0);
            server.kill();
            let data = place.folder("data");
            redis_backup(&server, &archive, "restore")
                .arg("--conf")
                .arg(conf(&server, &data, appendonly))
                .arg("--yes")
                .run()
                .expect(0);
            let settings = [("appendonly", appendonly)];
            let again = RedisServer::start_in(program, &place, &data, &settings);
            assert_eq!(again.digest(), digest, "{program:?} {word} {}", again.log());
        }
    }
}

/// The plan first; the running server is refused; then the commands around it, and the keys compared.
#[test]
fn one_command_stops_restores_starts_and_compares() {
    let place = Place::new();
    let mut server = RedisServer::start(Program::usual(), &place, &[]);
    server.fill();
    let archive = [folder(&place, "archive")];
    redis_backup(&server, &archive, "create").run().expect(0);
    server.run(&["SET", "old", "kept beside"]);
    server.save();
    let conf = conf(&server, &server.folder, "no");
    let restore = || redis_backup(&server, &archive, "restore").arg("--conf").arg(&conf);
    let outcome = restore().arg("--dry-run").run();
    outcome.expect(0);
    assert!(outcome.stdout.contains("reads dump.rdb there"), "{outcome}");
    restore().run().expect(2).says("there is no terminal to ask on. HINT: Add --yes.");
    restore().arg("--yes").run().expect(6).says("a server is running on");
    // The test is its parent and does not look after it meanwhile: dead is what has no program any more.
    let stop =
        format!("kill {}; while readlink -q /proc/{0}/exe; do sleep 0.1; done", server.pid());
    let settings = format!("--port {} --bind 127.0.0.1 --daemonize yes", server.port());
    let program = Program::usual().path.display();
    let pidfile = place.join("again.pid");
    let start =
        format!("{program} --dir \"$1\" --save '' --pidfile {} {settings}", pidfile.display());
    let outcome = restore().args(["--yes", "--before", &stop, "--after", &start]).run();
    outcome.expect(0).says("the server has its keys again");
    let end = "kill $(cat \"$0\"); while kill -0 $(cat \"$0\") 2>/dev/null; do sleep 0.1; done";
    Run::new(&place, "/bin/sh").server_user().args(["-c", end]).arg(&pidfile).run();
    let kept = std::fs::read_dir(&server.folder).unwrap().flatten();
    let kept = kept.filter(|file| file.file_name().to_string_lossy().starts_with("dump.rdb.old-"));
    assert_eq!(kept.count(), 1);
    server.kill();
}

#[test]
fn retention_goes_by_its_own_settings() {
    let place = Place::new();
    let server = RedisServer::start(Program::usual(), &place, &[]);
    server.run(&["SET", "a", "b"]);
    let archive = [folder(&place, "archive")];
    for _ in 0..3 {
        redis_backup(&server, &archive, "create").run().expect(0);
    }
    let ids: Vec<String> =
        listed(&server, &archive).iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 3);
    redis_backup(&server, &archive, "pin").arg(&ids[0]).run().expect(0);
    let prune = || {
        let run = redis_backup(&server, &archive, "prune");
        run.args(["--redis-keep-within=0s", "--redis-keep-last=0"])
    };
    let plan = prune().arg("--dry-run").run();
    plan.expect(0);
    let (plan, amount) = plan.stdout.split_once("To be deleted: ").expect("how much");
    let amount = amount.strip_suffix(" in local.\n").expect("how much");
    assert_eq!(
        plan,
        format!(
            "        IN     REDIS BACKUP           WHY\n\
             keep    local  {}  pinned\n\
             delete  local  {}  no rule keeps it\n\
             keep    local  {}  the newest good one\n\n",
            ids[0], ids[1], ids[2]
        )
    );
    assert_eq!(listed(&server, &archive).len(), 3);
    let done = prune().arg("--yes").run();
    done.expect(0);
    let text = format!("To be deleted: {amount} in local.\nDeleted 2 objects, {amount}.\n");
    assert!(done.stdout.ends_with(&text), "{done}");
    redis_backup(&server, &archive, "unpin").arg(&ids[0]).run().expect(0);
    prune().arg("--yes").run().expect(0);
    assert_eq!(listed(&server, &archive).len(), 1);
    assert_eq!(objects(&archive[0]).len(), 2);
}
