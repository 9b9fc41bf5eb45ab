//! The process is killed at every named place of a push and of a fetch, and run again: what was
//! acknowledged can be restored, and the archive holds the right bytes exactly once.

mod fetch;
mod look_ahead;
mod push;
mod random;

pub use random::Random;

use crate::scene::{Scene, Store};
use crate::support::run::{Outcome, Run};

/// The setting by which a debug build dies at a place.
const FAILPOINT: &str = "SEAWALL_FAILPOINT";

/// Runs it and panics unless it died at this place: a place that is never reached proves nothing.
#[track_caller]
pub fn dies_at(run: Run, place: &str) -> Outcome {
    let outcome = run.env(FAILPOINT, place).run();
    assert_eq!(outcome.signal, Some(9), "it did not die at {place}: {outcome}");
    outcome
}

/// An object that was there before and is nobody's business.
const BYSTANDER: &str = "postgres/main/other";

/// Each of the first `count` segments is in each repository, whole, once, and nothing else is.
#[track_caller]
fn holds_exactly(scene: &Scene, stores: &[Store], count: usize) {
    for store in stores {
        let mut expected: Vec<String> = (0..count).map(|number| scene.clear_key(number)).collect();
        expected.push(BYSTANDER.to_owned());
        expected.sort();
        assert_eq!(store.keys(), expected);
        assert_eq!(store.get(BYSTANDER).as_deref(), Some(&b"bystander"[..]));
        assert_eq!(store.leftovers(), [""; 0]);
        for number in 0..count {
            store.holds(&scene.clear_key(number), scene.bytes(number));
        }
    }
}

/// What is there after the crash is whole: an object is never seen half.
#[track_caller]
fn nothing_is_half(scene: &Scene, stores: &[Store]) {
    for store in stores {
        for (name, bytes) in &scene.wal.segments {
            let key = scene.key(name, ".zst");
            if store.get(&key).is_some() {
                store.holds(&key, bytes);
            }
        }
    }
}
