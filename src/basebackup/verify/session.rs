//! Decides what an error means while many threads verify: a fault of the object, a key that is missing, or a repository
//! that does not answer and is left alone from then on.
//!
//! Also counts, for the progress, in bytes as they are stored.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Verification;
use crate::error::{Class, Error};
use crate::threads::in_threads;
use crate::threads::lock;

/// What all threads of a verification share.
pub(super) struct Session<'a> {
    pub(super) verify: &'a Verification<'a>,
    done: AtomicU64,
    of: AtomicU64,
    /// Repositories that don't answer: nobody waits for the rest of them.
    down: Mutex<BTreeMap<usize, Error>>,
    /// Repositories with objects that none of our keys opens: one of them stands for all.
    locked: Mutex<BTreeMap<usize, Error>>,
}

/// What became of an object.
pub(super) enum Judged<T> {
    Good(T),
    /// What is wrong with it.
    Fault(String),
    /// Nothing can be said about it; the session knows why.
    Unknown,
}

impl<'a> Session<'a> {
    pub(super) fn new(verify: &'a Verification<'a>) -> Self {
        let failures = verify.survey.catalogue.failures.iter();
        let failures = failures.map(|failure| (failure.repository, failure.error.clone()));
        let (done, of, locked) = Default::default();
        Self { verify, done, of, down: Mutex::new(failures.collect()), locked }
    }

    pub(super) fn is_up(&self, repository: usize) -> bool {
        !lock(&self.down).contains_key(&repository)
    }

    /// What an error says about an object of this repository.
    pub(super) fn judge<T>(&self, repository: usize, error: Error) -> Judged<T> {
        match error.class() {
            // A fault is one of many lines: what to do about it depends on all of them.
            Class::Damaged | Class::Conflict => return Judged::Fault(error.message()),
            Class::Configuration => drop(lock(&self.locked).entry(repository).or_insert(error)),
            _ => drop(lock(&self.down).entry(repository).or_insert(error)),
        }
        Judged::Unknown
    }

    pub(super) fn into_errors(self) -> Vec<Error> {
        let locked = self.locked.into_inner().unwrap_or_else(PoisonError::into_inner);
        let down = self.down.into_inner().unwrap_or_else(PoisonError::into_inner);
        let errors = locked.into_iter().chain(down).map(|(repository, error)| {
            let name = self.verify.repositories[repository].name();
            error.while_doing(format!("could not verify all of repository {name}"))
        });
        errors.collect()
    }

    /// So many bytes are to be read.
    pub(super) fn announce(&self, bytes: u64) {
        self.of.store(bytes, Ordering::Relaxed);
    }

    fn advance(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        (self.verify.progress)(done, self.of.load(Ordering::Relaxed));
    }
}

impl Session<'_> {
    /// Does the work for each item, as many at the same time as the configuration says; the results are in
    /// the order of the items.
    pub(super) fn in_threads<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> R + Sync,
    ) -> Vec<R> {
        in_threads(self.verify.config.basebackup.parallel, items, work)
    }
}

/// How far the reading of one object has come, told in stored bytes: of what is decompressed its share is
/// counted. However the reading ends, the whole object counts as done.
pub(super) struct Meter<'a> {
    session: &'a Session<'a>,
    /// Length of what is read, and of the object as stored, in bytes.
    length: u64,
    stored: u64,
    read: Cell<u64>,
    told: Cell<u64>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(session: &'a Session<'a>, length: u64, stored: u64) -> Self {
        Self { session, length: length.max(1), stored, read: Cell::new(0), told: Cell::new(0) }
    }

    pub(super) fn read(&self, bytes: u64) {
        self.read.set(self.read.get() + bytes);
        let read = u128::from(self.read.get().min(self.length));
        let share = read * u128::from(self.stored) / u128::from(self.length);
        self.tell(u64::try_from(share).unwrap_or(self.stored));
    }

    /// It is read from its beginning; what was told stays told.
    pub(super) fn restart(&self) {
        self.read.set(0);
    }

    fn tell(&self, bytes: u64) {
        let more = bytes.saturating_sub(self.told.get());
        if more > 0 {
            self.told.set(bytes);
            self.session.advance(more);
        }
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        self.tell(self.stored);
    }
}
