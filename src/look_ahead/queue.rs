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

    /// The next item, once there is room for it, and the room it takes; `None` when there is nothing left
    /// to start.
    pub fn take(&self) -> Option<(T, Room<'_, T>)> {
        let mut state = self.state();
        loop {
            if state.stopped || state.started && Instant::now() >= self.until {
                return None;
            }
            let bytes = state.waiting.front()?.1;
            if state.bytes_under_way == 0 || state.bytes_under_way + bytes <= self.bytes_max {
                state.bytes_under_way += bytes;
                state.started = true;
                let room = Room { queue: self, bytes };
                return state.waiting.pop_front().map(|(item, _)| (item, room));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give_back(&self, bytes: u64) {
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

/// The bytes that an item under way may hold. They are given back when this is dropped.
pub struct Room<'a, T> {
    queue: &'a Queue<T>,
    bytes: u64,
}

impl<T> Room<'_, T> {
    /// Gives back what is above `bytes`.
    pub fn shrink_to(&mut self, bytes: u64) {
        let rest = self.bytes.saturating_sub(bytes);
        self.bytes -= rest;
        self.queue.give_back(rest);
    }
}

impl<T> Drop for Room<'_, T> {
    fn drop(&mut self) {
        self.queue.give_back(self.bytes);
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
        let queue = queue(&[100, 4, 6], 10);
        let (first, mut room) = queue.take().unwrap();
        assert_eq!(first, 100);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| queue.take().map(|(item, room)| (item, room.bytes)));
            std::thread::sleep(Duration::from_millis(20));
            assert!(!second.is_finished());
            room.shrink_to(6);
            assert_eq!(second.join().unwrap(), Some((4, 4)));
            let third = scope.spawn(|| queue.take().map(|(item, _)| item));
            std::thread::sleep(Duration::from_millis(20));
            assert!(!third.is_finished());
            drop(room);
            assert_eq!(third.join().unwrap(), Some(6));
        });
        assert!(queue.take().is_none());
    }

    #[test]
    fn when_time_is_up_only_the_first_is_started() {
        let queue = Queue::new([(1, 1), (2, 1)], 10, Instant::now());
        assert!(queue.take().is_some());
        assert!(queue.take().is_none());
    }

    #[test]
    fn after_a_stop_nothing_starts() {
        let queue = queue(&[1, 1], 10);
        assert!(queue.take().is_some());
        queue.stop();
        assert!(queue.take().is_none());
    }
}
