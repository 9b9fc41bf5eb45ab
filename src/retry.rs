//! Trying again what may go better: how long the pause before each try is, in one place for all that read objects.

use std::hash::{BuildHasher as _, RandomState};
use std::thread;
use std::time::Duration;

use crate::error::{Error, Result};

/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A try that failed.
pub(crate) struct FailedTry {
    pub error: Error,
    /// After how many tries, this one among them, it is enough.
    pub tries: u32,
}

/// Does something until it succeeds or fails for the last time. `say` hears each error that another try follows.
pub(crate) fn retry<T>(
    mut attempt: impl FnMut() -> std::result::Result<T, FailedTry>,
    say: impl Fn(&Error),
) -> Result<T> {
    let mut tried = 0;
    loop {
        match attempt() {
            Ok(done) => return Ok(done),
            Err(FailedTry { error, tries }) => {
                tried += 1;
                if tried >= tries {
                    return Err(error);
                }
                say(&error);
                pause_after(tried);
            }
        }
    }
}

/// Waits before the next try, the longer the more there were.
pub(crate) fn pause_after(tried: u32) {
    thread::sleep(pause(tried, RandomState::new().hash_one(tried)));
}

/// Between half of the whole pause and all of it: of many that failed at the same moment, not all come again at the
/// same moment.
fn pause(tried: u32, chance: u64) -> Duration {
    let whole = Duration::from_millis(100 << tried.min(6)).min(PAUSE_MAX);
    whole / 2 + (whole / 2).mul_f64((chance % 1024) as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    #[test]
    fn what_fails_is_tried_as_often_as_its_error_allows() {
        for (tries, succeeds_at, expected) in [(1, 2, 1), (3, 9, 3), (3, 2, 2)] {
            let mut tried = 0;
            let done = retry(
                || {
                    tried += 1;
                    let error = Error::new(Class::Unreachable, "no");
                    if tried < succeeds_at { Err(FailedTry { error, tries }) } else { Ok(()) }
                },
                |_| {},
            );
            assert_eq!((tried, done.is_ok()), (expected, expected == succeeds_at));
        }
    }

    #[test]
    fn pauses_grow_and_vary_and_have_an_end() {
        let range = |tried| [0, 1023].map(|chance| pause(tried, chance).as_millis());
        assert_eq!([1, 2, 5].map(range), [[100, 199], [200, 399], [1600, 3198]]);
        assert_eq!(range(60), [2500, 4997]);
    }
}
