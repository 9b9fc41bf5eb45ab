//! What `create`, `prune` and `pin` say at their end: words on a terminal, one document with `--json`.

use serde_json::Value;

use super::overview::with_all;
use super::{Watched, keys, like};
use crate::support::postgres::shell_word;
use crate::support::run::{Outcome, Run};

pub const BASE: &str = env!("CARGO_BIN_EXE_basebackup");
pub const REDIS: &str = env!("CARGO_BIN_EXE_redis-backup");
pub const MEDIA: &str = env!("CARGO_BIN_EXE_media-backup");

/// Each rule keeps nothing but the newest.
pub const NEWEST: [&str; 7] = [
    "keep-within=1s",
    "keep-last=1",
    "keep-daily=0",
    "keep-weekly=0",
    "keep-monthly=0",
    "keep-yearly=0",
    "keep-unfinished=1h",
];

pub fn run(watched: &Watched, program: &str, words: &[&str]) -> Outcome {
    let run = watched.program(program).arg(words[0]).arg("--config").arg(&watched.config);
    run.args(&words[1..]).run()
}

/// The same on a terminal; its lines.
pub fn on_a_terminal(watched: &Watched, program: &str, verb: &str) -> Vec<String> {
    let words = [&watched.place.program(program), &watched.config].map(|it| shell_word(it));
    let typed = format!("{} {verb} --config {}", words[0], words[1]);
    let run = Run::new(&watched.place, "script").server_user().envs(keys());
    let run = run.envs(watched.server.connection());
    let outcome = run.args(["-qefc", &typed, "/dev/null"]).run();
    outcome.expect(0);
    // What a bar leaves is wiped away.
    let shown = outcome.stdout.replace('\r', "\n");
    let lines = shown.lines().map(|line| line.rsplit("\u{1b}[2K").next().unwrap_or_default());
    lines.filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

#[track_caller]
pub fn parsed(outcome: &Outcome, status: i32) -> Value {
    outcome.expect(status);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

#[test]
fn the_end_is_told_in_words_or_as_json() {
    let watched = Watched::with_folder();
    let _redis = with_all(&watched);
    for (program, first, second) in [
        (
            BASE,
            "Base backup …Z-… is in disk: … MiB, stored as … MiB, in …s.",
            "It restores the server as of 20…Z, and with its WAL any moment since.",
        ),
        (
            REDIS,
            "Redis backup …Z-… is in disk: … KiB, stored as … KiB, in …s.",
            "It holds … keys of …",
        ),
        (MEDIA, "Snapshot …Z-… is in disk: 1 file, 3 B, in 0s.", "New in it: 0 files, 0 B."),
    ] {
        let lines = on_a_terminal(&watched, program, "create");
        let found = |text: &str| lines.iter().filter(|line| like(line, text)).count();
        assert_eq!((found(first), found(second)), (1, 1), "{lines:#?}");
        assert_eq!(found("… done …"), 0, "{lines:#?}");

        let json = parsed(&run(&watched, program, &["create", "--json"]), 0);
        let copy = &json["copies"][0];
        assert_eq!(
            (&json["version"], &copy["repository"]),
            (&1.into(), &"disk".into()),
            "{json:#}"
        );
        assert_eq!(copy["description"]["id"], json["id"], "{json:#}");
        assert_eq!(json["errors"], Value::Array(Vec::new()), "{json:#}");
        assert!(json["seconds"].as_f64().is_some(), "{json:#}");

        let id = json["id"].as_str().unwrap().to_owned();
        for (verb, pinned) in [("pin", true), ("unpin", false)] {
            let json = parsed(&run(&watched, program, &[verb, &id, "--json"]), 0);
            let expected = serde_json::json!({
                "version": 1, "id": id, "pinned": pinned, "repositories": ["disk"], "errors": []
            });
            assert_eq!(json, expected);
        }
    }
}

#[test]
fn a_prune_tells_its_plan_and_its_result() {
    let watched = Watched::with_folder();
    let _redis = with_all(&watched);
    for (program, table) in [(BASE, "retention"), (REDIS, "redis"), (MEDIA, "media-backup")] {
        run(&watched, program, &["create"]).expect(0);
        // Older than the rules keep.
        std::thread::sleep(std::time::Duration::from_secs(2));
        let mut rules = NEWEST.map(|rule| format!("--{table}-{rule}")).to_vec();
        if program == BASE {
            rules.push("--retention-wal-window=1s".to_owned());
        }
        let prune = |more: &[&str]| {
            let words = ["prune", "--json"].into_iter().chain(rules.iter().map(String::as_str));
            let words: Vec<&str> = words.chain(more.iter().copied()).collect();
            run(&watched, program, &words)
        };
        prune(&[]).expect(2).says("the following required arguments were not provided");
        let plan = parsed(&prune(&["--dry-run"]), 0);
        let fates = plan["plan"].as_array().unwrap();
        let backups: Vec<&Value> = fates.iter().filter(|it| it["kind"] == "backup").collect();
        // Both are of one second, and then the letters behind it are their order.
        let kept = backups.iter().filter(|it| it["keep"] == true).count();
        assert_eq!((backups.len(), kept), (2, 1), "{plan:#}");
        assert!(backups.iter().all(|it| it["repository"] == "disk"), "{plan:#}");
        assert!(backups.iter().all(|it| it["reason"].as_str() > Some("")), "{plan:#}");
        assert!(plan["bytes_to_delete"]["disk"].as_u64() > Some(0), "{plan:#}");
        assert_eq!((&plan["dry_run"], &plan["result"]), (&true.into(), &Value::Null), "{plan:#}");
        let done = parsed(&prune(&["--yes"]), 0);
        assert_eq!(
            (&done["dry_run"], &done["errors"]),
            (&false.into(), &plan["errors"]),
            "{done:#}"
        );
        assert!(done["result"]["objects"].as_u64() > Some(0), "{done:#}");
        // What is gone is in no plan any more.
        let old = backups.iter().find(|it| it["keep"] == false).unwrap();
        let gone = |json: &Value| {
            let fates = json["plan"].as_array().unwrap();
            fates.iter().any(|it| it["name"] == old["name"])
        };
        let again = parsed(&prune(&["--dry-run"]), 0);
        assert_eq!((gone(&done), gone(&again)), (true, false), "{again:#}");
    }
}
