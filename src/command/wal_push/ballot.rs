//! All repositories are heard before the first one stores a file: what one of them refuses, none gets.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long those that could answer wait for the others. Later than that a repository counts as one that is away:
/// the others get their copy all the same, and the push fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// One file, and what the repositories say of it.
pub struct Ballot {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// So many have not spoken yet.
    silent: usize,
    /// Whether one holds other content under the name.
    refused: bool,
    /// So many have not stored it yet.
    lacking: usize,
}

impl Ballot {
    pub fn of(repositories: usize) -> Self {
        let state = State { silent: repositories, refused: false, lacking: repositories };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// One repository says whether it refuses. Each of them has to, once.
    pub fn cast(&self, refuses: bool) {
        let mut state = self.state();
        state.silent = state.silent.saturating_sub(1);
        state.refused |= refuses;
        self.changed.notify_all();
    }

    /// Whether no repository refuses, once all have spoken or their time is up.
    pub fn passes(&self) -> bool {
        let waits = |state: &mut State| state.silent > 0 && !state.refused;
        let heard = self.changed.wait_timeout_while(self.state(), PATIENCE, waits);
        !heard.unwrap_or_else(PoisonError::into_inner).0.refused
    }

    /// One repository stored it. True for the last one of all.
    pub fn stored(&self) -> bool {
        let mut state = self.state();
        state.lacking = state.lacking.saturating_sub(1);
        state.lacking == 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn one_refusal_is_heard_by_all_and_silence_is_waited_for() {
        let ballot = Ballot::of(3);
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                ballot.cast(false);
                ballot.passes()
            });
            ballot.cast(false);
            thread::sleep(Duration::from_millis(20));
            assert!(!first.is_finished());
            ballot.cast(true);
            assert!(!first.join().unwrap() && !ballot.passes());
        });
    }

    #[test]
    fn the_last_one_to_store_it_is_told_so() {
        let ballot = Ballot::of(2);
        ballot.cast(false);
        ballot.cast(false);
        assert!(ballot.passes() && !ballot.stored() && ballot.stored());
    }
}
