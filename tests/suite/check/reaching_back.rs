//! How far back any second can be restored, against what was promised.

use jiff::Timestamp;
use seawall::history::{RecordKind, RecordSubject};
use seawall::postgres::SystemIdentifier;

use super::laid_out::{HOUR, id};
use super::{Found, record, touch};
use crate::listing::laid::{Laid, OLD, described, segment_key};
use crate::scene::Store;

const WHAT: &str = "postgresql main, reaches back in disk";

/// Base backups that ended so long ago, in hours, each in a segment of its own; WAL from the first of them on.
fn laid(hours: &[i32]) -> Laid {
    let laid = Laid::with_folder();
    for (at, ago) in hours.iter().enumerate() {
        laid.backup("disk", &described(&id(HOUR * *ago), 1, 2 + 3 * at as u64));
    }
    laid.wal("disk", OLD, 1, 2..=2 + 3 * hours.len() as u32);
    let system = SystemIdentifier(OLD.parse().unwrap());
    record(laid.store("disk"), &RecordSubject::postgres("main", system), RecordKind::Drill, true);
    record(
        laid.store("disk"),
        &RecordSubject::postgres("main", system),
        RecordKind::Verification,
        true,
    );
    laid
}

fn check(laid: &Laid, status: i32, words: &[&str]) -> Found {
    let run = laid.seawall("check").args(["--format", "json", "--objectives-rpo=1h"]);
    Found::of(&run.arg("--objectives-free-space=0").args(words).run(), status)
}

/// The first WAL of all, stored so many days ago.
fn is_old(laid: &Laid, days: i32) {
    laid.wal("disk", OLD, 1, 1..=1);
    let Store::Folder(root) = laid.store("disk") else { panic!("a folder") };
    touch(&root.join(segment_key(OLD, 1, 1)), Timestamp::now() - HOUR * 24 * days);
}

#[test]
fn what_was_promised_is_kept() {
    let laid = laid(&[24 * 9, 24 * 8, 24 * 7, 1]);
    let promised = ["--objectives-reaches-back=7d"];
    let found = check(&laid, 0, &promised);
    found.says(WHAT, "ok", "any second of the last 9d can be restored", "");
    let found = check(&laid, 0, &[]);
    assert!(found.all().iter().all(|it| it["check"] != "reaches back"), "nothing was promised");
}

#[test]
fn a_young_repository_has_time_and_an_old_one_has_not() {
    let laid = laid(&[25, 1]);
    let promised = ["--objectives-reaches-back=7d"];
    let young = "any second of the last 1d 1h can be restored; 7d were promised, but the repository is too young";
    check(&laid, 0, &promised).says(WHAT, "ok", young, "");
    is_old(&laid, 8);
    check(&laid, 0, &promised).says(WHAT, "ok", young, "");
    is_old(&laid, 10);
    let found = check(&laid, 2, &promised);
    found.only(&["reaches back"]);
    let text = "any second of the last 1d 1h can be restored, expected 7d";
    found.says(WHAT, "critical", text, "Were some deleted, or is there a gap? `basebackup list`");
}

/// What lies before a gap is not reached by a recovery that goes on to now.
#[test]
fn a_gap_ends_it() {
    let laid = laid(&[24 * 10, 24 * 8, 1]);
    is_old(&laid, 11);
    let promised = ["--objectives-reaches-back=7d"];
    check(&laid, 0, &promised).says(WHAT, "ok", "any second of the last 10d can be restored", "");
    laid.store("disk").delete(&segment_key(OLD, 1, 4));
    check(&laid, 0, &promised).says(WHAT, "ok", "any second of the last 8d can be restored", "");
    laid.store("disk").delete(&segment_key(OLD, 1, 7));
    let found = check(&laid, 2, &promised);
    found.only(&["reaches back", "WAL"]);
    let text = "any second of the last 1h… can be restored, expected 7d";
    found.says(WHAT, "critical", text, "Were some deleted");
}

/// Retention that is shorter than the promise breaks it, and is said before that.
#[test]
fn retention_that_is_too_short_is_said_at_once() {
    let laid = laid(&[1]);
    let words = ["--objectives-reaches-back=30d", "--retention-wal-window=1h"];
    let hint = "Set retention.wal_window = \"30d\", or promise less.";
    let found = check(&laid, 1, &words);
    found.only(&["reaches back"]);
    let text = "any second of the last 1h… can be restored; 30d were promised, but the repository is too young; \
                retention.wal_window is 1h: older WAL is not kept";
    found.says(WHAT, "warning", text, hint);
    is_old(&laid, 40);
    let found = check(&laid, 2, &words);
    let text = "any second of the last 1h… can be restored, expected 30d; retention.wal_window is 1h: older WAL is not kept";
    found.says(WHAT, "critical", text, hint);
}
