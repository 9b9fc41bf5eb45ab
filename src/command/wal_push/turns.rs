//! Who comes before whom. Files of one call get their names in the order of PostgreSQL, whatever is compressed, looked for
//! and sent beside it; and of one file all repositories are heard before the first one stores it. So a server that is
//! refused at one file, or by one repository, leaves nothing behind that.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::threads::lock;

/// Files are numbered from 0 on.
#[derive(Default)]
pub(super) struct Turns {
    state: Mutex<TurnsState>,
    changed: Condvar,
}

#[derive(Default)]
struct TurnsState {
    /// So many files have begun to get their names.
    begun: usize,
    /// So many files, from the first on, are in every repository.
    accepted: usize,
    /// The first file that is not, for a reason that keeps back those behind it.
    refused: Option<usize>,
}

impl TurnsState {
    fn keeps_back(&self, number: usize) -> bool {
        self.refused.is_some_and(|refused| refused < number)
    }
}

impl Turns {
    /// Waits until the file before this one is about to get its name: the moment for another look. False when this
    /// one will not get any.
    pub(super) fn is_next(&self, number: usize) -> bool {
        self.wait(number, |state| state.begun >= number)
    }

    /// Waits until all files before this one are in every repository. False when one of them can't be.
    pub(super) fn begin(&self, number: usize) -> bool {
        let its_turn = self.wait(number, |state| state.accepted >= number);
        if its_turn {
            let mut state = self.state();
            state.begun = state.begun.max(number + 1);
            self.changed.notify_all();
        }
        its_turn
    }

    fn wait(&self, number: usize, over: impl Fn(&TurnsState) -> bool) -> bool {
        let waits = |state: &mut TurnsState| !state.keeps_back(number) && !over(state);
        let state = self.changed.wait_while(self.state(), waits);
        !state.unwrap_or_else(PoisonError::into_inner).keeps_back(number)
    }

    /// The file is in every repository.
    pub(super) fn accept(&self, number: usize) {
        let mut state = self.state();
        state.accepted = state.accepted.max(number + 1);
        self.changed.notify_all();
    }

    /// Nothing behind this file gets its name.
    pub(super) fn refuse(&self, number: usize) {
        let mut state = self.state();
        state.refused = Some(state.refused.map_or(number, |refused| refused.min(number)));
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, TurnsState> {
        lock(&self.state)
    }
}

/// How long those that could answer wait for the others. Later than that a repository counts as one that is away:
/// the others get their copy all the same, and the push fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// One file, and what the repositories say of it.
pub(super) struct Ballot {
    state: Mutex<Votes>,
    changed: Condvar,
}

struct Votes {
    /// So many have not spoken yet.
    silent: usize,
    /// Whether one holds other content under the name.
    refused: bool,
    /// So many have not stored it yet.
    lacking: usize,
}

impl Ballot {
    pub(super) fn of(repositories: usize) -> Self {
        let state = Votes { silent: repositories, refused: false, lacking: repositories };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// One repository says whether it refuses. Each of them has to, once.
    pub(super) fn cast(&self, refuses: bool) {
        let mut state = self.state();
        state.silent = state.silent.saturating_sub(1);
        state.refused |= refuses;
        self.changed.notify_all();
    }

    /// Whether no repository refuses, once all have spoken or their time is up.
    pub(super) fn passes(&self) -> bool {
        let waits = |state: &mut Votes| state.silent > 0 && !state.refused;
        let heard = self.changed.wait_timeout_while(self.state(), PATIENCE, waits);
        !heard.unwrap_or_else(PoisonError::into_inner).0.refused
    }

    /// One repository stored it. True for the last one of all.
    pub(super) fn stored(&self) -> bool {
        let mut state = self.state();
        state.lacking = state.lacking.saturating_sub(1);
        state.lacking == 0
    }

    fn state(&self) -> MutexGuard<'_, Votes> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn who_comes_early_waits_for_those_before() {
        let turns = Turns::default();
        let (sender, order) = mpsc::channel();
        thread::scope(|scope| {
            for number in (0..5).rev() {
                let (turns, sender) = (&turns, sender.clone());
                scope.spawn(move || {
                    assert!(turns.is_next(number) && turns.begin(number));
                    sender.send(number).unwrap();
                    turns.accept(number);
                });
                thread::sleep(Duration::from_millis(5));
            }
        });
        drop(sender);
        assert_eq!(order.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_refusal_keeps_back_what_is_behind_and_not_what_is_before() {
        let turns = Turns::default();
        thread::scope(|scope| {
            let third = scope.spawn(|| turns.begin(3));
            turns.refuse(1);
            turns.refuse(2);
            assert!(!third.join().unwrap());
        });
        assert!(!turns.is_next(2) && !turns.begin(2));
        turns.accept(0);
        assert!(turns.begin(1));
    }

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
