//! What became of a file in each repository, while some are still at it: once enough have it nobody waits long for the rest.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Limits;
use crate::error::{Class, Error, Result};
use crate::progress;
use crate::threads::lock;

/// Once enough repositories have a file, the others may go on as long as something moves at least so often, and no longer
/// than this in all. The limits of a request hold too.
const QUIET: Duration = Duration::from_secs(5);
const MOST: Duration = Duration::from_secs(30);

/// How often it is looked whether anything moves.
const LOOK: Duration = Duration::from_millis(100);

/// What became of a file in one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreOutcome {
    Archived,
    KeptBack,
}

type Ways = Vec<Option<Result<StoreOutcome>>>;

pub(super) struct LaneTally {
    ways: Mutex<Ways>,
    changed: Condvar,
}

/// Reports for one repository, also where its thread dies.
pub(super) struct Reporter<'a> {
    tally: &'a LaneTally,
    number: usize,
}

impl LaneTally {
    pub(super) fn of(repositories: usize) -> Self {
        Self { ways: Mutex::new(vec![None; repositories]), changed: Condvar::new() }
    }

    pub(super) fn reporter(&self, number: usize) -> Reporter<'_> {
        Reporter { tally: self, number }
    }

    fn report(&self, number: usize, way: Result<StoreOutcome>) {
        lock(&self.ways)[number].get_or_insert(way);
        self.changed.notify_all();
    }

    /// Waits until all have reported, or those that did are enough and the others have had their time. `None` stands for one
    /// that has not reported. `is_enough` is asked of the numbers of those that have it.
    pub(super) fn wait(&self, limits: Limits, is_enough: impl Fn(&[usize]) -> bool) -> Ways {
        let (quiet, most) = (QUIET.min(limits.request), MOST.min(limits.total));
        let mut since: Option<Instant> = None;
        let (mut moved, mut moved_at) = (progress::so_far(), Instant::now());
        let mut ways = lock(&self.ways);
        while ways.iter().any(Option::is_none) {
            let archived = |(number, way): (usize, &Option<Result<StoreOutcome>>)| {
                matches!(way, Some(Ok(StoreOutcome::Archived))).then_some(number)
            };
            let have: Vec<usize> = ways.iter().enumerate().filter_map(archived).collect();
            if since.is_none() && is_enough(&have) {
                since = Some(Instant::now());
                moved_at = Instant::now();
            }
            let now = progress::so_far();
            if now != moved {
                (moved, moved_at) = (now, Instant::now());
            }
            let is_over = |since: Instant| since.elapsed() >= most || moved_at.elapsed() >= quiet;
            if since.is_some_and(is_over) {
                break;
            }
            let waited = self.changed.wait_timeout(ways, LOOK);
            ways = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        ways.clone()
    }
}

impl Reporter<'_> {
    pub(super) fn report(&self, way: Result<StoreOutcome>) {
        self.tally.report(self.number, way);
    }
}

impl Drop for Reporter<'_> {
    fn drop(&mut self) {
        let died = || Error::new(Class::Internal, "a thread of the push died");
        self.tally.report(self.number, Err(died()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connect: Duration::from_millis(200),
        request: Duration::from_millis(200),
        total: Duration::from_millis(400),
        attempts: 1,
    };

    #[test]
    fn all_are_waited_for_where_those_that_reported_are_not_enough() {
        let tally = LaneTally::of(2);
        tally.reporter(0).report(Ok(StoreOutcome::Archived));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| tally.wait(LIMITS, |_| false));
            std::thread::sleep(Duration::from_millis(600));
            assert!(!waits.is_finished());
            tally.reporter(1).report(Ok(StoreOutcome::Archived));
            assert!(waits.join().unwrap().iter().all(Option::is_some));
        });
    }

    #[test]
    fn nobody_waits_long_for_one_that_hangs_once_others_are_enough() {
        let tally = LaneTally::of(2);
        tally.reporter(0).report(Ok(StoreOutcome::Archived));
        let ways = tally.wait(LIMITS, |have| have == [0]);
        assert_eq!(ways, [Some(Ok(StoreOutcome::Archived)), None]);
    }

    #[test]
    fn a_thread_that_dies_is_heard() {
        let tally = LaneTally::of(1);
        drop(tally.reporter(0));
        let ways = tally.wait(LIMITS, |_| false);
        assert!(matches!(&ways[0], Some(Err(error)) if error.class() == Class::Internal));
    }
}
