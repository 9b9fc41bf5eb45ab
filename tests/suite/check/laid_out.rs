//! Repositories laid out by hand: what no server needs to be there for.

use jiff::{SignedDuration, Timestamp};
use seawall::history::{RecordKind, RecordSubject};
use seawall::postgres::SystemIdentifier;

use super::{Found, record, touch};
use crate::listing::laid::{Laid, OLD, described, key, object, segment_key};
use crate::scene::{KeyPair, Store};

/// An id of a backup that ended this time ago, or a second more: it takes five seconds.
pub fn id(ago: SignedDuration) -> String {
    let begun = Timestamp::now() - ago - SignedDuration::from_secs(5);
    format!("{}-4f2a", begun.strftime("%Y%m%dT%H%M%SZ"))
}

/// When such a backup began.
fn time_of(id: &str) -> Timestamp {
    described(id, 1, 1).start.time.parse().expect("a time")
}

pub const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A check without a server, of the folder.
fn check(laid: &Laid, status: i32, words: &[&str]) -> Found {
    let run = laid.seawall("check").args(["--format", "json", "--objectives-rpo=1h"]);
    let run = run.arg("--objectives-free-space=0").args(words);
    Found::of(&run.run(), status)
}

fn laid() -> Laid {
    let laid = Laid::with_folder();
    let system = SystemIdentifier(OLD.parse().unwrap());
    laid.wal("disk", OLD, 1, 1..=1);
    record(laid.store("disk"), &RecordSubject::postgres("main", system), RecordKind::Drill, true);
    laid
}

#[test]
fn a_timer_has_stopped() {
    let laid = laid();
    let id = id(HOUR * 27);
    laid.backup("disk", &described(&id, 1, 2));
    laid.wal("disk", OLD, 1, 2..=4);
    let found = check(&laid, 2, &[]);
    found.only(&["base backup"]);
    found.says(
        "postgresql main, base backup in disk",
        "critical",
        &format!("newest 1d 3h old ({id}), expected at most 1d 2h; 1 restorable"),
        "Does the timer of `basebackup create` run (systemctl list-timers)?",
    );
    let found =
        check(&laid, 1, &["--objectives-base-backup-age=2d", "--objectives-base-backups=2"]);
    let text = format!("newest 1d 3h old ({id}); 1 restorable, expected 2");
    found.says(
        "postgresql main, base backup in disk",
        "warning",
        &text,
        "`basebackup create` takes one.",
    );
}

/// A young repository can't have as many as were promised. In an old one some were deleted.
#[test]
fn fewer_base_backups_than_were_promised() {
    let laid = laid();
    let id = id(HOUR);
    laid.backup("disk", &described(&id, 1, 2));
    laid.wal("disk", OLD, 1, 2..=4);
    let what = "postgresql main, base backup in disk";
    let text = format!("newest 1h… old ({id}); 1 restorable, expected 3");
    let words = ["--objectives-base-backups=3"];
    let take = "`basebackup create` takes one.";
    check(&laid, 1, &words).says(what, "warning", &text, take);
    let Store::Folder(root) = laid.store("disk") else { panic!("a folder") };
    let old = |days: i32| {
        touch(&root.join(segment_key(OLD, 1, 1)), Timestamp::now() - HOUR * 24 * days);
    };
    // The third one is due after three times 26 hours.
    old(3);
    check(&laid, 1, &words).says(what, "warning", &text, take);
    old(5);
    let found = check(&laid, 2, &words);
    found.only(&["base backup"]);
    let hint = "Were some deleted? `basebackup prune --dry-run` says what retention keeps, and why; `basebackup create` takes one.";
    found.says(what, "critical", &text, hint);
    check(&laid, 0, &["--objectives-base-backups=1"]).only(&[]);
}

#[test]
fn nothing_is_there_yet() {
    let laid = Laid::with_folder();
    laid.wal("disk", OLD, 1, 2..=4);
    let found = check(&laid, 2, &[]);
    let take = "`basebackup create` takes one.";
    found.says(
        "postgresql main, base backup in disk",
        "critical",
        "there is none: nothing can be restored",
        take,
    );
    found.only(&["base backup", "RPO now"]);
}

#[test]
fn a_folder_that_is_not_mounted_is_named() {
    let laid = Laid::with_folder();
    let Store::Folder(root) = laid.store("disk") else { panic!("a folder") };
    let found = check(&laid, 2, &[]);
    found.says(
        "repository disk, access",
        "critical",
        &format!("could not list repository disk: the folder {root:?} does not exist"),
        "Is the disk mounted?",
    );
}

#[test]
fn leavings_pins_and_records_that_are_missing() {
    let laid = laid();
    let (old, new) = (id(HOUR * 24 * 9), id(HOUR));
    laid.wal("disk", OLD, 1, 2..=9);
    laid.backup("disk", &described(&old, 1, 2));
    laid.backup("disk", &described(&new, 1, 8));
    laid.put("disk", &key(OLD, &format!("{old}/pin.json")), b"{}");
    let unfinished = described(&id(HOUR * 30), 1, 5);
    laid.put("disk", &object(&unfinished, "part-00001.tar.zst"), b"x");
    let found = check(&laid, 1, &[]);
    found.only(&["base backup", "verification"]);
    found.says(
        "postgresql main, base backup in disk",
        "warning",
        &format!(
            "newest 1h… old ({new}); 2 restorable; 1 backup cut short, the oldest {}",
            unfinished.id
        ),
        "`basebackup prune` removes what is left of it.",
    );
    let text = format!("1 base backup pinned, the oldest of {}", time_of(&old));
    found.says("postgresql main, pins", "ok", &text, "");
    found.says(
        "postgresql main, verification",
        "warning",
        "none yet, expected one within 8d",
        "`basebackup verify` reads every byte.",
    );
    let system = SystemIdentifier(OLD.parse().unwrap());
    let subject = RecordSubject::postgres("main", system);
    record(laid.store("disk"), &subject, RecordKind::Verification, false);
    let found = check(&laid, 2, &[]);
    found.says(
        "postgresql main, verification",
        "critical",
        "the last one found faults, 20…Z",
        "Mend what it names, then run `basebackup verify` again.",
    );
    std::thread::sleep(std::time::Duration::from_secs(1));
    record(laid.store("disk"), &subject, RecordKind::Verification, true);
    let found = check(&laid, 1, &["--objectives-drill-age=0s"]);
    found.says("postgresql main, verification", "ok", "no fault … ago", "");
    found.says(
        "postgresql main, drill",
        "warning",
        "passed … ago, expected at most 0s; restored in 30s",
        "Does the timer of `basebackup drill` run",
    );
}

/// What a verification or a drill found is in its record. Lost WAL that the newest base backup does not need, and that
/// nobody has any more, is a warning.
#[test]
fn records_say_what_failed() {
    let laid = laid();
    laid.wal("disk", OLD, 1, 2..=9);
    laid.backup("disk", &described(&id(HOUR), 1, 8));
    let put = |kind: &str, more: &str| {
        let now = Timestamp::now();
        let id = now.strftime("%Y%m%dT%H%M%SZ-4f2a");
        let key = format!("history/postgres/main/{OLD}/{id}-{kind}.json");
        let json = format!(
            "{{\"seawall\":1,\"id\":\"{id}\",\"kind\":\"{kind}\",\"began\":\"{now}\",\"ended\":\"{now}\",\
             \"passed\":false,\"backups\":[]{more}}}"
        );
        laid.put("disk", &key, json.as_bytes());
        std::thread::sleep(std::time::Duration::from_millis(1100));
    };
    let what = "postgresql main, verification";
    put("verification", ",\"found\":[\"disk: key: expected a, found b\",\"and 3 more\"]");
    check(&laid, 2, &[]).says(
        what,
        "critical",
        "the last one found faults, 20…Z: disk: key: expected a, found b; and 3 more",
        "Mend what it names, then run `basebackup verify` again.",
    );
    put("verification", ",\"found\":[\"disk: S: a WAL segment is missing\"],\"past\":true");
    check(&laid, 1, &[]).says(
        what,
        "warning",
        "the last one found faults, 20…Z: disk: S: a WAL segment is missing",
        "This can't be mended, and a recovery from the newest base backup does not need it",
    );
    put("drill", ",\"found\":[\"it ended with status 8\"]");
    check(&laid, 2, &[]).says(
        "postgresql main, drill",
        "critical",
        "the last one failed, 20…Z: it ended with status 8",
        "Mend what it found, then run `basebackup drill` again.",
    );
}

#[test]
fn without_a_drill_nobody_knows_whether_a_restore_works() {
    let laid = Laid::with_folder();
    laid.wal("disk", OLD, 1, 2..=9);
    laid.backup("disk", &described(&id(HOUR), 1, 8));
    let found = check(&laid, 1, &[]);
    found.only(&["drill"]);
    found.says(
        "postgresql main, drill",
        "warning",
        "none yet: it is not known whether a restore works",
        "`basebackup drill` rehearses the restore of the newest backup.",
    );
}

/// Retention leaves islands of WAL around old base backups. That is no gap.
#[test]
fn islands_around_old_backups_are_no_gaps() {
    let laid = laid();
    for (days, segment) in [(90, 20), (60, 40), (30, 60), (9, 80), (1, 90)] {
        laid.backup("disk", &described(&id(HOUR * 24 * days), 1, segment));
        laid.wal("disk", OLD, 1, segment as u32..=segment as u32);
    }
    laid.wal("disk", OLD, 1, 80..=99);
    let words = ["--objectives-verify-age=99d"];
    check(&laid, 0, &words).only(&[]);
    let Store::Folder(root) = laid.store("disk") else { panic!("a folder") };
    std::fs::remove_file(root.join(segment_key(OLD, 1, 85))).unwrap();
    let found = check(&laid, 1, &words);
    found.only(&["WAL"]);
    let text =
        "000000010000000000000055 is missing: a recovery from an older base backup ends there";
    found.says(
        "postgresql main, WAL in disk",
        "warning",
        text,
        "The newest base backup does not need it",
    );
}

#[test]
fn several_gaps_are_named() {
    let laid = laid();
    laid.backup("disk", &described(&id(HOUR), 1, 2));
    laid.wal("disk", OLD, 1, 2..=40);
    let old = Timestamp::now() - SignedDuration::from_mins(30);
    let Store::Folder(root) = laid.store("disk") else { panic!("a folder") };
    (2..=40).for_each(|number| touch(&root.join(segment_key(OLD, 1, number)), old));
    for (lost, text) in [
        (4..=4, "000000010000000000000004 is missing: "),
        (
            6..=7,
            "000000010000000000000004, 000000010000000000000006 to 000000010000000000000007 (2 segments) are missing: ",
        ),
        (9..=9, "000000010000000000000004, …, 000000010000000000000009 are missing: "),
        (
            11..=11,
            "000000010000000000000004, …, 000000010000000000000009 and 1 gap more are missing: ",
        ),
        (
            13..=13,
            "000000010000000000000004, …, 000000010000000000000009 and 2 gaps more are missing: ",
        ),
    ] {
        lost.for_each(|number| laid.store("disk").delete(&segment_key(OLD, 1, number)));
        let found = check(&laid, 2, &[]);
        found.only(&["WAL"]);
        let text = format!("{text}a recovery from the newest base backup ends at 0/4000000");
        let hint = "Take a base backup now";
        found.says("postgresql main, WAL in disk", "critical", &text, hint);
    }
    // It is the gap that loses it, and no server that archives nothing.
    let old = Timestamp::now() - HOUR * 2;
    touch(&root.join(segment_key(OLD, 1, 3)), old);
    let text =
        "at most 1h… would be lost: WAL is there up to 0/4000000, stored 20…Z; expected at most 1h";
    let hint = "There is newer WAL behind a gap, see WAL: take a base backup now";
    let found = check(&laid, 2, &[]);
    found.says("postgresql main, RPO now in disk", "warning", text, hint);
}

/// What grows is counted by the days on which it was stored.
#[test]
fn days_until_full_at_the_present_rate() {
    let laid = laid();
    laid.backup("disk", &described(&id(HOUR), 1, 8));
    laid.wal("disk", OLD, 1, 2..=9);
    let Store::Folder(root) = laid.store("disk") else { panic!("a folder") };
    for day in 0..4_u32 {
        let path = root.join(segment_key(OLD, 1, 5 + day));
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        // Sparse: a hundred TiB take no room.
        file.set_len(1 << 44).unwrap_or_else(|_| file.set_len(1 << 40).unwrap());
        touch(&path, Timestamp::now() - HOUR * 24 * i32::try_from(day).unwrap());
    }
    let found = check(&laid, 1, &[]);
    found.only(&["space"]);
    found.says(
        "repository disk, space",
        "warning",
        "… % of the file system free (…); … TiB stored; full in 0 days at the present rate, expected at least 14",
        "Grow the disk, or keep less",
    );
    check(&laid, 0, &["--objectives-days-until-full=0"]).only(&[]);
}

/// As with a bare `SEAWALL_REPOSITORY` in a container, beside a configuration with recipients.
#[test]
fn wal_that_arrives_in_the_clear_is_said() {
    let laid = laid();
    laid.backup("disk", &described(&id(HOUR * 2), 1, 2));
    laid.wal("disk", OLD, 1, 2..=3);
    let pair = KeyPair::new(&laid.place);
    let recipients = format!("--encryption-recipients={}", pair.recipient);
    let encrypted = |number| {
        let key = segment_key(OLD, 1, number) + ".age";
        laid.put("disk", &key, b"not looked at");
    };
    encrypted(4);
    laid.wal("disk", OLD, 1, 5..=6);
    let found = check(&laid, 1, &[&recipients]);
    found.only(&["WAL"]);
    found.says(
        "postgresql main, WAL in disk",
        "warning",
        "no gap from 0/2000028 on; 000000010000000000000006, the newest, is stored unencrypted, although encryption.recipients is set",
        "Does archive_command use this configuration?",
    );
    // Nobody asked for encryption; or what was in the clear is of before.
    check(&laid, 0, &[]).only(&[]);
    encrypted(7);
    check(&laid, 0, &[&recipients]).only(&[]);
}
