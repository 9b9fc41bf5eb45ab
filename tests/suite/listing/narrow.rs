//! Lists, shows and plans in 80 columns: no line that a terminal would tear.

use super::laid::{Laid, OLD, described, history, history_key};
use crate::redis_backups::redis_backup;
use crate::support::redis::{Program, RedisServer};
use crate::support::run::Outcome;

#[track_caller]
fn fits(outcome: &Outcome) {
    let torn = outcome.stdout.lines().find(|line| line.chars().count() > 80);
    assert_eq!(torn, None, "{outcome}");
}

#[test]
fn what_the_id_tells_is_left_out_and_bars_are_shorter() {
    let laid = Laid::with_folder_and_bucket();
    for store in ["disk", "s3"] {
        laid.backup(store, &described("20261121T203000Z-0001", 1, 2));
        laid.wal(store, OLD, 1, 1..=5);
    }
    laid.backup("disk", &described("20261122T203000Z-0002", 1, 7));
    let outcome = laid.list().env("COLUMNS", "80").run();
    fits(&outcome);
    assert_eq!(
        outcome.expect(0).stdout,
        "\
System 7711021090723955933, PostgreSQL 18.6, WAL segments of 16 MiB

ID                     LABEL    TOOK  SIZE   STORED  TL  PIN  IN       OK
20261121T203000Z-0001  nightly  5s    11.7K  3.1K    1        disk,s3  yes
20261122T203000Z-0002  nightly  5s    11.7K  3.1K    1        disk     no

20261122T203000Z-0002 can't be restored: WAL segment 000000010000000000000007 is
    missing

A recovery to
  timeline 1   [......B===========================     x] 0/2000120 to 0/6000000
    0/2000120 (2026-11-21T20:30:05Z) to 0/6000000

B base backup; x or ? one that can't, or perhaps can't, be restored to this
    timeline; = a recovery can end here;
- the same on WAL of an older timeline; . WAL that no base backup leads to;
    blank between them: missing.
",
        "{outcome}"
    );
    let show = laid.basebackup("show").arg("20261121T203000Z-0001").env("COLUMNS", "80").run();
    fits(show.expect(0));
    let plan = laid.basebackup("prune").arg("--dry-run").env("COLUMNS", "80").run();
    fits(plan.expect(0));
    assert!(plan.stdout.contains("20261122T203000Z-0002"), "{plan}");
}

/// Each promotion leaves a timeline, and its history is kept for ever.
#[test]
fn timelines_that_restore_nothing_are_one_line() {
    let laid = Laid::with_folder();
    let left = |timeline: u32| format!("{timeline}\t0/{timeline:X}800000\tx\n");
    for timeline in 2..=27 {
        let text: String = (1..timeline).map(left).collect();
        laid.put("disk", &history_key(OLD, timeline, ""), &history(timeline, &text));
    }
    laid.backup("disk", &described("20261122T203000Z-0002", 22, 22));
    for timeline in 22..=27 {
        laid.wal("disk", OLD, timeline, timeline.max(23) - 1..=timeline);
    }
    let has = |outcome: &Outcome, text: &str| {
        assert!(outcome.expect(0).stdout.contains(text), "{text}: {outcome}");
    };
    let outcome = laid.list().env("COLUMNS", "80").run();
    fits(&outcome);
    has(&outcome, "\nA recovery to\n  timelines 2 to 21: nothing to begin with\n  timeline 22  [");
    has(&outcome, "\n  timeline 27  [");
    assert!(outcome.stdout.lines().count() <= 30, "{outcome}");
    laid.wal("disk", OLD, 3, 3..=3);
    let folded = "  timelines 2 to 21: nothing to begin with, no base backup leads to their WAL\n";
    has(&laid.list().run(), folded);
    let json = laid.list().arg("--json").run();
    let json: serde_json::Value = serde_json::from_str(&json.expect(0).stdout).unwrap();
    assert_eq!(
        json["systems"][0]["timelines"].as_array().map(Vec::len),
        Some(26),
        "of 1 there is no history"
    );
}

#[test]
fn redis_and_media_fit() {
    let laid = Laid::with_folder_and_bucket();
    let files = laid.place.folder("uploads");
    laid.place.file("uploads/one", "one");
    laid.configure(&format!("[media.uploads]\npaths = [{files:?}]\n"));
    let media = |verb: &str| laid.configured(env!("CARGO_BIN_EXE_media-backup"), verb);
    media("create").run().expect(0);
    let outcome = media("list").env("COLUMNS", "80").run();
    fits(outcome.expect(0));
    let headings = "ID                    LABEL   TOOK SIZE STORED FILES CONTENT NEW PIN IN ";
    assert!(outcome.stdout.starts_with(headings), "{outcome}");
    let server = RedisServer::start(Program::usual(), &laid.place, &[]);
    let disks = [laid.place.folder("one"), laid.place.folder("two")];
    let disks = disks.map(|disk| disk.display().to_string());
    redis_backup(&server, &disks, "create").run().expect(0);
    let outcome = redis_backup(&server, &disks, "list").env("COLUMNS", "80").run();
    fits(outcome.expect(0));
    assert!(outcome.stdout.starts_with("ID                    LABEL   TOOK SIZE "), "{outcome}");
}
