//! Who may only add objects makes nothing look well, and nothing critical for ever: systems, records, WAL and backups that
//! somebody planted are said, and count for nothing.

use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use seawall::history::{RecordKind, RecordSubject};
use seawall::postgres::SystemIdentifier;

use super::laid_out::{HOUR, id};
use super::{Found, record};
use crate::listing::laid::{Laid, NEW, OLD, described, history, history_key, segment_key};

const BASE: &str = "postgresql main, base backup in disk";
const DRILL: &str = "postgresql main, drill";
const SYSTEMS: &str = "postgresql main, systems";
const WAL: &str = "postgresql main, WAL in disk";
const WHO: &str =
    "No drill or verification of Seawall stores such a record. Who may write to the repository?";

fn check(laid: &Laid, status: i32, words: &[&str]) -> Found {
    let run = laid.seawall("check").args(["--format", "json", "--objectives-rpo=3h"]);
    Found::of(&run.arg("--objectives-free-space=0").args(words).run(), status)
}

fn subject() -> RecordSubject {
    RecordSubject::postgres("main", SystemIdentifier(OLD.parse().unwrap()))
}

/// All that is there was stored so long ago.
fn date(laid: &Laid, ago: SignedDuration) {
    let when = SystemTime::from(Timestamp::now() - ago);
    laid.store("disk").date(&|_| when);
}

/// Backups of two hours ago, with WAL, stored then, and a drill of now.
fn laid() -> (Laid, String) {
    let (laid, id) = (Laid::with_folder(), id(HOUR * 2));
    laid.backup("disk", &described(&id, 1, 2));
    laid.wal("disk", OLD, 1, 1..=9);
    date(&laid, HOUR * 2);
    record(laid.store("disk"), &subject(), RecordKind::Drill, true);
    (laid, id)
}

/// Whatever number it has and however new it says it is.
#[test]
fn a_planted_system_is_said_and_not_watched() {
    let (laid, real) = laid();
    for (system, planted) in [(u64::MAX, id(HOUR)), (1, "20990101T030000Z-0009".to_owned())] {
        let mut fake = described(&planted, 1, 900);
        fake.system_identifier = system.to_string();
        laid.backup("disk", &fake);
    }
    let found = check(&laid, 1, &[]);
    found.only(&["systems"]);
    found.says(BASE, "ok", &format!("newest 2h… old ({real}); 1 restorable"), "");
    found.says(
        SYSTEMS,
        "warning",
        &format!("system {OLD} (…) is watched, but the repository also has objects of …1 (…"),
        "Two servers need two cluster names. If nobody knows the other system, somebody planted it",
    );
}

/// What lived for a day behind the old one took over, as after an upgrade.
#[test]
fn an_upgraded_server_is_watched_and_said_to_be_new() {
    let laid = Laid::with_folder();
    laid.backup("disk", &described(&id(HOUR * 90), 1, 2));
    laid.wal("disk", OLD, 1, 1..=9);
    date(&laid, HOUR * 80);
    let first = id(HOUR);
    let mut new = described(&first, 1, 20);
    new.system_identifier = NEW.to_owned();
    laid.backup("disk", &new);
    laid.wal("disk", NEW, 1, 18..=24);
    let began = segment_key(NEW, 1, 18);
    let at = |ago: SignedDuration| SystemTime::from(Timestamp::now() - ago);
    let when = |key: &str| match key {
        key if key == began => at(HOUR * 30),
        key if key.contains(NEW) => at(HOUR),
        _ => at(HOUR * 80),
    };
    laid.store("disk").date(&when);
    let found = check(&laid, 1, &[]);
    found.says(BASE, "ok", &format!("newest 1h… old ({first}); 1 restorable"), "");
    found.says(
        SYSTEMS,
        "warning",
        &format!("system {NEW} (…) took over from {OLD} (…)"),
        "Was the server upgraded or made anew? If so, this passes after 8 days.",
    );
}

fn put_record(laid: &Laid, kind: &str, key: &str, ended: Timestamp, more: &str) {
    let began = ended - SignedDuration::from_secs(5);
    let id = key.replace("ID", &began.strftime("%Y%m%dT%H%M%SZ-4f2a").to_string());
    let json = format!(
        "{{\"seawall\":1,\"id\":\"{id}\",\"kind\":\"{kind}\",\"began\":\"{began}\",\"ended\":\"{ended}\",{more}}}"
    );
    let key = format!("history/postgres/main/{OLD}/{id}-{kind}.json");
    laid.put("disk", &key, json.as_bytes());
}

const PASSED: &str = "\"passed\":true,\"backups\":[]";
const FAILED: &str = "\"passed\":false,\"backups\":[]";

/// None of them hides the failure, and none of them makes one.
#[test]
fn a_forged_record_counts_for_nothing() {
    let (laid, _) = laid();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    record(laid.store("disk"), &subject(), RecordKind::Drill, false);
    let (now, far) = (Timestamp::now(), "2099-01-01T03:00:05Z".parse::<Timestamp>().unwrap());
    put_record(&laid, "drill", "ID", far, PASSED);
    put_record(&laid, "drill", "ID", now - HOUR * 8, PASSED);
    put_record(&laid, "drill", "zzz", now, PASSED);
    laid.put("disk", &format!("history/postgres/main/{OLD}/20980101T000000Z-0-drill.json"), b"{");
    let found = check(&laid, 2, &[]);
    found.only(&["drill"]);
    found.says(DRILL, "critical", "the last one failed, 20…Z (assertion 1)…", "Mend what it found");
    let text = "…zzz-drill.json does not count: its name begins with no time…";
    found.says(DRILL, "critical", text, "Mend what it found");
    // What fails for ever.
    let (laid, _) = self::laid();
    put_record(&laid, "drill", "ID", far, FAILED);
    put_record(&laid, "verification", "ID", far, FAILED);
    let found = check(&laid, 1, &[]);
    found.only(&["drill", "verification"]);
    let text = "passed … ago; restored in 30s; history/postgres/main/…-drill.json does not count: its time, 2099-01-01T03:00:00Z, is in the future";
    found.says(DRILL, "warning", text, WHO);
    let text =
        "none yet; history/postgres/main/…-verification.json does not count: its time, 2099…";
    found.says("postgresql main, verification", "warning", text, WHO);
    // Of a backup that is not there.
    let (laid, _) = self::laid();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let missing = id(HOUR * 3);
    let named = format!("\"passed\":true,\"backups\":[\"{missing}\"]");
    put_record(&laid, "drill", "ID", Timestamp::now() + SignedDuration::from_secs(5), &named);
    let found = check(&laid, 1, &[]);
    found.only(&["drill"]);
    let text = format!("…; it says that it read {missing}, which no repository has");
    found.says(DRILL, "warning", &text, WHO);
}

/// WAL that came long before what is in front of it did not come from the server.
#[test]
fn wal_that_was_planted_far_ahead_is_no_gap_and_no_progress() {
    let (laid, _) = laid();
    laid.put("disk", &segment_key(OLD, 1, 0xFFF), b"not looked at");
    // It may be all that is left behind a gap, until more comes before it.
    let found = check(&laid, 2, &[]);
    found.only(&["WAL"]);
    found.says(
        "postgresql main, RPO now in disk",
        "ok",
        "at most 2h… would be lost: WAL is there up to 0/A000000, …",
        "",
    );
    let early = segment_key(OLD, 1, 0xFFF);
    let at = |ago: SignedDuration| SystemTime::from(Timestamp::now() - ago);
    laid.wal("disk", OLD, 1, 10..=12);
    laid.store("disk").date(&|key| match key {
        key if key == early => at(HOUR * 2),
        key if key.contains("/wal/") => at(SignedDuration::from_mins(1)),
        key if key.starts_with("history/") => SystemTime::now(),
        _ => at(HOUR * 2),
    });
    let found = check(&laid, 1, &[]);
    found.only(&["WAL"]);
    found.says(
        WAL,
        "warning",
        "no gap from 0/2000028 on; 000000010000000F000000FF is far ahead of everything that the server has written: the server did not write it",
        "Who may write to the repository? A recovery to the end of the WAL stops before it with an error",
    );
}

/// A history of a timeline on which nobody writes.
#[test]
fn a_planted_history_does_not_take_the_rpo_away() {
    let (laid, _) = laid();
    laid.put(
        "disk",
        &history_key(OLD, 99, ""),
        &history(99, "1\t0/3000000\tno recovery target specified\n"),
    );
    let found = check(&laid, 0, &[]);
    found.says("postgresql main, RPO now in disk", "ok", "…: WAL is there up to 0/A000000, …", "");
}

/// It says that it is new, and the store had it before.
#[test]
fn a_backup_of_the_future_is_no_newest() {
    let (laid, real) = laid();
    let fake = "20990101T030000Z-0009";
    laid.backup("disk", &described(fake, 1, 4));
    let found = check(&laid, 1, &[]);
    found.only(&["base backup"]);
    let text = format!(
        "newest 2h… old ({real}); 2 restorable; {fake} says that it ended at 2099-01-01T03:00:05Z, and was stored at …: it \
         does not count as the newest"
    );
    found.says(BASE, "warning", &text, "A clock was wrong, or somebody planted it");
}
