//! What the workers of one call share: the files that wait, within the memory they may hold, and the encoders, of which
//! there are fewer than files under way.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::threads::lock;

/// What one call pushes: first what was asked for, then what waits behind it, taken by several workers.
/// Segments under way hold at most a set number of bytes; one is always allowed.
pub(super) struct Queue<T> {
    state: Mutex<QueueState<T>>,
    changed: Condvar,
    bytes_max: u64,
    /// After this nothing more is started: the caller waits for its answer.
    until: Instant,
}

struct QueueState<T> {
    waiting: VecDeque<(T, u64)>,
    bytes_under_way: u64,
    /// Whether the first one, which somebody waits for, was taken.
    started: bool,
    stopped: bool,
}

enum Next<T> {
    /// And how many bytes it may hold.
    Start(T, u64),
    /// There is one, and no room for it yet.
    Full,
    /// No job waits, the queue was stopped, or it is too late for another one.
    Nothing,
}

impl<T> QueueState<T> {
    fn next(&mut self, bytes_max: u64, late: bool) -> Next<T> {
        let none = self.stopped || self.started && late;
        let Some((_, bytes)) = self.waiting.front().filter(|_| !none) else { return Next::Nothing };
        if self.bytes_under_way > 0 && self.bytes_under_way + bytes > bytes_max {
            return Next::Full;
        }
        self.bytes_under_way += bytes;
        self.started = true;
        self.waiting.pop_front().map_or(Next::Nothing, |(item, bytes)| Next::Start(item, bytes))
    }
}

impl<T> Queue<T> {
    /// Items with their size in bytes.
    pub(super) fn new(
        items: impl IntoIterator<Item = (T, u64)>,
        bytes_max: u64,
        until: Instant,
    ) -> Self {
        let waiting = items.into_iter().collect();
        let state = QueueState { waiting, bytes_under_way: 0, started: false, stopped: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), bytes_max, until }
    }

    /// The next item, once there is room for it, and the room it takes; `None` when there is nothing left
    /// to start.
    pub(super) fn take(&self) -> Option<(T, Room<'_, T>)> {
        let mut state = self.state();
        loop {
            match state.next(self.bytes_max, Instant::now() >= self.until) {
                Next::Start(item, bytes) => return Some((item, Room { queue: self, bytes })),
                Next::Nothing => return None,
                Next::Full => {}
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give_back(&self, bytes: u64) {
        self.state().bytes_under_way -= bytes;
        self.changed.notify_all();
    }

    /// Nothing more is started.
    pub(super) fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, QueueState<T>> {
        lock(&self.state)
    }
}

/// The bytes that an item under way may hold. They are given back when this is dropped.
pub(super) struct Room<'a, T> {
    queue: &'a Queue<T>,
    bytes: u64,
}

impl<T> Room<'_, T> {
    /// Gives back what is above `bytes`.
    pub(super) fn shrink_to(&mut self, bytes: u64) {
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

/// A few things that several threads use in turn.
pub(super) struct Pool<T> {
    free: Mutex<Vec<T>>,
    returned: Condvar,
}

impl<T> Pool<T> {
    pub(super) fn of(things: impl IntoIterator<Item = T>) -> Self {
        Self { free: Mutex::new(things.into_iter().collect()), returned: Condvar::new() }
    }

    /// Works with the one that was used last, once there is one.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let free = lock(&self.free);
        let free = self.returned.wait_while(free, |free| free.is_empty());
        let thing = free.unwrap_or_else(PoisonError::into_inner).pop();
        let mut taken = PoolGuard { pool: self, thing };
        match &mut taken.thing {
            Some(thing) => work(thing),
            None => unreachable!("it waited until there was one"),
        }
    }
}

/// Goes back also when the work panics: others wait for it.
struct PoolGuard<'a, T> {
    pool: &'a Pool<T>,
    thing: Option<T>,
}

impl<T> Drop for PoolGuard<'_, T> {
    fn drop(&mut self) {
        let mut free = lock(&self.pool.free);
        free.extend(self.thing.take());
        self.pool.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn queue(sizes: &[u64], bytes_max: u64) -> Queue<u64> {
        let items: Vec<_> = sizes.iter().map(|size| (*size, *size)).collect();
        Queue::new(items, bytes_max, Instant::now() + Duration::from_secs(60))
    }

    #[test]
    fn one_item_is_always_allowed_and_more_only_if_they_fit() {
        let queue = queue(&[100, 4, 6], 10);
        let is_full = || matches!(queue.state().next(10, false), Next::Full);
        let (first, mut room) = queue.take().unwrap();
        assert!(first == 100 && is_full());
        room.shrink_to(7);
        assert!(is_full());
        room.shrink_to(6);
        let (second, second_room) = queue.take().unwrap();
        assert!(second == 4 && second_room.bytes == 4 && is_full());
        drop(second_room);
        assert!(is_full());
        drop(room);
        assert_eq!(queue.take().unwrap().0, 6);
        assert!(queue.take().is_none());
    }

    /// Whoever waits is woken: without that, none of these would come to its end.
    #[test]
    fn all_items_are_taken_by_workers_that_wait_for_each_other() {
        let queue = Arc::new(queue(&[6; 100], 10));
        let (taken, all) = mpsc::channel();
        for _ in 0..4 {
            let (queue, taken) = (Arc::clone(&queue), taken.clone());
            std::thread::spawn(move || {
                while let Some((item, mut room)) = queue.take() {
                    std::thread::yield_now();
                    room.shrink_to(5);
                    assert!(queue.state().bytes_under_way <= 11);
                    drop(room);
                    taken.send(item).unwrap();
                }
            });
        }
        drop(taken);
        let next = || all.recv_timeout(Duration::from_secs(60));
        assert_eq!((0..100).map(|_| next().unwrap()).sum::<u64>(), 600);
        assert_eq!(next(), Err(mpsc::RecvTimeoutError::Disconnected));
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

    const USERS: usize = 8;
    const ROUNDS: usize = 100;

    /// Of many users, each has one of two things to itself for as long as it works, and the others wait.
    #[test]
    fn who_comes_too_late_waits_until_one_is_returned() {
        let pool = Arc::new(Pool::of([0, 0]));
        let (done, all) = mpsc::channel();
        for _ in 0..USERS {
            let (pool, done) = (Arc::clone(&pool), done.clone());
            thread::spawn(move || {
                for _ in 0..ROUNDS {
                    pool.with(|thing| {
                        let found = *thing;
                        thread::yield_now();
                        *thing = found + 1;
                    });
                }
                done.send(()).unwrap();
            });
        }
        for _ in 0..USERS {
            all.recv_timeout(Duration::from_secs(60)).expect("nobody waits for ever, or fails");
        }
        let used: usize = pool.free.lock().unwrap().iter().sum();
        assert_eq!(used, USERS * ROUNDS);
    }

    #[test]
    fn it_comes_back_from_a_user_who_fails() {
        let pool = Pool::of([1]);
        let failed = thread::scope(|scope| scope.spawn(|| pool.with(|_| panic!("no"))).join());
        assert!(failed.is_err());
        assert_eq!(pool.with(|thing| *thing), 1);
    }
}
