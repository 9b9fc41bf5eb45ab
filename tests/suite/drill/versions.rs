use super::{Scene, json};
use crate::archiving::commands::each_version;
use crate::scene::warnings;
use crate::support::postgres::NEWEST;

each_version!(a_backup_is_rehearsed_and_recorded);

fn a_backup_is_rehearsed_and_recorded(version: u32) {
    let scene = Scene::new(version);
    let assertion = "select count(*) = 501 from t";
    let outcome = scene.drill().args(["--json", "--assert", assertion]).run();
    outcome.expect(0);
    assert_eq!(warnings(&outcome), [""; 0], "{outcome}");
    let found = json(&outcome);
    assert_eq!(found["passed"], true);
    assert_eq!(found["repository"], "local");
    assert_eq!(found["reached"]["timeline"], 1);
    let version_found = found["postgres_version"].as_str().unwrap();
    assert!(version_found.starts_with(&version.to_string()), "{found}");
    assert!(found["reached"]["rpo_seconds"].as_f64().unwrap() < 120.0, "{found}");
    let phases: Vec<&str> =
        found["phases"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(phases, ["fetch", "replay", "checks"]);
    // Data checksums are the default since 18.
    let checksums = if version >= 18 { "passed" } else { "skipped" };
    let checks: Vec<(&str, &str)> = found["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it["result"].as_str().unwrap()))
        .collect();
    let expected = [
        ("tables", "passed"),
        ("amcheck", "passed"),
        ("assertion 1", "passed"),
        ("checksums", checksums),
    ];
    assert_eq!(checks, expected);
    scene.nothing_is_left();
    let records = scene.records();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!((&record["passed"], &record["kind"]), (&true.into(), &"drill".into()));
    assert_eq!(record["backups"][0], found["backup"]);
    assert_eq!(record["reached"]["lsn"], found["reached"]["lsn"]);
    // Nothing of the data, and no SQL.
    assert!(!record.to_string().contains("count("));
}

#[test]
fn people_get_a_short_table() {
    let scene = Scene::new(NEWEST);
    let outcome = scene.drill().run();
    let lines: Vec<&str> = outcome.expect(0).stdout.lines().collect();
    let begin = ["backup ", "server ", "fetch ", "replay ", "checks ", "reached ", "RTO ", "RPO "];
    for (line, begin) in lines.iter().zip(begin) {
        assert!(line.starts_with(begin), "{outcome}");
    }
    assert!(outcome.stdout.contains(", objective 30m: met\n"), "{outcome}");
    assert!(
        outcome.stdout.contains("\n\nCHECK      RESULT  DETAILS\ntables     passed  "),
        "{outcome}"
    );
}

#[test]
fn a_target_and_an_older_backup_can_be_rehearsed() {
    let scene = Scene::new(NEWEST);
    let lsn = scene.server.current_lsn();
    scene.server.sql("drop table t");
    scene.archived();
    let drill = |words: &[&str], assertion: &str| {
        scene.drill().args(words).args(["--assert", assertion]).run()
    };
    drill(&[], "select to_regclass('t') is null").expect(0);
    drill(&["--target-lsn", &lsn], "select count(*) = 501 from t").expect(0);
    drill(&["--target-immediate"], "select count(*) = 500 from t").expect(0);
    assert_eq!(scene.records().len(), 3);
}

#[test]
fn a_folder_that_is_kept_starts_and_is_nobodys_to_remove() {
    let mut scene = Scene::new(NEWEST);
    let outcome = scene.drill().args(["--keep", "--json"]).run();
    let found = json(outcome.expect(0));
    let kept = std::path::PathBuf::from(found["kept"].as_str().unwrap());
    scene.drill().run().expect(0);
    scene.server.kill_nine();
    let mut kept = crate::support::postgres::Server::builder(&scene.place)
        .version(NEWEST)
        .over(kept.join("data"));
    kept.start();
    assert_eq!(kept.sql("select count(*) from t"), "501");
}
