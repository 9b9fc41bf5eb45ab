//! Threads that work off a list until one of them fails. After that none begins anything, and who is at long work may ask
//! whether to go on.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::{helpers, lock};
use crate::error::{Class, Error, Result};

/// Threads that work off a list, until one of them fails.
#[derive(Default)]
pub(crate) struct Workers {
    stopped: AtomicBool,
}

impl Workers {
    /// Does the work for each number below `count`, in order, several at the same time. Each thread works
    /// with a `tool` of its own. The first failure is what comes back, and nothing is begun after it.
    pub(crate) fn run<T>(
        &self,
        threads: NonZeroUsize,
        count: usize,
        tool: impl Fn() -> T + Sync,
        work: impl Fn(&mut T, usize) -> Result<()> + Sync,
    ) -> Result<()> {
        let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
        let worker = || {
            let mut tool = tool();
            let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|taken| *taken < count);
            while let Some(taken) = take().filter(|_| !self.is_stopped()) {
                if let Err(error) = work(&mut tool, taken) {
                    self.stopped.store(true, Ordering::Relaxed);
                    lock(&failure).get_or_insert(error);
                }
            }
        };
        thread::scope(|scope| {
            helpers(scope, threads.get().min(count).saturating_sub(1), worker);
            worker();
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// Whether another thread has failed, so that going on is of no use.
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// An error that nobody sees, when another thread has failed.
    pub(crate) fn go_on(&self) -> Result<()> {
        if self.is_stopped() {
            return Err(Error::new(Class::Internal, "stopped because another part failed"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_done_or_the_first_failure_comes_back() {
        let (threads, done) = (NonZeroUsize::new(4).unwrap(), AtomicUsize::new(0));
        let add = |sum: &mut usize, number: usize| {
            *sum += number;
            done.fetch_add(1 << 32 | number, Ordering::Relaxed);
            Ok(())
        };
        Workers::default().run(threads, 100, || 0, add).unwrap();
        assert_eq!(done.load(Ordering::Relaxed), 100 << 32 | 4950);
        Workers::default().run(threads, 0, || 0, add).unwrap();
        let workers = Workers::default();
        let fail = |(): &mut (), number: usize| {
            let later = number > 5;
            loop {
                if !later {
                    break;
                }
                workers.go_on()?;
            }
            if number == 5 { Err(Error::new(Class::Damaged, "five")) } else { Ok(()) }
        };
        let failure = workers.run(threads, 1000, || (), fail).unwrap_err();
        assert_eq!(failure.to_string(), "five");
    }
}
