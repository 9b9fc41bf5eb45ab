//! Where the system gives no thread besides the first one (`ulimit -u`, limits of a unit or a container): what can be
//! done in one thread is done, the rest says what is wrong, and nothing panics.

use std::fs;

use crate::archiving::commands::Seawall;
use crate::base_backups::base_backup;
use crate::by_hand::ByHand;
use crate::media_backups::story::Story;
use crate::redis_backups::{folder, redis_backup};
use crate::support::place::Place;
use crate::support::postgres::{Installation, Server};
use crate::support::redis::{Program, RedisServer};
use crate::support::run::{Outcome, Run};
use crate::support::wal::{DataDirectory, wal_files};

const NO_THREAD: &str = "could not start a thread: Resource temporarily unavailable (os error 11). HINT: Raise \
                         ulimit -u of this user, TasksMax of its unit or pids of its container.";

/// Ends like this; one that is not 0 says why.
#[track_caller]
fn ends(run: Run, status: i32) -> Outcome {
    let outcome = run.without_threads().run();
    outcome.expect(status).does_not_say("panicked").does_not_say("bug in Seawall");
    if status != 0 {
        outcome.says(NO_THREAD);
    }
    outcome
}

#[test]
fn a_push_takes_others_along_and_a_fetch_brings_them_back() {
    let host = ByHand::new();
    for number in 0..4 {
        host.has(number);
        host.directory.mark_ready(host.name(number));
    }
    let path = format!("pg_wal/{}", host.name(0));
    ends(host.push().args([path.as_str(), host.name(0)]), 0);
    assert_eq!(host.stored().len(), 4);
    host.directory.signal("recovery.signal");
    ends(host.fetch().args([host.name(0), "pg_wal/RECOVERYXLOG"]), 0);
    let fetched = fs::read(host.directory.wal("RECOVERYXLOG")).expect("fetched");
    assert!(fetched == host.bytes(0));
}

/// One alone is compressed by several threads, where there are any.
#[test]
fn a_large_file_is_compressed_in_the_only_thread() {
    let place = Place::new();
    let wal = wal_files(15, 16);
    let directory = DataDirectory::new(&place, &wal);
    let (name, bytes) = &wal.segments[0];
    directory.put(name, bytes);
    let seawall = Seawall::new(&place).local("one").local("two");
    ends(seawall.push_by_hand(directory.path(), &directory.wal(name), name), 0);
    let fetched = place.join("fetched");
    ends(seawall.fetch_by_hand(directory.path(), name, &fetched), 0);
    assert!(fs::read(&fetched).expect("fetched") == *bytes);
}

/// The C library looks names up for as long as it likes, which takes a thread.
#[test]
fn a_store_with_a_name_is_not_reached() {
    let host = ByHand::new();
    host.has(0);
    let config = "[[repository]]\nurl = \"s3://bucket\"\nendpoint = \"http://localhost:9\"\n[limits]\nattempts = 1\n";
    let config = host.place.file("seawall.toml", config);
    let keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let named =
        |run: Run| run.env("SEAWALL_REPOSITORY", "").envs(keys).arg("--config").arg(&config);
    let path = format!("pg_wal/{}", host.name(0));
    ends(named(host.push()).args([path.as_str(), host.name(0)]), 10);
    host.directory.signal("recovery.signal");
    ends(named(host.fetch()).args([host.name(0), "pg_wal/RECOVERYXLOG"]), 210);
}

#[test]
fn base_backups_and_the_checks_do_what_they_can() {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    place.folder("drills");
    let builder = Server::builder(&place).segment_mib(1).archive_command(&seawall.push());
    let mut server = builder.init();
    server.start();
    base_backup(&seawall, &server, "create").run().expect(0);
    ends(base_backup(&seawall, &server, "create"), 10);
    ends(base_backup(&seawall, &server, "list"), 0);
    ends(base_backup(&seawall, &server, "prune").arg("--dry-run"), 0);
    ends(base_backup(&seawall, &server, "verify").arg("--newest"), 10);
    let restore = base_backup(&seawall, &server, "restore").arg("--yes");
    ends(restore.arg(place.join("restored")), 10);
    let programs = Installation::of(server.version()).program("postgres");
    let programs = programs.trim_end_matches("/postgres").to_owned();
    let drill = base_backup(&seawall, &server, "drill").args(["--drill-postgres-bin", &programs]);
    // Not even a program can be run there.
    let outcome = drill.arg("--drill-directory").arg(place.join("drills")).without_threads().run();
    outcome.does_not_say("panicked").does_not_say("bug in Seawall");
    let of_seawall = |verb: &str| {
        let run = Run::new(&place, env!("CARGO_BIN_EXE_seawall")).server_user().arg(verb);
        run.arg("--repository").arg(place.join("archive")).envs(server.connection())
    };
    ends(of_seawall("check"), 3);
    let outcome = of_seawall("doctor").without_threads().run();
    outcome.does_not_say("panicked").does_not_say("bug in Seawall");
    ends(of_seawall("report").arg("--html").arg(place.join("report.html")), 0);
}

#[test]
fn media_and_redis_say_what_is_wrong() {
    let story = Story::with_files(30);
    ends(story.run(&["create"]), 10);
    story.run(&["create"]).run().expect(0);
    ends(story.run(&["list"]), 0);
    ends(story.run(&["verify", "--repository", "local"]), 10);
    let to = story.place.join("to");
    let words = ["restore", "--repository", "local", "--yes", "--to"];
    let outcome = story.run(&words).arg(&to).without_threads().run();
    outcome.does_not_say("panicked").does_not_say("bug in Seawall");

    let place = Place::new();
    let server = RedisServer::start(&Program::all()[0], &place, &[]);
    let archive = [folder(&place, "archive")];
    ends(redis_backup(&server, &archive, "create"), 10);
    redis_backup(&server, &archive, "create").run().expect(0);
    ends(redis_backup(&server, &archive, "list"), 0);
    ends(redis_backup(&server, &archive, "verify"), 10);
}
