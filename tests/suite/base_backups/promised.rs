//! What a plan promises is reached, also where WAL is missing behind it, and whatever was set for the old server.

use std::fs;
use std::path::{Path, PathBuf};

use super::base_backup;
use super::sound::{LIMIT, ids, restore, restoring};
use crate::archiving::commands::{Seawall, each_version};
use crate::support::place::Place;
use crate::support::postgres::{Builder, Installation, NEWEST, Server};

struct Scene {
    place: Place,
    seawall: Seawall,
    version: u32,
}

impl Scene {
    fn new(version: u32) -> Scene {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        Scene { place, seawall, version }
    }

    fn builder(&self) -> Builder {
        Server::builder(&self.place).version(self.version).segment_mib(1)
    }

    fn archive(&self) -> PathBuf {
        self.place.join("archive")
    }

    /// A server that archives, with an empty table, backed up.
    fn backed_up(&self, builder: Builder) -> Server {
        let mut server = builder.archive_command(&self.seawall.push()).init();
        server.start();
        server.sql("create table t (i int)");
        base_backup(&self.seawall, &server, "create").limit(LIMIT).run().expect(0);
        server
    }

    /// How many rows a server has that recovers to its end there.
    #[track_caller]
    fn rows(&self, words: &[&str]) -> String {
        let data = self.place.join("data");
        let _ = fs::remove_dir_all(&data);
        restore(&self.seawall, &data, words).expect(0);
        let mut server = self.builder().over(data);
        server.start();
        server.wait_promoted(LIMIT);
        let rows = server.sql("select count(*) from t");
        server.kill_nine();
        rows
    }

    fn lose_segment(&self, segment: &str) {
        let name = format!("{segment}.zst");
        let found = files(&self.archive()).into_iter().find(|path| path.ends_with(&name));
        fs::remove_file(found.expect("it is archived")).expect("root or owner");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

each_version!(a_target_before_a_gap_is_reached);

/// The server would read ahead into the gap (`recovery_prefetch`), be it one that retention made or one of lost WAL.
fn a_target_before_a_gap_is_reached(version: u32) {
    let scene = Scene::new(version);
    let server = scene.backed_up(scene.builder());
    // On a quiet server half a MiB of records are many segments.
    let step = || {
        server.sql("insert into t values (1)");
        let lsn = server.current_lsn();
        let segment = server.switch_wal();
        server.wait_archived(&segment, LIMIT);
        (lsn, segment)
    };
    let steps = [step(), step(), step(), step(), step()];
    base_backup(&scene.seawall, &server, "create").limit(LIMIT).run().expect(0);
    server.wait_archived(&server.switch_wal(), LIMIT);
    drop(server);
    let old = ids(&scene.archive())[0].clone();
    scene.lose_segment(&steps[3].1);
    for (lsn, rows) in [(&steps[1].0, "2"), (&steps[2].0, "3")] {
        assert_eq!(scene.rows(&["--target-lsn", lsn]), rows, "{lsn}");
    }
    let old = ["--backup", old.as_str()];
    assert_eq!(scene.rows(&[&old[..], &["--target-immediate"]].concat()), "0");
    // With some WAL behind it, that is asked for: nobody says how far.
    let plan =
        restore(&scene.seawall, &scene.place.join("new"), &[&old[..], &["--dry-run"]].concat());
    plan.expect(0).shows("gap         then WAL is missing up to ").shows(
        "beware      without a target the server recovers into that gap and stops. To end before the gap: --target-lsn or \
         --target-time; to end with the backup, at ",
    );
    // Nothing is left but what the backup needs itself.
    steps[..3].iter().for_each(|(_, segment)| scene.lose_segment(segment));
    assert_eq!(scene.rows(&[&old[..], &["--target-immediate"]].concat()), "0");
    // Without a target nothing else can be meant.
    let new = scene.place.join("new");
    let plan = restore(&scene.seawall, &new, &[&old[..], &["--dry-run"]].concat());
    plan.expect(0)
        .shows("gap         then WAL is missing up to ")
        .shows("target      the end of the backup\n")
        .says(" has no WAL after it any more: the restore ends at the end of the backup");
    assert_eq!(scene.rows(&old), "0");
}

each_version!(settings_of_the_old_server_do_not_act_on_the_recovery);

fn settings_of_the_old_server_do_not_act_on_the_recovery(version: u32) {
    let scene = Scene::new(version);
    let mark = scene.place.join("mark");
    let touch = format!("touch '{}'", mark.display());
    let trigger = scene.place.file("trigger", "");
    let builder = scene.builder().setting("recovery_min_apply_delay", "1h");
    let builder =
        builder.setting("archive_cleanup_command", &touch).setting("recovery_end_command", &touch);
    let builder = builder
        .setting("recovery_target_action", "shutdown")
        .setting("recovery_target_inclusive", "off");
    let builder = match version {
        15 => builder.setting("promote_trigger_file", &trigger.display().to_string()),
        _ => builder,
    };
    let server = scene.backed_up(builder);
    server.sql("insert into t values (1)");
    let lsn = server.current_lsn();
    server.sql("insert into t values (2)");
    server.wait_archived(&server.switch_wal(), LIMIT);
    drop(server);
    assert_eq!(scene.rows(&[]), "2");
    assert_eq!(scene.rows(&["--target-lsn", &lsn]), "1");
    assert!(!mark.exists());
}

#[test]
fn a_target_before_the_newest_backup_is_reached_from_the_older_one() {
    let scene = Scene::new(NEWEST);
    let server = scene.backed_up(
        scene
            .builder()
            .setting("unix_socket_directories", &scene.place.sockets().display().to_string()),
    );
    let xid = server.sql("insert into t values (1) returning pg_current_xact_id()");
    let xid = xid.lines().next().expect("its number").to_owned();
    server.sql("select pg_create_restore_point('early')");
    server.sql("insert into t values (2)");
    base_backup(&scene.seawall, &server, "create").limit(LIMIT).run().expect(0);
    server.sql("select pg_create_restore_point('late')");
    server.wait_archived(&server.switch_wal(), LIMIT);
    drop(server);
    let [older, newest] = <[String; 2]>::try_from(ids(&scene.archive())).expect("two");
    let data = scene.place.join("early");
    // The beginning of an id is enough, unless there are several.
    let named = |id: &str| restore(&scene.seawall, &data, &["--dry-run", "--backup", id]);
    named(&older[..older.len() - 1]).expect(0).shows(&format!("backup      {older} (seawall)\n"));
    named("20")
        .expect(2)
        .says("expected one base backup with an id that begins with \"20\", found 2: ")
        .says("HINT: Give more of the id.");
    let target = ["--target-name", "early"];
    let plan = restore(&scene.seawall, &data, &[&target[..], &["--dry-run"]].concat());
    plan.expect(0).shows(&format!("backup      {older} (seawall)\n"));
    assert!(!plan.stdout.contains("\nolder "), "{plan}");
    plan.shows("target      restore point \"early\" (at 0/");
    assert_eq!(scene.rows(&target), "1");
    let xid = ["--target-xid", &xid];
    assert_eq!(scene.rows(&xid), "1");
    let plan = restore(&scene.seawall, &data, &[&xid[..], &["--dry-run"]].concat());
    plan.expect(0).shows(&format!("backup      {older} (seawall)\n"));
    // What lies behind the newest one is reached from that.
    let plan = restore(&scene.seawall, &data, &["--target-name", "late", "--dry-run"]);
    plan.expect(0).shows(&format!("backup      {newest} (seawall)\n"));
    let plan = restore(&scene.seawall, &data, &["--target-name", "never", "--dry-run"]);
    plan.expect(0).shows(&format!(": --backup {older}\n")).shows(
        "target      restore point \"never\" (which was not found in the WAL: the server will hardly reach it)\n",
    );
    // Where somebody names the wrong one, the right one is named.
    let wrong =
        restoring(&scene.seawall, &data).args(target).args(["--backup", &newest, "--start"]);
    let program = Installation::of(NEWEST).program("pg_ctl");
    let wrong = wrong.arg("--postgres-bin").arg(Path::new(&program).parent().expect("a folder"));
    let failed = wrong.env("PGUSER", "postgres").run();
    failed.expect(11).says("recovery ended before configured recovery target was reached").says(&format!(
        "HINT: If the target is before this base backup, use the one before it: --delta --backup {older}"
    ));
}

/// A test server that was let archive has begun a timeline, and the real one went on.
#[test]
fn a_timeline_that_went_on_is_told() {
    let scene = Scene::new(NEWEST);
    let server = scene.backed_up(scene.builder());
    server.wait_archived(&server.switch_wal(), LIMIT);
    let data = scene.place.join("test");
    restore(&scene.seawall, &data, &["--archive"]).expect(0);
    let mut test = scene.builder().over(data);
    test.start();
    test.wait_promoted(LIMIT);
    test.wait_archived(&test.switch_wal(), LIMIT);
    drop(test);
    for _ in 0..3 {
        server.sql("insert into t values (1)");
        server.wait_archived(&server.switch_wal(), LIMIT);
    }
    drop(server);
    let plan = restore(&scene.seawall, &scene.place.join("new"), &["--dry-run"]);
    plan.expect(0).shows("beware      timeline 1 went on to 0/").shows(
        ", where it was left for timeline 2: this restore does not contain what was written there. If timeline 2 was a mistake or a test: \
         --target-timeline 1\n",
    );
    let plan =
        restore(&scene.seawall, &scene.place.join("new"), &["--dry-run", "--target-timeline", "1"]);
    assert!(!plan.expect(0).stdout.contains("went on to"), "{plan}");
    assert_eq!(scene.rows(&["--target-timeline", "1"]), "3");
}
