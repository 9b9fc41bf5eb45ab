use std::sync::{Condvar, Mutex, PoisonError};

/// A few things that several threads use in turn.
pub struct Pool<T> {
    free: Mutex<Vec<T>>,
    returned: Condvar,
}

impl<T> Pool<T> {
    pub fn of(things: impl IntoIterator<Item = T>) -> Self {
        Self { free: Mutex::new(things.into_iter().collect()), returned: Condvar::new() }
    }

    /// Works with the one that was used last, once there is one.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.returned.wait_while(free, |free| free.is_empty());
        let thing = free.unwrap_or_else(PoisonError::into_inner).pop();
        let mut taken = Taken { pool: self, thing };
        match &mut taken.thing {
            Some(thing) => work(thing),
            None => unreachable!("it waited until there was one"),
        }
    }
}

/// Goes back also when the work panics: others wait for it.
struct Taken<'a, T> {
    pool: &'a Pool<T>,
    thing: Option<T>,
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
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
