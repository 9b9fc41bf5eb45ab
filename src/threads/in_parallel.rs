//! Works on a list in several threads: many for questions to stores, as many as the caller says for the reading of
//! objects.
//!
//! The calling thread works along, so all is done even where the system grants no other thread.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use super::helpers;

/// How many questions are asked at the same time. Each one waits for a store most of its time.
const THREADS: usize = 16;

/// Asks for each item, several at the same time; the results are in the order of the items.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    in_threads(NonZeroUsize::new(THREADS).unwrap_or(NonZeroUsize::MIN), items, work)
}

/// Does the work for each item in so many threads; the results are in the order of the items.
pub(crate) fn in_threads<T: Sync, R: Send>(
    threads: NonZeroUsize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let waiting = Mutex::new(items.iter().enumerate());
    let next = || waiting.lock().map_or(None, |mut waiting| waiting.next());
    let worker = || {
        let of_one = |(at, item)| (at, work(item));
        std::iter::from_fn(next).map(of_one).collect::<Vec<_>>()
    };
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let running = helpers(scope, items.len().min(threads.get()).saturating_sub(1), worker);
        let mut results = worker();
        for one in running {
            results.extend(one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..100).collect();
        let doubled = in_parallel(&items, |item| {
            std::thread::sleep(std::time::Duration::from_micros(100 - item));
            item * 2
        });
        assert_eq!(doubled, (0..100).map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(in_parallel(&[0_u8; 0], |item| *item), [0; 0]);
    }
}
