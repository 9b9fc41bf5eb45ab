//! `basebackup prune`, `pin` and `unpin` on repositories laid out by hand: what they say, word by word, and
//! what is left.

mod deleted;
pub mod interrupted;
mod pins;
pub mod planted;
mod remembered;
mod trouble;
mod under_way;

use crate::listing::laid::{Laid, NEW, OLD, described, history, history_key, object, segment_key};
use crate::support::run::{Outcome, Run};

/// Longer ago than any window.
const ONE: &str = "20200105T030000Z-0001";
const TWO: &str = "20200106T030000Z-0002";
const THREE: &str = "20200203T030000Z-0003";

/// The endings of what belongs to a segment.
const BESIDE: [&str; 3] = [".00000028.backup.zst", ".partial.zst", ".0123456789ABCDEF.beyond.zst"];

/// Keeps the newest one, and the newest of each month.
pub const MONTHLY: [&str; 4] = [
    "--retention-keep-last=1",
    "--retention-keep-daily=0",
    "--retention-keep-weekly=0",
    "--retention-keep-monthly=12",
];

/// Panics unless standard output holds this.
#[track_caller]
fn shows(outcome: &Outcome, text: &str) {
    assert!(outcome.stdout.contains(text), "no {text:?} in {outcome}");
}

fn prune(laid: &Laid) -> Run {
    laid.basebackup("prune").args(MONTHLY)
}

/// Three backups, the WAL from before the first to behind the last, and what belongs to it.
pub fn lay_out(laid: &Laid, store: &str) {
    lay_out_today(laid, store);
    laid.date(store);
}

/// The same where the store says of all that it is of today.
pub fn lay_out_today(laid: &Laid, store: &str) {
    for (id, segment) in [(ONE, 2), (TWO, 5), (THREE, 9)] {
        laid.backup(store, &described(id, 1, segment));
    }
    laid.wal(store, OLD, 1, 1..=12);
    for beside in BESIDE {
        let key = |number| segment_key(OLD, 1, number).replace(".zst", beside);
        laid.put(store, &key(2), b"not looked at");
        laid.put(store, &key(9), b"not looked at");
    }
    laid.put(store, &history_key(OLD, 2, ""), &history(2, "1\t0/D000000\tno recovery target\n"));
}

/// What is to be left of it.
fn left() -> Vec<String> {
    let mut keys: Vec<String> = [(TWO, 5), (THREE, 9)]
        .into_iter()
        .flat_map(|(id, segment)| {
            let objects =
                ["backup.json", "backup_manifest.zst", "part-00001.tar.zst", "part-00002.tar.zst"];
            objects.map(|name| object(&described(id, 1, segment), name))
        })
        .collect();
    let segments = [5, 9, 10, 11, 12];
    keys.extend(segments.map(|number| segment_key(OLD, 1, number)));
    keys.extend(BESIDE.map(|it| segment_key(OLD, 1, 9).replace(".zst", it)));
    keys.push(history_key(OLD, 2, ""));
    keys.sort();
    keys
}

#[track_caller]
fn says(outcome: &Outcome, expected: &str) {
    assert!(outcome.stdout == expected, "expected\n{expected}\nfound {outcome}");
}

const PLAN: &str = "\
System 7711021090723955933

       IN   BASE BACKUP           WHY
delete disk 20200105T030000Z-0001 no rule keeps it
keep   disk 20200106T030000Z-0002 newest of 2020-01
keep   disk 20200203T030000Z-0003 the newest good one, last 1, newest of 2020-02, point-in-time recovery of 7days begins with it
delete s3   20200105T030000Z-0001 no rule keeps it
keep   s3   20200106T030000Z-0002 newest of 2020-01
keep   s3   20200203T030000Z-0003 the newest good one, last 1, newest of 2020-02, point-in-time recovery of 7days begins with it
delete disk 20200104T030000Z-0000 unfinished, and begun more than 1day ago

       IN   WAL                                                  WHY
delete disk 000000010000000000000001 to 000000010000000000000004 not in the window of 7days, and no base backup needs it
keep   disk 000000010000000000000005                             base backup 20200106T030000Z-0002
delete disk 000000010000000000000006 to 000000010000000000000008 not in the window of 7days, and no base backup needs it
keep   disk 000000010000000000000009 to 00000001000000000000000C point-in-time recovery of 7days
delete s3   000000010000000000000001 to 000000010000000000000004 not in the window of 7days, and no base backup needs it
keep   s3   000000010000000000000005                             base backup 20200106T030000Z-0002
delete s3   000000010000000000000006 to 000000010000000000000008 not in the window of 7days, and no base backup needs it
keep   s3   000000010000000000000009 to 00000001000000000000000C point-in-time recovery of 7days

The histories of timelines are kept.

";

#[test]
fn shows_its_plan_and_deletes_what_no_rule_keeps() {
    let laid = Laid::with_folder_and_bucket();
    lay_out(&laid, "disk");
    lay_out(&laid, "s3");
    let cut_short = described("20200104T030000Z-0000", 1, 1);
    laid.put("disk", &object(&cut_short, "part-00001.tar.zst"), b"half");
    laid.date("disk");
    let before = ["disk", "s3"].map(|store| laid.store(store).keys());
    let dry = prune(&laid).arg("--dry-run").run();
    let amounts = "To be deleted: 4.3 KiB in disk, 4.3 KiB in s3.\n";
    says(dry.expect(0), &format!("{PLAN}{amounts}"));
    prune(&laid).run().expect(2).says("there is no terminal to ask on. HINT: Add --yes.");
    assert_eq!(["disk", "s3"].map(|store| laid.store(store).keys()), before);
    let outcome = prune(&laid).arg("--yes").run();
    says(outcome.expect(0), &format!("{PLAN}{amounts}Deleted 29 objects, 8.7 KiB.\n"));
    for store in ["disk", "s3"] {
        assert_eq!(laid.store(store).keys(), left(), "{store}");
    }
    let again = prune(&laid).arg("--yes").run();
    again.expect(0);
    assert!(again.stdout.ends_with("\n\nNothing is to be deleted.\n"), "{again}");
    let list = laid.list().run();
    assert!(list.expect(0).stdout.matches(" yes\n").count() == 2, "{list}");
}

#[test]
fn a_backup_that_may_be_under_way_keeps_its_wal() {
    let laid = Laid::with_folder();
    lay_out(&laid, "disk");
    // By the clock of another host.
    let under_way = described("29990101T030000Z-0009", 1, 11);
    laid.put("disk", &object(&under_way, "part-00001.tar.zst"), b"half");
    let outcome = prune(&laid).arg("--yes").run();
    let why = "unfinished, and begun within 1day: may still be running";
    shows(outcome.expect(0), why);
    let keys = laid.store("disk").keys();
    assert!(keys.contains(&object(&under_way, "part-00001.tar.zst")));
    assert!(keys.contains(&segment_key(OLD, 1, 9)));
}

#[test]
fn each_system_keeps_its_own_newest() {
    let laid = Laid::with_folder();
    lay_out(&laid, "disk");
    let mut new = described("20200301T030000Z-0004", 1, 3);
    new.system_identifier = NEW.to_owned();
    laid.backup("disk", &new);
    laid.wal("disk", NEW, 1, 2..=4);
    laid.date("disk");
    let none = ["--retention-keep-last=0", "--retention-keep-daily=0", "--retention-keep-weekly=0"];
    let prune = laid.basebackup("prune").args(none);
    prune.args(["--retention-keep-monthly=0", "--yes"]).run().expect(0);
    let keys = laid.store("disk").keys();
    assert!(keys.contains(&object(&described(THREE, 1, 9), "backup.json")), "{keys:?}");
    assert!(keys.contains(&object(&new, "backup.json")));
    assert!(!keys.contains(&object(&described(TWO, 1, 5), "backup.json")));
    assert!(!keys.contains(&segment_key(NEW, 1, 2)) && keys.contains(&segment_key(NEW, 1, 3)));
    let list = laid.list().run();
    assert!(list.expect(0).stdout.matches(" yes\n").count() == 2, "{list}");
}
