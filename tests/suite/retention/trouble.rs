//! Where not all can be seen, nothing is deleted; elsewhere the work is done.

use super::{BESIDE, ONE, TWO, lay_out, left, prune, shows};
use crate::listing::laid::{Laid, OLD, described, key, object, segment_key};
use crate::scene::error;

const LIMITS: [&str; 3] =
    ["--limits-connect-timeout=500ms", "--limits-total-timeout=6s", "--limits-attempts=2"];

#[test]
fn a_repository_that_is_down_does_not_keep_the_other_one_from_being_pruned() {
    let mut laid = Laid::with_folder_and_bucket();
    lay_out(&laid, "disk");
    lay_out(&laid, "s3");
    laid.stop("s3");
    let outcome = prune(&laid).arg("--yes").args(LIMITS).run();
    outcome.expect(8).says("could not list repository s3");
    assert_eq!(laid.store("disk").keys(), left());
    let closed = "Nothing is deleted in repository s3: not all of it could be read.\n";
    assert!(outcome.stdout.contains(closed), "{outcome}");
}

/// It stays, with the WAL that it may need, and is said; the rest goes its way.
#[test]
fn a_broken_description_does_not_stop_the_rest() {
    let laid = Laid::with_folder_and_bucket();
    lay_out(&laid, "disk");
    lay_out(&laid, "s3");
    laid.store("disk").damage(&object(&described(TWO, 1, 5), "backup.json"), |it| it.truncate(99));
    let outcome = prune(&laid).arg("--yes").run();
    let text = error(outcome.expect(5));
    assert!(
        text.starts_with(&format!("could not read base backup {TWO} in repository disk: ")),
        "{text}"
    );
    shows(&outcome, &format!("keep   disk {TWO} its description can't be read\n"));
    // Another one is the newest of its month there, and all that stays anywhere keeps its WAL everywhere.
    let segment = segment_key(OLD, 1, 2);
    let needed = BESIDE.map(|it| segment.replace(".zst", it));
    let mut expected = [left(), needed.into(), vec![segment]].concat();
    expected.sort();
    assert_eq!(laid.store("s3").keys(), expected);
    let parts = ["backup.json", "backup_manifest.zst", "part-00001.tar.zst", "part-00002.tar.zst"];
    expected.extend(parts.map(|name| object(&described(ONE, 1, 2), name)));
    expected.sort();
    assert_eq!(laid.store("disk").keys(), expected);
}

/// Nobody knows what it needs: the WAL from the one before it to the one behind it stays.
#[test]
fn a_broken_description_keeps_the_wal_between_its_neighbours() {
    let laid = Laid::with_folder();
    lay_out(&laid, "disk");
    laid.store("disk").damage(&object(&described(TWO, 1, 5), "backup.json"), |it| it.truncate(1));
    let outcome = prune(&laid).arg("--yes").run();
    shows(outcome.expect(5), "base backup 20200106T030000Z-0002, whose description can't be read");
    let keys = laid.store("disk").keys();
    let there = |number| keys.contains(&segment_key(OLD, 1, number));
    assert_eq!((1..=12).filter(|it| there(*it)).collect::<Vec<_>>(), (2..=12).collect::<Vec<_>>());
    // Planted under a name of no time it keeps nothing.
    let laid = Laid::with_folder();
    lay_out(&laid, "disk");
    laid.put("disk", &key(OLD, "x/backup.json"), b"{");
    prune(&laid).arg("--yes").run().expect(5);
    let mut expected = left();
    expected.push(key(OLD, "x/backup.json"));
    expected.sort();
    assert_eq!(laid.store("disk").keys(), expected);
}

#[test]
fn a_damaged_backup_goes_and_takes_no_place_of_a_good_one() {
    let laid = Laid::with_folder();
    lay_out(&laid, "disk");
    laid.store("disk").delete(&object(&described(TWO, 1, 5), "part-00001.tar.zst"));
    let outcome = prune(&laid).arg("--yes").run();
    shows(outcome.expect(0), "can't be restored: part-00001.tar.zst is missing");
    let keys = laid.store("disk").keys();
    assert!(keys.contains(&object(&described(ONE, 1, 2), "backup.json")), "{keys:?}");
    assert!(!keys.iter().any(|key| key.contains(TWO)), "{keys:?}");
}

/// The store says so too.
#[test]
fn a_backup_that_ends_in_the_future_means_a_wrong_clock() {
    let laid = Laid::with_folder();
    lay_out(&laid, "disk");
    laid.backup("disk", &described("21000101T030000Z-0009", 1, 11));
    laid.date("disk");
    let before = laid.store("disk").keys();
    let outcome = prune(&laid).arg("--yes").run();
    let text = error(outcome.expect(3));
    let expected = "expected it to be later than the end of base backup 21000101T030000Z-0009 at \
                    2100-01-01T03:00:05Z, found ";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(laid.store("disk").keys(), before);
}
