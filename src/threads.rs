//! Threads, where the system may have none to give: `ulimit -u`, a container's limit on pids, `TasksMax` of a unit.
//! `std::thread::spawn` and `Scope::spawn` panic there; what is here goes on with fewer, or says so.
//!
//! On top of that: `in_parallel` works off a list, all of it; `workers` do so until one fails; and of `ordered` the results come
//! back in order, while the list is still being made.

mod in_parallel;
mod ordered;
mod workers;

pub(crate) use in_parallel::{in_parallel, in_threads};
pub(crate) use ordered::{OrderedLane, ordered};
pub(crate) use workers::Workers;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, JoinHandle, Scope, ScopedJoinHandle};

use crate::error::{Error, Result};

/// A thread that nobody need wait for.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    let thread = Builder::new().name(name.to_owned());
    thread.spawn(work).map_err(|error| Error::thread(&error))
}

/// A thread that this work can't do without.
pub(crate) fn start_in<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    spawn(scope, work).map_err(|error| Error::thread(&error))
}

/// As many threads as can be had, up to `count`, that all do the same; the caller does it too.
pub(crate) fn helpers<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    count: usize,
    work: impl Fn() -> T + Copy + Send + 'scope,
) -> Vec<ScopedJoinHandle<'scope, T>> {
    (0..count).map_while(|_| spawn(scope, work).ok()).collect()
}

/// A thread that nobody need wait for. Where there is none, what it was to do comes back.
pub(crate) fn start_or_return<F: FnOnce() + Send + 'static>(
    name: &str,
    work: F,
) -> std::result::Result<(), F> {
    let (theirs, ours) = shared(work);
    let started = Builder::new().name(name.to_owned()).spawn(move || taken(&theirs)());
    started.map(drop).map_err(|_| taken(&ours))
}

/// Lets another thread do something with `what`. Where there is none, `what` comes back.
pub(crate) fn hand_to<'scope, A: Send + 'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    what: A,
    work: impl FnOnce(A) -> T + Send + 'scope,
) -> std::result::Result<ScopedJoinHandle<'scope, T>, A> {
    let (theirs, ours) = shared(what);
    spawn(scope, move || work(taken(&theirs))).map_err(|_| taken(&ours))
}

/// Work beside that of the caller; see [`beside`].
pub(crate) enum Beside<'scope, F, T> {
    Begun(ScopedJoinHandle<'scope, T>),
    Left(F),
}

/// Begins `work` in another thread. Where there is none, the caller does it when it asks for the result.
pub(crate) fn beside<'scope, F, T>(
    scope: &'scope Scope<'scope, '_>,
    work: F,
) -> Beside<'scope, F, T>
where
    F: FnOnce() -> T + Send + 'scope,
    T: Send + 'scope,
{
    hand_to(scope, work, |work| work()).map_or_else(Beside::Left, Beside::Begun)
}

impl<F: FnOnce() -> T, T> Beside<'_, F, T> {
    /// Its result; an error is what it panicked with.
    pub(crate) fn join(self) -> thread::Result<T> {
        match self {
            Beside::Begun(thread) => thread.join(),
            Beside::Left(work) => Ok(work()),
        }
    }
}

/// Locks it, also where a thread panicked that had it locked: what is in it is whole after each step, and the panic is told
/// by whoever waits for that thread.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type HandedOver<A> = Arc<Mutex<Option<A>>>;

/// For a thread that may not start: it drops what it was given.
fn shared<A>(what: A) -> (HandedOver<A>, HandedOver<A>) {
    let one = Arc::new(Mutex::new(Some(what)));
    (Arc::clone(&one), one)
}

fn taken<A>(shared: &Mutex<Option<A>>) -> A {
    let what = lock(shared).take();
    match what {
        Some(what) => what,
        None => unreachable!("a thread runs or it does not"),
    }
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
            // The second one as where no thread could be had.
            for one in [beside(scope, &work), Beside::Left(&work)] {
                one.join().unwrap();
            }
        });
        assert_eq!(done.load(Ordering::Relaxed), 5);
    }

    #[test]
    fn a_panic_comes_to_who_asks() {
        thread::scope(|scope| {
            let panics = beside(scope, || assert_eq!(1, 2));
            assert!(panics.join().is_err());
        });
    }
}
