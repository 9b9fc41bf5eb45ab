//! Threads, where the system may have none to give: `ulimit -u`, a container's limit on pids, `TasksMax` of a unit.
//! `std::thread::spawn` and `Scope::spawn` panic there; what is here goes on with fewer, or says so.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder, JoinHandle, Scope, ScopedJoinHandle};

use crate::error::{Error, Result};

/// A thread that nobody need wait for.
pub fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    let thread = Builder::new().name(name.to_owned());
    thread.spawn(work).map_err(|error| Error::thread(&error))
}

/// A thread that this work can't do without.
pub fn start_in<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    spawn(scope, work).map_err(|error| Error::thread(&error))
}

/// As many threads as can be had, up to `count`, that all do the same; the caller does it too.
pub fn helpers<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    count: usize,
    work: impl Fn() -> T + Copy + Send + 'scope,
) -> Vec<ScopedJoinHandle<'scope, T>> {
    (0..count).map_while(|_| spawn(scope, work).ok()).collect()
}

/// Work beside that of the caller; see [`beside`].
pub struct Beside<'scope, F, T> {
    left: Arc<Mutex<Option<F>>>,
    thread: Option<ScopedJoinHandle<'scope, Option<T>>>,
}

/// Begins `work` in another thread. Where there is none, the caller does it when it asks for the result.
pub fn beside<'scope, F, T>(scope: &'scope Scope<'scope, '_>, work: F) -> Beside<'scope, F, T>
where
    F: FnOnce() -> T + Send + 'scope,
    T: Send + 'scope,
{
    // A thread that does not start drops what it was given.
    let left = Arc::new(Mutex::new(Some(work)));
    let shared = Arc::clone(&left);
    let thread = spawn(scope, move || take(&shared).map(|work| work())).ok();
    Beside { left, thread }
}

impl<F: FnOnce() -> T, T> Beside<'_, F, T> {
    /// Its result; an error is what it panicked with.
    pub fn join(self) -> thread::Result<T> {
        let done = match self.thread {
            Some(thread) => thread.join()?,
            None => take(&self.left).map(|work| work()),
        };
        match done {
            Some(result) => Ok(result),
            None => unreachable!("one of the two took it"),
        }
    }
}

fn take<F>(left: &Mutex<Option<F>>) -> Option<F> {
    left.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().spawn_scoped(scope, work)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn work_is_done_with_threads_and_without() {
        let done = AtomicUsize::new(0);
        let work = || done.fetch_add(1, Ordering::Relaxed);
        thread::scope(|scope| {
            assert_eq!(helpers(scope, 3, work).len(), 3);
            let mut beside = [beside(scope, &work), beside(scope, &work)];
            // As where no thread could be had.
            beside[1].thread.take().map(|thread| thread.join().unwrap());
            *beside[1].left.lock().unwrap() = Some(&work);
            for one in beside {
                one.join().unwrap();
            }
        });
        assert_eq!(done.load(Ordering::Relaxed), 6);
    }

    #[test]
    fn a_panic_comes_to_who_asks() {
        thread::scope(|scope| {
            let panics = beside(scope, || assert_eq!(1, 2));
            assert!(panics.join().is_err());
        });
    }
}
