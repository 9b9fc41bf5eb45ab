//! Killed before and after each single deletion.

use super::{ONE, lay_out, left, prune};
use crate::listing::laid::{Laid, described, object};
use crate::support::run::Outcome;

/// Every place where a prune can die.
pub const POINTS: [&str; 2] = ["prune.before-delete", "prune.deleted"];

#[test]
fn killed_anywhere_it_leaves_what_is_kept_and_goes_on() {
    for point in POINTS {
        let laid = Laid::with_folder();
        for number in 0.. {
            lay_out(&laid, "disk");
            let killed = prune(&laid).arg("--yes");
            let outcome = killed.env("SEAWALL_FAILPOINT", format!("{point}:{number}")).run();
            if outcome.status == Some(0) {
                assert_eq!(number, 14, "objects deleted: {outcome}");
                break;
            }
            assert_eq!(outcome.signal, Some(9), "{point}:{number}: {outcome}");
            let list = laid.list().run();
            is_sound(list.expect(0), &laid);
            prune(&laid).arg("--yes").run().expect(0);
            assert_eq!(laid.store("disk").keys(), left(), "{point}:{number}");
        }
    }
}

/// All that is kept can be restored, and nothing claims to be a backup that is not whole.
fn is_sound(list: &Outcome, laid: &Laid) {
    let there = laid.store("disk").keys().contains(&object(&described(ONE, 1, 2), "backup.json"));
    let whole = list.stdout.matches(" yes\n").count();
    assert_eq!(whole, 2 + usize::from(there), "{list}");
    assert!(!list.stdout.contains("can't be restored"), "{list}");
}
