//! Where not all can be seen, nothing is deleted; elsewhere the work is done.

use super::{BESIDE, ONE, TWO, lay_out, left, prune, shows};
use crate::listing::laid::{Laid, OLD, described, object, segment_key};
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

#[test]
fn a_broken_description_stops_all_deletions_in_its_repository() {
    let laid = Laid::with_folder_and_bucket();
    lay_out(&laid, "disk");
    lay_out(&laid, "s3");
    laid.store("disk").damage(&object(&described(TWO, 1, 5), "backup.json"), |it| it.truncate(99));
    let before = laid.store("disk").keys();
    let outcome = prune(&laid).arg("--yes").run();
    let text = error(outcome.expect(5));
    assert!(
        text.starts_with(&format!("could not read base backup {TWO} in repository disk: ")),
        "{text}"
    );
    assert_eq!(laid.store("disk").keys(), before);
    // A recovery from what stays on the disk takes its WAL from whichever has it.
    let segment = segment_key(OLD, 1, 2);
    let needed = BESIDE.map(|it| segment.replace(".zst", it));
    let mut expected = [left(), needed.into(), vec![segment]].concat();
    expected.sort();
    assert_eq!(laid.store("s3").keys(), expected);
    shows(&outcome, "nothing is deleted in this repository");
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

#[test]
fn a_backup_that_ends_in_the_future_means_a_wrong_clock() {
    let laid = Laid::with_folder();
    lay_out(&laid, "disk");
    laid.backup("disk", &described("29990101T030000Z-0009", 1, 11));
    let before = laid.store("disk").keys();
    let outcome = prune(&laid).arg("--yes").run();
    let text = error(outcome.expect(3));
    let expected = "expected it to be later than the end of base backup 29990101T030000Z-0009 at \
                    2999-01-01T03:00:05Z, found ";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(laid.store("disk").keys(), before);
}
