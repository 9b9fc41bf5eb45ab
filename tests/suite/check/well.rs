//! All is well: nothing is said to be wrong, on the server and on another host.

use super::{Found, Watched};
use crate::archiving::commands::each_version;

#[test]
fn silence_when_all_is_well() {
    let watched = Watched::with_bucket();
    let found = watched.finds(0, &[]);
    found.only(&[]);
    let system = watched.system();
    found
        .says(
            "postgresql main, server",
            "ok",
            &format!("system {system}, a primary on timeline 1"),
            "",
        )
        .says("postgresql main, base backup in disk", "ok", "newest … old (…Z-…); 1 restorable", "")
        .says("postgresql main, base backup in s3", "ok", "newest … old (…Z-…); 1 restorable", "")
        .says("postgresql main, WAL in disk", "ok", "no gap from 0/… on", "")
        .says("postgresql main, archiving", "ok", "… was archived … ago", "")
        .says("postgresql main, backlog", "ok", "no WAL waits to be archived", "")
        .says("postgresql main, drill", "ok", "passed … ago; restored in 30s", "")
        .says("postgresql main, verification", "ok", "none yet", "")
        .says("postgresql main, space of pg_wal", "ok", "… % of the file system free (…)", "")
        .says("postgresql main, clock", "ok", "the server's clock agrees", "")
        .says("repository disk, access", "ok", "… answers", "")
        .says("repository disk, space", "ok", "… % of the file system free (…); … stored", "")
        .says("repository s3, space", "ok", "… stored", "")
        .says("repository s3, clock", "ok", "nothing is from the future", "");
    let page = watched.check().run();
    page.expect(0);
    assert!(
        page.stdout.starts_with("OK: 19 checks, all as they should be\n\nSTATE  WHAT  "),
        "{page}"
    );
    assert!(!page.stdout.contains('\u{1b}'), "no terminal: {page}");
}

/// What is in the segment being written is the RPO: at most `archive_timeout` old, and nothing once it is
/// finished and archived.
#[test]
fn the_rpo_is_what_is_not_archived() {
    let watched = Watched::with_folder();
    watched.server.sql("create table t as select generate_series(1, 1000)");
    let lost = "…s and … KiB would be lost: WAL is there up to 0/…, the server is at 0/…";
    watched.finds(0, &[]).says("postgresql main, RPO now in disk", "ok", lost, "");
    let lost = format!("{lost}; expected at most 0s");
    let found = watched.finds(2, &["--objectives-rpo=0s"]);
    found.says(
        "postgresql main, RPO now in disk",
        "critical",
        &lost,
        "SELECT * FROM pg_stat_archiver",
    );
}

#[test]
fn without_archive_timeout_the_hint_is_to_set_it() {
    let watched = Watched::new(false, &[("archive_timeout", "0")]);
    watched.server.sql("create table t as select generate_series(1, 1000)");
    let found = watched.finds(2, &["--objectives-rpo=0s"]);
    found.says(
        "postgresql main, RPO now in disk",
        "critical",
        "…; expected at most 0s",
        "A segment is archived when it is full: ALTER SYSTEM SET archive_timeout = '0s'; then",
    );
}

/// Nobody said where the server is: what would be lost is told from the repositories alone.
#[test]
fn on_another_host_the_repositories_tell() {
    let watched = Watched::with_bucket();
    let run = || {
        let run = watched.check();
        ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE"]
            .into_iter()
            .fold(run, |run, it| run.env(it, ""))
    };
    let run = |words: &[&str]| {
        run().args(["--postgres-connection", ""]).args(words).args(["--format", "json"]).run()
    };
    let found = Found::of(&run(&[]), 0);
    found.only(&[]);
    let up_to = "at most …s would be lost: WAL is there up to 0/…, stored 20…Z";
    found.says("postgresql main, RPO now in disk", "ok", up_to, "");
    found.says("postgresql main, RPO now in s3", "ok", up_to, "");
    let server = "not asked: postgres.connection does not say where it is";
    found.says("postgresql main, server", "ok", server, "");
    // An idle server looks the same, so it is a warning until a base backup would be due.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let late = format!("{up_to}; expected at most 1s");
    let found = Found::of(&run(&["--objectives-rpo=1s"]), 1);
    let hint = "An idle server looks the same from here.";
    found.says("postgresql main, RPO now in disk", "warning", &late, hint);
    let found = Found::of(&run(&["--objectives-rpo=1s", "--objectives-base-backup-age=1s"]), 2);
    found.says(
        "postgresql main, RPO now in disk",
        "critical",
        &late,
        "SELECT * FROM pg_stat_archiver",
    );
}

#[test]
fn a_server_that_was_named_and_does_not_answer_is_a_warning() {
    let mut watched = Watched::with_folder();
    watched.server.stop(crate::support::postgres::Stop::Fast);
    let found = watched.finds(1, &[]);
    found.says(
        "postgresql main, server",
        "warning",
        "could not be asked: could not connect: …",
        "Is the server running? If so, it is not where the PG… variables say.",
    );
    found.only(&["server"]);
}

/// What every version answers, also to a role that may see little.
fn every_version_is_asked(version: u32) {
    let place = crate::support::place::Place::new();
    let mut server = crate::support::postgres::Server::builder(&place)
        .version(version)
        .setting("archive_mode", "on")
        .setting("archive_command", "/bin/true")
        .init();
    server.start();
    server.sql("create role little login; create role watcher login in role pg_monitor");
    server.sql("create role sender login replication");
    for (role, sees) in
        [("postgres", true), ("watcher", true), ("little", false), ("sender", false)]
    {
        let disk = place.folder("disk");
        let run =
            crate::support::run::Run::new(&place, env!("CARGO_BIN_EXE_seawall")).server_user();
        let run = run.envs(server.connection()).env("PGUSER", role).env("PGDATABASE", "");
        let run = run.args(["check", "--format", "json", "--repository"]).arg(&disk);
        let found = Found::of(&run.run(), 2);
        let system = format!("system {}, a primary on timeline 1; …", server.system_identifier());
        let hint = "Does its archive_command call wal-push";
        found.says("postgresql main, server", "critical", &system, hint);
        found.says(
            "postgresql main, archiving",
            "critical",
            "archive_command = '/bin/true' archives nothing",
            "ALTER SYSTEM SET archive_command = '",
        );
        let backlog = found.all().iter().any(|it| it["check"] == "backlog");
        assert_eq!(backlog, sees, "{role}");
    }
}
each_version!(every_version_is_asked);
