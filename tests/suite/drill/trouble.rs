use std::fs;

use super::{LIMIT, Scene, json, newest_backup};
use crate::archiving::commands::Seawall;
use crate::base_backups::base_backup;
use crate::scene::error;
use crate::support::place::Place;
use crate::support::postgres::{NEWEST, OLDEST, Server};
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::s3::{Kind, S3Server};
use crate::support::user::write_as_server_user;

#[test]
fn a_damaged_backup_fails_and_says_where() {
    let scene = Scene::new(NEWEST);
    let backup = newest_backup(&scene.archive());
    let description = fs::read(backup.join("backup.json")).unwrap();
    let description: serde_json::Value = serde_json::from_slice(&description).unwrap();
    let object = description["parts"][0]["object"].as_str().unwrap();
    let mut bytes = fs::read(backup.join(object)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    write_as_server_user(&backup.join(object), bytes);
    let outcome = scene.drill().arg("--json").run();
    let text = error(outcome.expect(5)).to_owned();
    assert!(text.starts_with("could not restore from repository local: "), "{text}");
    assert!(text.contains(object), "{text}");
    assert_eq!(json(&outcome)["reached"], serde_json::Value::Null);
    let records = scene.records();
    assert_eq!(records[0]["passed"], false);
    assert_eq!(records[0]["backups"][0], description["id"]);
    assert_eq!(records[0]["phases"].as_array().unwrap().len(), 1);
    scene.nothing_is_left();
}

#[test]
fn a_gap_fails_and_the_reach_is_said() {
    let scene = Scene::new(NEWEST);
    let missing = scene.server.switch_wal();
    scene.server.wait_archived(&missing, super::LIMIT);
    scene.server.sql("insert into t values (502, 'behind the gap')");
    let missing = scene.server.switch_wal();
    scene.server.wait_archived(&missing, super::LIMIT);
    scene.server.sql("insert into t values (503, 'behind the gap')");
    scene.archived();
    let key = super::keys(&scene.archive()).into_iter().find(|key| key.contains(&missing)).unwrap();
    fs::remove_file(scene.archive().join(key)).unwrap();
    let outcome = scene.drill().run();
    let text = error(outcome.expect(11)).to_owned();
    let id = newest_backup(&scene.archive()).file_name().unwrap().to_str().unwrap().to_owned();
    assert!(text.starts_with(&format!("the WAL after {id} ends at 0/")), "{text}");
    assert!(text.contains(" and is missing from there to 0/"), "{text}");
    let records = scene.records();
    assert_eq!(records[0]["passed"], false);
    let phases = records[0]["phases"].as_array().unwrap();
    assert_eq!(phases.len(), 2);
    scene.nothing_is_left();
}

/// Retention keeps what a backup needs itself, and in time nothing behind that.
#[test]
fn an_old_backup_is_rehearsed_to_its_own_end() {
    let scene = Scene::new(NEWEST);
    let old = newest_backup(&scene.archive()).file_name().unwrap().to_str().unwrap().to_owned();
    let switch = || {
        let segment = scene.server.switch_wal();
        scene.server.wait_archived(&segment, super::LIMIT);
        segment
    };
    switch();
    let mut lost = Vec::new();
    for row in 601..604 {
        scene.server.sql(&format!("insert into t values ({row}, 'behind it')"));
        lost.push(switch());
    }
    scene.server.sql("insert into t values (604, 'behind the gap')");
    switch();
    // The segment of the backup's end may hold some of what came behind it: nothing of that is there either.
    let description = fs::read(newest_backup(&scene.archive()).join("backup.json")).unwrap();
    let description: serde_json::Value = serde_json::from_slice(&description).unwrap();
    let stop = u32::from_str_radix(
        description["stop"]["lsn"].as_str().unwrap().split_once('/').unwrap().1,
        16,
    )
    .unwrap();
    let last = format!("{:08X}", (stop - 1) >> 20);
    for key in super::keys(&scene.archive()) {
        let name = key.rsplit('/').next().unwrap().split('.').next().unwrap().to_owned();
        let behind = name.len() == 24 && name[16..] > *last && name < lost[2];
        if behind || lost.contains(&name) {
            fs::remove_file(scene.archive().join(key)).unwrap();
        }
    }
    let outcome = scene.drill().args(["--backup", &old]).run();
    outcome.expect(0).says(&format!(
        "{old} has no WAL after it any more: the drill ends at the end of the backup"
    ));
    // Without a name it is the newest one that is rehearsed, and its WAL has to be there.
    scene.drill().run().expect(11).says("with --target-immediate at the end of the base backup");
    scene.nothing_is_left();
}

#[test]
fn what_is_not_there_is_said_before_anything_is_fetched() {
    let scene = Scene::new(NEWEST);
    let outcome = scene.drill().args(["--backup", "20200101T000000Z-0000"]).run();
    assert_eq!(
        error(outcome.expect(2)),
        "there is no base backup 20200101T000000Z-0000. HINT: `basebackup list` shows what \
         there is."
    );
    let nowhere = scene.place.folder("nowhere");
    let outcome =
        scene.seawall.base_backup_by_hand("drill").arg("--drill-postgres-bin").arg(&nowhere).run();
    assert_eq!(
        error(outcome.expect(2)),
        format!(
            "the programs of PostgreSQL {NEWEST} are not in {nowhere:?}. HINT: The backup is of that version: \
             mend drill.postgres_bin."
        )
    );
    assert_eq!(scene.records().len(), 0, "nothing was learnt of the backup");
    let long = scene.place.folder(&"x".repeat(90));
    scene.drill_in(&long).run().expect(3).says("HINT: Name a shorter drill.directory.");
    scene
        .drill_in(&scene.place.join("not-there"))
        .run()
        .expect(10)
        .says("could not create a folder in");
}

/// Pages that were damaged on the server before the backup, which nobody has read since, in the first and in
/// the second of the pieces in which a large table is read.
#[test]
fn a_table_that_cannot_be_read_is_found() {
    let mut scene = Scene::new(OLDEST);
    scene.server.sql("create table spoilt as select i, repeat('x', 1000) from generate_series(1, 25000) i; checkpoint");
    let path = scene.server.sql("select pg_relation_filepath('spoilt')");
    scene.server.stop(crate::support::postgres::Stop::Fast);
    let path = scene.server.data().join(path);
    let mut bytes = fs::read(&path).unwrap();
    // The header of a page: neither empty nor in order.
    for block in [1, 3000] {
        bytes[8192 * block..8192 * block + 64].fill(0xff);
    }
    write_as_server_user(&path, bytes);
    scene.server.start();
    let create = crate::base_backups::base_backup(&scene.seawall, &scene.server, "create");
    create.limit(super::LIMIT).run().expect(0);
    scene.archived();
    let outcome = scene.drill().run();
    let text = &outcome.expect(5).stderr;
    assert!(
        text.contains(
            "ERROR check \"tables\" failed: not every table could be read: public.spoilt in database \"postgres\": \
             the server says: invalid page in block "
        ),
        "{text}"
    );
    assert_eq!(text.matches("public.spoilt in database").count(), 1, "{text}");
    assert!(outcome.stdout.contains("\namcheck   FAILED"), "{outcome}");
}

#[test]
fn a_drill_that_takes_too_long_has_failed() {
    let scene = Scene::new(NEWEST);
    let outcome =
        scene.drill().args(["--drill-timeout=8s", "--assert", "select pg_sleep(60) is null"]).run();
    let text = error(outcome.expect(4));
    assert!(
        text.ends_with(
            "the drill did not end within 8s. HINT: Look for what is slow in the phases above it, or \
             raise drill.timeout."
        ),
        "{text}"
    );
    assert_eq!(scene.records()[0]["passed"], false);
    scene.nothing_is_left();
}

/// A store that goes on sending, a byte at a time, keeps no drill from ending in time.
#[test]
fn a_fetch_that_takes_too_long_is_cut_short() {
    let place = Place::new();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let seawall = Seawall::new(&place).s3(&s3);
    let builder = Server::builder(&place).segment_mib(1).envs(s3.environment());
    let mut server = builder.archive_command(&seawall.push()).init();
    server.start();
    base_backup(&seawall, &server, "create").envs(s3.environment()).limit(LIMIT).run().expect(0);
    let proxy = Proxy::start(s3.address());
    proxy.add(Rule::new(Fault::DribbleBody).method("GET").path(".tar"));
    let run = seawall.base_backup_by_hand("drill").envs(proxy.environment(&s3)).limit(LIMIT);
    let run = run.arg("--drill-directory").arg(place.folder("drills"));
    let outcome = run.arg("--drill-timeout=3s").run();
    let text = error(outcome.expect(4)).to_owned();
    assert!(text.starts_with("could not restore from repository s3: could not read "), "{text}");
    assert!(
        text.ends_with(
            ".tar.zst: the drill did not end within 3s. HINT: Look for what is slow in the phases \
             above it, or raise drill.timeout."
        ),
        "{text}"
    );
    assert!(outcome.stdout.contains("\nfetch       3."), "{outcome}");
    assert_eq!(std::fs::read_dir(place.join("drills")).unwrap().count(), 0);
}
