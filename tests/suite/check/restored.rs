//! What `restore` says of its plan and at its end, and `prune` at its end: words on a terminal, one document with `--json`.

use std::path::Path;

use serde_json::{Value, json};

use super::overview::with_all;
use super::told::{BASE, MEDIA, NEWEST, REDIS, on_a_terminal, parsed, run};
use super::{Watched, like};

/// The words that restore into a new folder.
fn words(program: &str, to: &Path) -> Vec<String> {
    let to = to.to_str().expect("a plain path").to_owned();
    let words = match program {
        BASE => vec!["restore".to_owned(), to],
        REDIS => ["restore", "--appendonly", "no", "--dir", &to].map(str::to_owned).into(),
        _ => vec!["restore".to_owned(), "--to".to_owned(), to],
    };
    words.into_iter().collect()
}

#[test]
fn a_restore_tells_its_plan_and_its_result() {
    let watched = Watched::with_folder();
    let _redis = with_all(&watched);
    let folder = watched.place.folder("restored");
    for (number, (program, first, second)) in [
        (
            BASE,
            "Base backup …Z-… is restored into …/words-0: … MiB, … files written, in …s.",
            "Start the server, as with `pg_ctl -D …/words-0 start`: it fetches its WAL and recovers by itself.",
        ),
        (
            REDIS,
            "Backup …Z-… is restored into …/words-1: … keys, … KiB, in …s.",
            "Start the server: it loads dump.rdb.",
        ),
        (
            MEDIA,
            "Snapshot …Z-… is restored, all of it: 1 file with 3 B written, in …s.",
            "The files lie below …/words-2 under their full paths.",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let new = |name: &str| {
            let to = folder.join(format!("{name}-{number}"));
            if program != BASE {
                watched.place.folder(&format!("restored/{name}-{number}"));
            }
            to
        };
        let to = new("json");
        let json = |more: &[&str]| {
            let words = words(program, &to);
            let words: Vec<&str> = words.iter().map(String::as_str).chain(["--json"]).collect();
            run(&watched, program, &[&words, more].concat())
        };
        json(&[]).expect(2).says("the following required arguments were not provided");
        let planned = parsed(&json(&["--dry-run"]), 0);
        let plan = &planned["plan"];
        assert_eq!(planned["version"], 1, "{planned:#}");
        assert_eq!((&planned["dry_run"], &planned["result"]), (&json!(true), &Value::Null));
        assert!(plan["id"].as_str() > Some("2026"), "{planned:#}");
        assert!(plan["words"].as_str().is_some_and(|it| it.contains("into  ")), "{planned:#}");
        assert_eq!(plan["repositories"], json!(["disk"]), "{planned:#}");
        let into = if program == MEDIA { json!([to]) } else { json!(to) };
        assert_eq!(plan["into"], into, "{planned:#}");

        // What a hook prints is no part of the document.
        let noise = ["--yes", "--before", "echo noise"];
        let outcome = json(if program == MEDIA { &noise[..1] } else { &noise });
        let done = parsed(&outcome, 0);
        assert_eq!((&done["dry_run"], &done["plan"]["id"]), (&json!(false), &plan["id"]));
        assert_eq!(done["errors"], json!([]), "{done:#}");
        let result = &done["result"];
        assert!(result["seconds"].as_f64().is_some(), "{done:#}");
        let amount = if program == REDIS { "keys" } else { "written_files" };
        assert!(result[amount].as_u64() > Some(0), "{done:#}");
        assert!(program == MEDIA || outcome.stderr.contains("noise\n"), "{outcome}");

        let typed = words(program, &new("words")).join(" ") + " --yes";
        let lines = on_a_terminal(&watched, program, &typed);
        // A terminal breaks lines that are too long for it; the next one begins with blanks.
        let text = lines.join("\n").replace("\n    ", " ");
        let found = |like_this: &str| text.lines().filter(|line| like(line, like_this)).count();
        assert_eq!((found(first), found(second)), (1, 1), "{lines:#?}");
        assert_eq!(found("… restored …seconds=…"), 0, "{lines:#?}");
    }
}

#[test]
fn a_prune_ends_with_two_lines() {
    let watched = Watched::with_folder();
    let _redis = with_all(&watched);
    for (program, table, name) in [
        (BASE, "retention", "basebackup"),
        (REDIS, "redis", "redis-backup"),
        (MEDIA, "media-backup", "media-backup"),
    ] {
        run(&watched, program, &["create"]).expect(0);
        std::thread::sleep(std::time::Duration::from_secs(2));
        let mut rules = NEWEST.map(|rule| format!("--{table}-{rule}")).join(" ");
        if program == BASE {
            rules += " --retention-wal-window=1s";
        }
        let lines = on_a_terminal(&watched, program, &format!("prune --yes {rules}"));
        let [.., first, second] = &lines[..] else { panic!("{lines:#?}") };
        assert!(like(first, "Deleted 1 backup…, in …s: … object…, …B."), "{lines:#?}");
        assert_eq!(*second, format!("1 backup stays; `{name} list` shows them."), "{lines:#?}");
        // Its WAL goes on, and may be too old by now.
        if program == BASE {
            continue;
        }
        let lines = on_a_terminal(&watched, program, &format!("prune {rules}"));
        let [.., first, second] = &lines[..] else { panic!("{lines:#?}") };
        assert_eq!(first, "Nothing is to be deleted.", "{lines:#?}");
        assert_eq!(*second, format!("1 backup stays; `{name} list` shows them."), "{lines:#?}");
    }
}
