//! Redis and media files.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use seawall::history::{RecordKind, RecordSubject};

use super::{Found, record};
use crate::listing::laid::Laid;
use crate::scene::Store;
use crate::support::run::Run;

fn media(laid: &Laid, verb: &str) -> Run {
    laid.configured(env!("CARGO_BIN_EXE_media-backup"), verb)
}

/// A set of one file, backed up, and nothing of PostgreSQL.
fn laid() -> Laid {
    let laid = Laid::with_folder();
    let files = laid.place.folder("uploads");
    laid.place.file("uploads/one", "one");
    laid.configure(&format!("[media.uploads]\npaths = [{files:?}]\n"));
    media(&laid, "create").run().expect(0);
    record(laid.store("disk"), &RecordSubject::media("uploads"), RecordKind::Drill, true);
    laid
}

fn check(laid: &Laid, status: i32, words: &[&str]) -> Found {
    Found::of(
        &laid
            .seawall("check")
            .args(["--format", "json", "--objectives-free-space=0"])
            .args(words)
            .run(),
        status,
    )
}

#[test]
fn media_alone_is_fine() {
    let laid = laid();
    let found = check(&laid, 0, &[]);
    found.only(&[]);
    found.says("media uploads, backup in disk", "ok", "newest … old (…); 1 whole", "").says(
        "media uploads, drill",
        "ok",
        "passed … ago; restored in 30s",
        "",
    );
    assert!(found.all().iter().all(|it| it["subject"]["service"] != "postgresql"));
}

#[test]
fn media_that_are_old_damaged_or_not_there() {
    let laid = laid();
    let found = check(&laid, 2, &["--objectives-media-age=0s", "--objectives-media-backups=2"]);
    found.says(
        "media uploads, backup in disk",
        "critical",
        "newest … old (…), expected at most 0s; 1 whole, expected 2",
        "Does the timer of `media-backup create --set uploads` run",
    );
    let Store::Folder(root) = laid.store("disk") else { panic!("a folder") };
    let snapshots = fs::read_dir(root.join("media/uploads")).unwrap().flatten();
    let snapshot = snapshots.map(|it| it.path()).find(|it| it.join("backup.json").exists());
    let snapshot = snapshot.expect("one was taken");
    fs::remove_file(snapshot.join("index.jsonl.zst")).unwrap();
    let id = snapshot.file_name().unwrap().to_str().unwrap();
    let found = check(&laid, 2, &[]);
    found.says(
        "media uploads, backup in disk",
        "critical",
        &format!("none can be restored; {id} is damaged: index.jsonl.zst is missing"),
        "`media-backup create --set uploads` takes one.",
    );
}

/// A Redis that somebody configured is expected to have backups; one that nobody did is not.
#[test]
fn a_redis_that_is_configured_is_watched() {
    let laid = laid();
    assert!(check(&laid, 0, &[]).all().iter().all(|it| it["subject"]["service"] != "redis"));
    laid.configure("[redis]\nname = \"cache\"\n");
    let found = check(&laid, 2, &[]);
    found.only(&["backup"]);
    found.says(
        "redis cache, backup in disk",
        "critical",
        "there is none: nothing can be restored",
        "`redis-backup create` takes one.",
    );
    let begun = Timestamp::now() - SignedDuration::from_hours(30);
    let id = format!("{}-4f2a", begun.strftime("%Y%m%dT%H%M%SZ"));
    laid.put("disk", &format!("redis/cache/{id}/dump.rdb.zst"), b"x");
    let found = check(&laid, 2, &[]);
    found.says(
        "redis cache, backup in disk",
        "critical",
        &format!("there is none: nothing can be restored; 1 backup cut short, the oldest {id}"),
        "`redis-backup create` takes one.",
    );
    laid.put("disk", &format!("redis/cache/{id}/backup.json"), b"{");
    let found = check(&laid, 2, &[]);
    let text = format!(
        "none can be restored; {id} is damaged: could not read Redis backup {id} in repository disk: …"
    );
    found.says(
        "redis cache, backup in disk",
        "critical",
        &text,
        "`redis-backup create` takes one.",
    );
}
