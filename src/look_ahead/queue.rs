use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What one call pushes: first what was asked for, then what waits behind it, taken by several workers.
/// Segments under way hold at most a set number of bytes; one is always allowed.
pub struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    bytes_max: u64,
    /// After this nothing more is started: the caller waits for its answer.
    until: Instant,
}

struct State<T> {
    waiting: VecDeque<(T, u64)>,
    bytes_under_way: u64,
    /// Whether the first one, which somebody waits for, was taken.
    started: bool,
    stopped: bool,
}

impl<T> Queue<T> {
    /// Items with their size in bytes.
    pub fn new(items: impl IntoIterator<Item = (T, u64)>, bytes_max: u64, until: Instant) -> Self {
        let waiting = items.into_iter().collect();
        let state = State { waiting, bytes_under_way: 0, started: false, stopped: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), bytes_max, until }
    }

    /// The next item, once there is room for it; `None` when there is nothing left to start.
    pub fn take(&self) -> Option<(T, u64)> {
        let mut state = self.state();
        loop {
            if state.stopped || state.started && Instant::now() >= self.until {
                return None;
            }
            let next = state.waiting.front()?.1;
            if state.bytes_under_way == 0 || state.bytes_under_way + next <= self.bytes_max {
                state.bytes_under_way += next;
                state.started = true;
                return state.waiting.pop_front();
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub fn done(&self, bytes: u64) {
        self.state().bytes_under_way -= bytes;
        self.changed.notify_all();
    }

    /// Nothing more is started.
    pub fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn queue(sizes: &[u64], bytes_max: u64) -> Queue<u64> {
        let items: Vec<_> = sizes.iter().map(|size| (*size, *size)).collect();
        Queue::new(items, bytes_max, Instant::now() + Duration::from_secs(60))
    }

    #[test]
    fn one_item_is_always_allowed_and_more_only_if_they_fit() {
        let queue = queue(&[100, 1], 10);
        assert_eq!(queue.take(), Some((100, 100)));
        std::thread::scope(|scope| {
            let second = scope.spawn(|| queue.take());
            std::thread::sleep(Duration::from_millis(20));
            assert!(!second.is_finished());
            queue.done(100);
            assert_eq!(second.join().unwrap(), Some((1, 1)));
        });
        assert_eq!(queue.take(), None);
    }

    #[test]
    fn when_time_is_up_only_the_first_is_started() {
        let queue = Queue::new([(1, 1), (2, 1)], 10, Instant::now());
        assert_eq!(queue.take(), Some((1, 1)));
        queue.done(1);
        assert_eq!(queue.take(), None);
    }

    #[test]
    fn after_a_stop_nothing_starts() {
        let queue = queue(&[1, 1], 10);
        assert!(queue.take().is_some());
        queue.stop();
        assert_eq!(queue.take(), None);
    }
}
