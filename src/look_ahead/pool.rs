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
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_comes_too_late_waits_until_one_is_returned() {
        let pool = Pool::of([1]);
        let (started, start) = mpsc::channel();
        let (go_on, wait) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let pool = &pool;
            scope.spawn(move || {
                pool.with(|thing| {
                    *thing += 1;
                    started.send(()).unwrap();
                    wait.recv().unwrap();
                });
            });
            start.recv().unwrap();
            let late = scope.spawn(|| pool.with(|thing| *thing));
            thread::sleep(Duration::from_millis(20));
            assert!(!late.is_finished());
            go_on.send(()).unwrap();
            assert_eq!(late.join().unwrap(), 2);
        });
    }
}
