//! A restored server is not the real one: it does not archive, unless it is to take its place.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::base_backup;
use super::own_server::Live;
use super::sound::{LIMIT, restore};
use crate::archiving::commands::Seawall;
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::wait::wait_until;

/// All files below a folder.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { [path].into() }).collect()
}

/// However it was restored, and although the real server archived with `always`.
#[test]
fn a_test_server_leaves_the_real_repository_alone() {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let archive = place.join("archive");
    let builder = || Server::builder(&place).segment_mib(1);
    let real = builder().archive_command(&seawall.push()).setting("archive_mode", "always");
    let mut real = real.init();
    real.start();
    real.set("archive_command", &seawall.push());
    real.sql("create table t as select generate_series(1, 100) i");
    base_backup(&seawall, &real, "create").arg("--standalone").run().expect(0);
    real.wait_archived(&real.switch_wal(), LIMIT);
    real.kill_nine();
    let mut before = files(&archive);

    let ways: [(&str, &[&str]); 3] =
        [("latest", &[]), ("immediate", &["--target-immediate"]), ("files", &["--no-recovery"])];
    for (name, words) in ways {
        let data = place.join(name);
        restore(&seawall, &data, words).expect(0);
        let mut server = builder().over(data);
        server.start();
        assert_eq!(server.sql("show archive_mode"), "off", "{name}");
        server.wait_promoted(LIMIT);
        server.sql("insert into t select generate_series(1, 100)");
        server.switch_wal();
        server.sql("checkpoint");
        assert_eq!(server.ready_files(), [""; 0], "{name}");
        assert_eq!(files(&archive), before);
        if name == "files" {
            no_backup_of_a_test_server(&seawall, &server);
            before = files(&archive);
        }
    }

    let data = place.join("heir");
    restore(&seawall, &data, &["--archive"]).expect(0);
    let mut heir = builder().over(data);
    heir.start();
    heir.wait_promoted(LIMIT);
    assert_eq!(heir.sql("show archive_mode"), "always");
    let segment = heir.switch_wal();
    heir.wait_archived(&segment, LIMIT);
    wait_until("its WAL to be in the repository", LIMIT, || {
        files(&archive).iter().any(|it| it.to_string_lossy().ends_with(&format!("{segment}.zst")))
    });
    let data = place.join("files that archive");
    restore(&seawall, &data, &["--no-recovery", "--archive"]).expect(0);
    let settings = fs::read_to_string(data.join("postgresql.auto.conf")).expect("its settings");
    assert!(!settings.contains("archive_mode"), "{settings}");
}

/// It would be the newest one of the real server. Its owner may say that it is the real one.
fn no_backup_of_a_test_server(seawall: &Seawall, server: &Server) {
    let create = || base_backup(seawall, server, "create").arg("--standalone").run();
    let text = "this server was restored without --archive: its backup would be the newest one \
                of the real server. HINT: If it is the real server from now on, or has its own \
                cluster name or repository, run: ALTER SYSTEM RESET archive_mode; ALTER SYSTEM RESET seawall.restored; SELECT pg_reload_conf().";
    create().expect(3).says(text);
    server.sql("alter system reset archive_mode");
    server.sql("alter system reset seawall.restored");
    server.sql("select pg_reload_conf()");
    create().expect(0);
}

/// It is the server of tomorrow: whoever promotes it, and that may be a program, is not to find out by the missing WAL that it
/// does not archive.
#[test]
fn a_standby_archives_once_it_is_promoted() {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let builder = || Server::builder(&place).segment_mib(1);
    let mut real = builder().archive_command(&seawall.push()).init();
    real.start();
    real.sql("create table t as select generate_series(1, 100) i");
    base_backup(&seawall, &real, "create").run().expect(0);
    real.wait_archived(&real.switch_wal(), LIMIT);
    real.kill_nine();
    let data = place.join("standby");
    let plan = seawall.base_backup_by_hand("restore").args(["--dry-run", "--standby"]);
    let plan = plan.arg(&data).run();
    plan.expect(0).shows("archiving   as on the old server: it archives once it is promoted");
    assert!(!plan.stdout.contains("so that a test can't write into a repository"), "{plan}");
    restore(&seawall, &data, &["--standby"]).expect(0).does_not_say("will archive nothing");
    let mut standby = builder().over(data);
    standby.start();
    assert_eq!(standby.sql("show archive_mode"), "on");
    standby.promote();
    standby.sql("insert into t select generate_series(1, 100)");
    let segment = standby.switch_wal();
    standby.wait_archived(&segment, LIMIT);
    let stored = format!("/{segment}.zst");
    assert!(files(&place.join("archive")).iter().any(|it| it.to_string_lossy().ends_with(&stored)));
}

/// The server of the backup was restored itself, and never told to archive; or somebody turned archiving off in it.
#[test]
fn a_standby_of_a_server_that_was_not_to_archive_archives_or_says_so() {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let builder = || Server::builder(&place).segment_mib(1);
    let mut real = builder().archive_command(&seawall.push()).init();
    real.start();
    // As in a cluster in which a standby of an older restore led once. The server has not read it yet.
    real.set("seawall.restored", "archives nothing until archive_mode is set again, or reset");
    real.set("archive_mode", "off");
    base_backup(&seawall, &real, "create").arg("--standalone").run().expect(0);
    for words in [&["--standby"][..], &["--archive"]] {
        let data = place.join(words[0]);
        restore(&seawall, &data, words).expect(0).does_not_say("will archive nothing");
        let settings = fs::read_to_string(data.join("postgresql.auto.conf")).expect("its settings");
        assert!(!settings.contains("archive_mode") && !settings.contains("seawall."), "{settings}");
    }
    real.reload();
    real.sql("alter system reset seawall.restored");
    base_backup(&seawall, &real, "create").run().expect(0);
    restore(&seawall, &place.join("told"), &["--standby"])
        .expect(0)
        .says("the restored server will archive nothing: ")
        .says("HINT: To archive, run ALTER SYSTEM RESET archive_mode, and restart the server.");
}

/// The command line of a container has precedence over what a restore writes.
#[test]
fn a_command_line_makes_no_test_server_archive() {
    let live = Live::new();
    let archive = live.place.join("archive");
    let of_the_test =
        || files(&archive).iter().any(|it| it.to_string_lossy().contains("/00000002"));
    let start = live.start("6007 -c archive_mode=on");
    live.restoring(&["--after", &start, "--follow"])
        .run()
        .expect(0)
        .says("the server takes writes");
    let sql = |query: &str| live.restored_sql("6007", query);
    assert_eq!(sql("show archive_mode"), "on");
    let failed = || sql("select failed_count > 0 from pg_stat_archiver") == "t";
    wait_until("an attempt to archive", LIMIT, failed);
    assert!(!of_the_test());
    let log = fs::read_to_string(live.place.join("hook.log")).expect("its log");
    assert!(log.contains("this server was restored without --archive: "), "{log}");
    assert!(
        log.contains(
            "HINT: If it is the real server from now on: ALTER SYSTEM RESET archive_mode;"
        ),
        "{log}"
    );
    // The server writes its file anew, and it is a test server all the same.
    sql("alter system set work_mem = '8MB'");
    let tries = || sql("select failed_count from pg_stat_archiver");
    let before = tries();
    wait_until("another attempt to archive", LIMIT, || tries() != before);
    assert!(!of_the_test());
    let doctor = || {
        let run =
            crate::support::run::Run::new(&live.place, env!("CARGO_BIN_EXE_seawall")).server_user();
        let run = run.args(["doctor", "--repository"]).arg(&archive).env("PGPORT", "6007");
        let run = run.env("PGHOST", live.place.sockets()).env("PGUSER", "postgres");
        run.arg("--json").env("PGDATABASE", "postgres").run()
    };
    let refused =
        "off in postgresql.auto.conf, by a restore: wal-push archives nothing of this server";
    doctor().shows(refused).shows("ALTER SYSTEM RESET archive_mode;");
    // Nothing else is needed to take the place of the real one, and nothing is lost.
    sql("alter system reset archive_mode");
    let segment = sql("create table u as select 1 i; select pg_walfile_name(pg_switch_wal())");
    wait_until("its WAL in the repository", LIMIT * 2, || {
        let stored = format!("/{}.zst", segment.lines().last().expect("a name"));
        files(&archive).iter().any(|it| it.to_string_lossy().ends_with(&stored))
    });
    assert!(of_the_test());
    assert!(!doctor().stdout.contains(refused));
    live.stop();
}
