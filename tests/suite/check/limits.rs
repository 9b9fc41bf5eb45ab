//! Room, time, and mistakes of whoever calls it.

use std::fs;

use super::{Found, Watched};
use crate::listing::laid::{Laid, OLD, described};
use crate::namespace;
use crate::scene::Store;
use crate::support::place::Place;
use crate::support::proxy::BlackHole;
use crate::support::run::Run;

/// A file system of which 3 % are free.
#[test]
fn a_disk_at_97_per_cent() {
    let laid = Laid::with_folder();
    laid.backup("disk", &described("20261122T203000Z-4f2a", 1, 2));
    laid.wal("disk", OLD, 1, 2..=4);
    let Store::Folder(root) = laid.store("disk") else { panic!("a folder") };
    let script = "mkdir $disk\n\
                  mount -t tmpfs -o size=10m,mode=0777 tmpfs $disk\n\
                  dd if=/dev/zero of=$disk/filler bs=1k count=9933 2>/dev/null\n\
                  cp -r $repository/postgres $disk/\n\
                  chmod -R a+rX $disk\n\
                  status=0; $as $check check --format json --repository $disk >$out || status=$?\n\
                  echo $status >$out.status\n";
    let Some(run) = namespace::script(&laid.place, script) else { return };
    let disk = laid.place.join("small");
    let out = laid.place.join("out.json");
    let check = laid.place.program(env!("CARGO_BIN_EXE_seawall"));
    let run = run.env("disk", &disk).env("repository", root).env("check", check).env("out", &out);
    run.run().expect(0);
    let json = serde_json::from_str(&fs::read_to_string(&out).unwrap()).unwrap();
    let found = Found { json, outcome: fs::read_to_string(&out).unwrap() };
    found.says(
        "repository local, space",
        "critical",
        "2 % of the file system free (… KiB), expected at least 10 %; … stored",
        "Make room or grow the disk; `basebackup prune --dry-run` shows",
    );
    assert_eq!(fs::read_to_string(laid.place.join("out.json.status")).unwrap(), "2\n");
}

#[test]
fn a_mistake_is_unknown() {
    let place = Place::new();
    let run = || Run::new(&place, env!("CARGO_BIN_EXE_seawall")).arg("check");
    for (words, text) in [
        (&["--formt", "json"][..], "unexpected argument '--formt' found"),
        (&["--timeout", "soon"], "expected a time like 30s or 5m for --timeout, found \"soon\""),
        (&["--objectives-rpo", "soon"], "expected a time "),
        (&[], "no repository is configured"),
    ] {
        let outcome = run().args(words).run();
        outcome.expect(3).says(text);
        assert!(outcome.stdout.starts_with("SEAWALL UNKNOWN: "), "{outcome}");
        assert!(outcome.stdout.contains(text), "{outcome}");
    }
    run().arg("--help").run().expect(0);
}

/// Whoever reads a form finds that form, and no file keeps an old verdict.
#[test]
fn a_mistake_is_unknown_in_the_form_that_was_asked_for() {
    let place = Place::new();
    let wrong = place.file("seawall.toml", "repositry = \"/b\"\n");
    let run = |words: &[&str]| {
        let run = Run::new(&place, env!("CARGO_BIN_EXE_seawall")).arg("check").arg("--config");
        run.arg(&wrong).args(words).run()
    };
    let text = "unknown key repositry";
    let outcome = run(&["--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&outcome.expect(3).stdout).unwrap();
    assert_eq!((&json["state"], &json["status"]), (&"unknown".into(), &3.into()), "{json}");
    assert!(json["error"].as_str().is_some_and(|it| it.contains(text)), "{json}");
    assert_eq!(json["findings"], serde_json::json!([]));
    let file = place.file("seawall.prom", "seawall_state 0\n");
    let outcome = run(&["--format", "prometheus", "--output", file.to_str().unwrap()]);
    outcome.expect(3).says(text);
    let figures = fs::read_to_string(&file).unwrap();
    assert!(figures.lines().any(|line| line == "seawall_state 3"), "{figures}");
    assert!(figures.contains("\nseawall_check_timestamp_seconds "), "{figures}");
    // What can't be written either is said as well.
    let missing = place.join("none/seawall.prom");
    let outcome = run(&["--format", "prometheus", "--output", missing.to_str().unwrap()]);
    outcome.expect(3).says(text).says("; could not create a file in ");
    let outcome = run(&["--format", "nagios"]);
    assert!(outcome.expect(3).stdout.starts_with("SEAWALL UNKNOWN: "), "{outcome}");
}

/// Whatever hangs, it ends.
#[test]
fn it_ends_in_time() {
    let place = Place::new();
    let hole = BlackHole::open();
    let run = Run::new(&place, env!("CARGO_BIN_EXE_seawall")).arg("check");
    let run = run.args(["--repository", "s3://bucket", "--timeout", "1s"]).envs(super::keys());
    let outcome = run.env("AWS_ENDPOINT_URL", hole.endpoint()).run();
    outcome.expect(3).says("the check did not end within 1s. HINT: Does a store or a mount hang?");
    assert!(outcome.took.as_secs() < 20, "{outcome}");
}

/// A bucket that hangs costs its limit once; the rest is judged.
#[test]
fn a_bucket_that_hangs_is_named_and_the_rest_is_judged() {
    let watched = Watched::with_folder();
    let hole = BlackHole::open();
    let text = fs::read_to_string(&watched.config).unwrap();
    let table = format!(
        "[[repository]]\nname = \"far\"\nurl = \"s3://b\"\nendpoint = \"{}\"\n",
        hole.endpoint()
    );
    let config = watched.place.file("both.toml", format!("{text}\n{table}"));
    let run = watched.program(env!("CARGO_BIN_EXE_seawall")).args(["check", "--format", "json"]);
    let run = run.arg("--config").arg(&config);
    let run = run.args([
        "--limits-request-timeout=1s",
        "--limits-total-timeout=3s",
        "--limits-attempts=2",
    ]);
    let outcome = run.run();
    let found = Found::of(&outcome, 2);
    found.only(&["access"]);
    let text = "could not list repository far: …";
    found.says("repository far, access", "critical", text, "Look at the store and the network");
    assert!(outcome.took.as_secs() < 20, "{outcome}");
}

/// On a terminal both streams end before one pair of eyes.
#[test]
fn a_mistake_is_said_once_on_a_terminal() {
    let place = Place::new();
    let program = place.program(env!("CARGO_BIN_EXE_seawall"));
    for (words, text) in [("", "no repository is configured"), ("--formt json", "'--formt' found")]
    {
        let call = format!("script -qec '{} check {words}' /dev/null", program.display());
        let outcome = Run::new(&place, "/bin/sh").args(["-c", &call]).run();
        outcome.expect(3);
        assert_eq!(outcome.stdout.matches(text).count(), 1, "{outcome}");
    }
}
