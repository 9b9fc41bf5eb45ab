//! Real servers of every version.

use std::time::Duration;

use crate::support::place::Place;
use crate::support::postgres::{Load, NEWEST, OLDEST, Server, Stop, VERSIONS, shell_word};
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

/// A server that archives with `cp`, and the command that brings a file back.
fn archiving_server(place: &Place, version: u32, segment_mib: u32) -> (Server, String) {
    let archive = shell_word(&place.folder("archive"));
    let server = Server::builder(place)
        .version(version)
        .segment_mib(segment_mib)
        .archive_command(&format!("cp %p {archive}/%f"))
        .init();
    (server, format!("cp {archive}/%f %p"))
}

#[test]
fn every_version_starts_archives_crashes_and_comes_back_from_its_archive() {
    for version in VERSIONS {
        let place = Place::with_odd_name();
        let (mut server, restore) = archiving_server(&place, version, 1);
        server.start();
        assert!(server.sql("show server_version").starts_with(&version.to_string()));
        assert_eq!(server.version(), version);
        server.pgbench_init(1);
        server.base_backup(&place.join("backup"));
        server.pgbench(2, Load::Transactions(50));
        let digest = server.digest();
        server.wait_archived(&server.switch_wal(), LIMIT);
        assert!(server.stat_archiver().archived_count > 10);

        server.kill_nine();
        assert!(!server.runs());
        server.start();
        assert_eq!(server.digest(), digest, "after crash recovery\n{}", server.log_since_start());
        server.kill_nine();
        server.lose_data();

        let mut restored = Server::builder(&place).version(version).over(place.join("backup"));
        restored.recover_with(&restore);
        restored.start();
        restored.wait_promoted(LIMIT);
        assert_eq!(restored.digest(), digest, "after archive recovery\n{}", restored.log());
        restored.stop(Stop::Fast);
    }
}

#[test]
fn a_crash_under_load_leaves_no_process_and_no_broken_cluster() {
    let place = Place::new();
    let (mut server, _) = archiving_server(&place, OLDEST, 16);
    server.start();
    server.pgbench_init(1);
    let load = server.pgbench_start(4, Load::Seconds(60));
    let history =
        || server.sql("select count(*) from pgbench_history").parse::<u32>().expect("a count");
    wait_until("some transactions", LIMIT, || history() > 50);
    server.kill_nine();
    assert_ne!(load.finish().status, Some(0));
    server.start();
    assert!(server.contents().contains("public.pgbench_history|"));
    server.restart();
    server.stop(Stop::Immediate);
}

#[test]
fn a_standby_follows_the_archive_and_is_promoted() {
    let place = Place::new();
    let (mut primary, restore) = archiving_server(&place, NEWEST, 16);
    primary.start();
    primary.sql("create table t (a int)");
    primary.base_backup(&place.join("standby"));
    let mut standby = Server::builder(&place).version(NEWEST).over(place.join("standby"));
    standby.stand_by_with(&restore);
    standby.start();
    assert_eq!(standby.system_identifier(), primary.system_identifier());
    primary.sql("insert into t values (1)");
    let lsn = primary.current_lsn();
    primary.wait_archived(&primary.switch_wal(), LIMIT);
    let behind = format!("select pg_last_wal_replay_lsn() >= '{lsn}'");
    wait_until("replay", LIMIT, || standby.sql(&behind) == "t");
    assert_eq!(standby.digest(), primary.digest());
    standby.promote();
    standby.sql("insert into t values (2)");
    assert!(standby.current_lsn() > lsn);
}

#[test]
fn a_recovery_that_fails_gives_its_log() {
    let place = Place::new();
    let (mut server, _) = archiving_server(&place, OLDEST, 16);
    server.start();
    server.base_backup(&place.join("backup"));
    let mut restored = Server::builder(&place).over(place.join("backup"));
    restored.recover_with("exit 200");
    let log = restored.start_expecting_failure();
    assert!(log.contains("FATAL:  could not restore file"), "{log}");
}

#[test]
fn a_failing_archive_command_shows_and_gets_the_environment() {
    let place = Place::new();
    let mut server = Server::builder(&place)
        .archive_command("echo \"mark=$TESTS_MARK\" >&2; exit $TESTS_STATUS")
        .env("TESTS_MARK", "it's 100%")
        .envs([("TESTS_STATUS".to_owned(), "1".to_owned())])
        .init();
    server.start();
    let segment = server.switch_wal();
    wait_until("a failure", LIMIT, || server.stat_archiver().failed_count > 0);
    assert_eq!(server.stat_archiver().last_failed, segment);
    assert_eq!(server.stat_archiver().last_archived, "");
    assert_eq!(server.ready_files(), [segment.as_str()]);
    assert!(server.log().contains("mark=it's 100%"), "{}", server.log());
    server.set("archive_command", "true");
    server.reload();
    server.wait_archived(&segment, LIMIT);
}

#[test]
#[should_panic(expected = "HINT: run scripts/install-servers.sh")]
fn a_missing_version_is_a_failure_with_a_hint() {
    Server::builder(&Place::new()).version(9).init();
}

#[test]
fn an_error_in_sql_comes_with_its_text() {
    let place = Place::new();
    let mut server = Server::builder(&place).setting("work_mem", "5MB").init();
    server.start();
    assert_eq!(server.sql("show work_mem"), "5MB");
    let error = server.try_sql("select 1/0").expect_err("an error");
    assert!(error.contains("division by zero"), "{error}");
    server.tool("pg_controldata").arg(server.data()).run().expect(0);
}
