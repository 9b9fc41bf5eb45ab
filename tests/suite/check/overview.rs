//! `seawall list`: PostgreSQL, Redis and media files on one screen, as `check` sees them.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use seawall::history::{RecordKind, RecordSubject};
use serde_json::Value;

use super::{LIMIT, Watched, keys, like, record};
use crate::archiving::commands::write_segments;
use crate::listing::laid::Laid;
use crate::scene::Store;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::{Outcome, Run};
use crate::support::user::write_as_server_user;

fn list(watched: &Watched, words: &[&str]) -> Outcome {
    let run = watched.program(env!("CARGO_BIN_EXE_seawall")).arg("list");
    run.arg("--config").arg(&watched.config).args(words).env("COLUMNS", "80").run()
}

#[track_caller]
fn parsed(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

fn time(value: &Value) -> Timestamp {
    value.as_str().and_then(|it| it.parse().ok()).unwrap_or_else(|| panic!("no time: {value}"))
}

/// A page of these lines, each as [`like`] has it, and no line that a terminal of 80 columns would tear.
#[track_caller]
fn shows(outcome: &Outcome, lines: &[&str]) {
    let found: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(found.len(), lines.len(), "{outcome}");
    for (found, expected) in found.iter().zip(lines) {
        assert!(like(found, expected), "expected {expected:?}, found {found:?}: {outcome}");
        assert!(found.chars().count() <= 80, "{found:?}: {outcome}");
    }
}

/// A Redis and a media set beside the server, each backed up once.
pub fn with_all(watched: &Watched) -> RedisServer {
    let redis = RedisServer::start(Program::usual(), &watched.place, &[]);
    redis.fill();
    let files = watched.place.folder("uploads");
    watched.place.file("uploads/one", "one");
    let text = fs::read_to_string(&watched.config).unwrap();
    let more = format!(
        "[redis]\nname = \"cache\"\nurl = \"redis://127.0.0.1:{}\"\n[media.uploads]\npaths = [{files:?}]\n",
        redis.port()
    );
    write_as_server_user(&watched.config, format!("{text}\n{more}"));
    for program in [env!("CARGO_BIN_EXE_redis-backup"), env!("CARGO_BIN_EXE_media-backup")] {
        let run = Run::new(&watched.place, program).server_user().envs(keys()).arg("create");
        run.arg("--config").arg(&watched.config).run().expect(0);
    }
    for subject in [RecordSubject::redis("cache"), RecordSubject::media("uploads")] {
        record(&watched.disk, &subject, RecordKind::Drill, true);
    }
    redis
}

#[test]
fn everything_is_on_one_screen() {
    let watched = Watched::with_bucket();
    let _redis = with_all(&watched);
    let outcome = list(&watched, &[]);
    outcome.expect(0);
    shows(
        &outcome,
        &[
            "STATE  WHAT             NEWEST …BACK TO               SIZE    NEXT DUE",
            "OK     PostgreSQL main  …s ago …20…-…T…Z  …M…in 1d …",
            "OK     Redis cache      …s ago …20…-…T…Z  …K…in 1h 59m",
            "OK     media uploads    …s ago …20…-…T…Z  3B …in 1d …",
            "",
            "PostgreSQL main goes back to any moment up to …s ago.",
        ],
    );
    let json = parsed(&list(&watched, &["--json"]));
    assert_eq!((&json["version"], &json["state"]), (&1.into(), &"ok".into()), "{json:#}");
    assert_eq!(json["failures"], Value::Array(Vec::new()), "{json:#}");
    let of = |at: usize| &json["backed_up"][at];
    let names = [0, 1, 2].map(|at| (of(at)["service"].clone(), of(at)["name"].clone()));
    let expected = [("postgresql", "main"), ("redis", "cache"), ("media", "uploads")];
    assert_eq!(names, expected.map(|(service, name)| (service.into(), name.into())), "{json:#}");
    assert_eq!(of(0)["system"], watched.system().to_string(), "{json:#}");
    for (at, hours) in [(0, 26), (1, 2), (2, 26)] {
        let (row, newest) = (of(at), &of(at)["newest"]);
        assert_eq!((&row["state"], &row["backups"]), (&"ok".into(), &1.into()), "{json:#}");
        let ended = time(&newest["ended"]);
        assert_eq!(time(&row["next_due"]), ended + SignedDuration::from_hours(hours), "{json:#}");
        assert_eq!(time(&row["reaches_back_to"]), ended, "{json:#}");
        assert_eq!(time(&row["reaches_up_to"]) > ended, at == 0, "{json:#}");
        assert!(newest["size"].as_u64() > Some(2) && row["stored"].as_u64() > Some(2), "{json:#}");
        assert!(ended <= Timestamp::now() && newest["id"].as_str().is_some(), "{json:#}");
    }
}

#[test]
fn a_repository_that_does_not_answer_is_said_and_the_rest_is_shown() {
    let mut watched = Watched::with_bucket();
    let Some(Store::Bucket(server)) = watched.s3.as_mut() else { panic!("a bucket") };
    server.stop();
    let outcome = list(&watched, &["--limits-attempts", "1"]);
    outcome.expect(8).says("could not list repository s3");
    shows(
        &outcome,
        &[
            "STATE …",
            "OK     PostgreSQL main  …s ago …Z …in 1d …",
            "",
            "PostgreSQL main goes back to any moment up to …s ago.",
            "Repository s3 could not be looked at to the end: it may have more.",
            "`seawall check` has 1 remark about repositories.",
        ],
    );
    let json = parsed(&list(&watched, &["--json", "--limits-attempts", "1"]));
    assert_eq!(json["failures"][0]["repository"], "s3", "{json:#}");
    assert_eq!(json["backed_up"][0]["backups"], 1, "{json:#}");
}

#[test]
fn a_gap_and_a_backup_that_is_late() {
    let watched = Watched::with_folder();
    let last = watched.archive();
    let before = Timestamp::now();
    watched.base_backup();
    let next = write_segments(&watched.server, 2);
    watched.server.wait_archived(&next, LIMIT);
    let Store::Folder(root) = &watched.disk else { panic!("a folder") };
    fs::remove_file(root.join(watched.key(&last))).unwrap();
    let outcome = list(&watched, &["--objectives-base-backup-age", "0s"]);
    outcome.expect(0);
    shows(
        &outcome,
        &[
            "STATE     WHAT …",
            "CRITICAL  PostgreSQL main  …s ago …Z …s late",
            "",
            "PostgreSQL main goes back to any moment up to …s ago. There are gaps before",
            "    that: see `basebackup list`.",
            "`seawall check` says what is wrong, and what to do.",
        ],
    );
    let json = parsed(&list(&watched, &["--json"]));
    let row = &json["backed_up"][0];
    assert_eq!((&row["gaps"], &row["backups"]), (&true.into(), &2.into()), "{json:#}");
    assert!(time(&row["reaches_back_to"]) > before, "{json:#}");
}

/// Nothing yet of what is configured, and something that another host stores.
#[test]
fn what_has_no_backup_and_what_is_not_configured_here() {
    let laid = Laid::with_folder();
    let files = laid.place.folder("uploads");
    laid.place.file("uploads/one", "one");
    let set = format!("[media.uploads]\npaths = [{files:?}]\n");
    let other = format!("{}\n{set}", laid.store("disk").table("disk"));
    let other = laid.place.file("other.toml", other);
    let create = laid.program(env!("CARGO_BIN_EXE_media-backup"), "create").arg("--config");
    create.arg(&other).run().expect(0);
    laid.configure("[redis]\nname = \"cache\"\n");
    let outcome = laid.seawall("list").env("COLUMNS", "80").run();
    outcome.expect(0);
    shows(
        &outcome,
        &[
            "STATE     WHAT           NEWEST  BACK TO  …SIZE  NEXT DUE",
            "CRITICAL  Redis cache    none  …now",
            "OK        media uploads  …s ago …3B …not here",
            "",
            "`seawall check` says what is wrong, and what to do.",
        ],
    );
}
