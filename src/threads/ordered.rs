//! Work that several threads do while its results come back in order, without more under way than fits.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Mutex, mpsc};

use super::{helpers, start_in};
use crate::error::{Class, Error, Result};

/// So many jobs for each thread may wait or wait to be taken back.
const UNDER_WAY: usize = 16;

type AwaitedResult<R> = mpsc::Receiver<Result<R>>;

/// Where jobs go in, and results come out of in the same order.
pub(crate) struct OrderedLane<J, R> {
    jobs: mpsc::Sender<(J, mpsc::SyncSender<Result<R>>)>,
    under_way: VecDeque<AwaitedResult<R>>,
    max: usize,
}

/// Starts threads, each with a tool of its own, and runs `drive`, which gives them jobs. The first failure ends
/// it all.
pub(crate) fn ordered<J: Send, R: Send, T, X>(
    threads: NonZeroUsize,
    tool: impl Fn() -> T + Sync,
    work: impl Fn(&mut T, J) -> Result<R> + Sync,
    drive: impl FnOnce(&mut OrderedLane<J, R>) -> Result<X>,
) -> Result<X> {
    let (jobs, waiting) = mpsc::channel::<(J, mpsc::SyncSender<Result<R>>)>();
    let waiting = Mutex::new(waiting);
    let work = || {
        let mut tool = tool();
        let next = || waiting.lock().ok().and_then(|waiting| waiting.recv().ok());
        while let Some((job, done)) = next() {
            // Who asked is gone when something else failed.
            let _ = done.send(work(&mut tool, job));
        }
    };
    std::thread::scope(|scope| {
        // One is enough.
        start_in(scope, work)?;
        let more = helpers(scope, threads.get() - 1, work).len();
        let max = (1 + more) * UNDER_WAY;
        let mut lane = OrderedLane { jobs, under_way: VecDeque::new(), max };
        let driven = drive(&mut lane)?;
        Ok(driven)
    })
}

impl<J, R> OrderedLane<J, R> {
    /// Hands a job over; takes results back while too many are under way.
    pub(crate) fn push(&mut self, job: J, take: &mut dyn FnMut(R) -> Result<()>) -> Result<()> {
        while self.under_way.len() >= self.max {
            self.take_oldest(take)?;
        }
        let (sender, receiver) = mpsc::sync_channel(1);
        self.jobs.send((job, sender)).map_err(|_| died())?;
        self.under_way.push_back(receiver);
        // What is ready by now need not wait.
        while let Some(result) = self.under_way.front().and_then(|first| first.try_recv().ok()) {
            self.under_way.pop_front();
            take(result?)?;
        }
        Ok(())
    }

    /// Waits for all that is under way.
    pub(crate) fn drain(&mut self, take: &mut dyn FnMut(R) -> Result<()>) -> Result<()> {
        while !self.under_way.is_empty() {
            self.take_oldest(take)?;
        }
        Ok(())
    }

    fn take_oldest(&mut self, take: &mut dyn FnMut(R) -> Result<()>) -> Result<()> {
        match self.under_way.pop_front() {
            Some(first) => take(first.recv().map_err(|_| died())??),
            None => Ok(()),
        }
    }
}

fn died() -> Error {
    Error::new(Class::Internal, "a thread died at its work")
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREADS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

    #[test]
    fn results_come_in_order_and_all_of_them() {
        let mut results = Vec::new();
        let work = |sum: &mut u64, job: u64| {
            *sum += job;
            std::thread::sleep(std::time::Duration::from_micros(job % 7 * 50));
            Ok(job * 2)
        };
        ordered(
            THREADS,
            || 0,
            work,
            |lane| {
                let mut take = |result| {
                    results.push(result);
                    Ok(())
                };
                (0..500).try_for_each(|job| lane.push(job, &mut take))?;
                lane.drain(&mut take)
            },
        )
        .unwrap();
        assert_eq!(results, (0..500).map(|job| job * 2).collect::<Vec<_>>());
    }

    #[test]
    fn a_failure_ends_it() {
        let fail = |(): &mut (), job: u64| match job {
            40 => Err(Error::new(Class::Damaged, "forty")),
            job => Ok(job),
        };
        let outcome = ordered(
            THREADS,
            || (),
            fail,
            |lane| (0..).try_for_each(|job| lane.push(job, &mut |_| Ok(()))),
        );
        assert_eq!(outcome.unwrap_err().to_string(), "forty");
    }
}
