use super::{ONE, lay_out, prune, shows};
use crate::listing::laid::{Laid, OLD, described, object, segment_key};

#[test]
fn a_pinned_backup_and_its_wal_stay_until_it_is_unpinned() {
    let laid = Laid::with_folder_and_bucket();
    lay_out(&laid, "disk");
    lay_out(&laid, "s3");
    let pin = |verb: &str| laid.basebackup(verb).arg("20200105").run();
    for _ in 0..2 {
        assert_eq!(pin("pin").expect(0).stdout, format!("{ONE} is pinned.\n"));
    }
    let show = laid.basebackup("show").arg(ONE).run();
    assert_eq!(show.expect(0).stdout.matches(", pinned\n").count(), 2, "{show}");
    shows(prune(&laid).arg("--yes").run().expect(0), " pinned\n");
    let description = object(&described(ONE, 1, 2), "backup.json");
    for store in ["disk", "s3"] {
        let keys = laid.store(store).keys();
        assert!(keys.contains(&description) && keys.contains(&segment_key(OLD, 1, 2)), "{keys:?}");
        assert!(!keys.contains(&segment_key(OLD, 1, 3)), "{keys:?}");
    }
    for _ in 0..2 {
        assert_eq!(pin("unpin").expect(0).stdout, format!("{ONE} is not pinned any more.\n"));
    }
    let outcome = prune(&laid).arg("--yes").run();
    outcome.expect(0);
    for store in ["disk", "s3"] {
        assert_eq!(laid.store(store).keys(), super::left(), "{outcome}");
    }
}

#[test]
fn an_id_that_does_not_tell_which_is_refused() {
    let laid = Laid::with_folder();
    lay_out(&laid, "disk");
    let before = laid.store("disk").keys();
    laid.basebackup("pin").arg("202001").run().expect(2).says("Give more of the id.");
    laid.basebackup("pin").arg("2021").run().expect(2).says("The nearest are ");
    assert_eq!(laid.store("disk").keys(), before);
}

#[test]
fn a_repository_that_does_not_answer_is_said() {
    let mut laid = Laid::with_folder_and_bucket();
    lay_out(&laid, "disk");
    lay_out(&laid, "s3");
    laid.stop("s3");
    let limits =
        ["--limits-connect-timeout=500ms", "--limits-total-timeout=6s", "--limits-attempts=1"];
    let outcome = laid.basebackup("pin").arg(ONE).args(limits).run();
    assert_eq!(outcome.expect(8).stdout, format!("{ONE} is pinned.\n"));
    outcome.says("could not list repository s3");
}
