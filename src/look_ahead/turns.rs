//! The order in which the files of one call get their names: PostgreSQL's, whatever is compressed, looked for and
//! sent beside it. Of a server that is refused at one file nothing that comes after it is stored.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Files are numbered from 0 on.
#[derive(Default)]
pub struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// So many files have begun to get their names.
    begun: usize,
    /// So many files, from the first on, are in every repository.
    accepted: usize,
    /// The first file that is not, for a reason that keeps back those behind it.
    refused: Option<usize>,
}

impl State {
    fn keeps_back(&self, number: usize) -> bool {
        self.refused.is_some_and(|refused| refused < number)
    }
}

impl Turns {
    /// Waits until the file before this one is about to get its name: the moment for another look. False when this
    /// one will not get any.
    pub fn is_next(&self, number: usize) -> bool {
        self.wait(number, |state| state.begun >= number)
    }

    /// Waits until all files before this one are in every repository. False when one of them can't be.
    pub fn begin(&self, number: usize) -> bool {
        let its_turn = self.wait(number, |state| state.accepted >= number);
        if its_turn {
            let mut state = self.state();
            state.begun = state.begun.max(number + 1);
            self.changed.notify_all();
        }
        its_turn
    }

    fn wait(&self, number: usize, over: impl Fn(&State) -> bool) -> bool {
        let waits = |state: &mut State| !state.keeps_back(number) && !over(state);
        let state = self.changed.wait_while(self.state(), waits);
        !state.unwrap_or_else(PoisonError::into_inner).keeps_back(number)
    }

    /// The file is in every repository.
    pub fn accept(&self, number: usize) {
        let mut state = self.state();
        state.accepted = state.accepted.max(number + 1);
        self.changed.notify_all();
    }

    /// Nothing behind this file gets its name.
    pub fn refuse(&self, number: usize) {
        let mut state = self.state();
        state.refused = Some(state.refused.map_or(number, |refused| refused.min(number)));
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

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
}
