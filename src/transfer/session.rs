//! What all parts of a copy share: how far it is, what went wrong, and whether it goes on.
//!
//! An object that is damaged, or something else under its name, is one of many: the rest is copied. A repository that does
//! not answer ends it all, because each further question would wait as long.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{CopiedId, CopiedLine, RepositoryCopy, Transferred};
use crate::backup::ObjectSource;
use crate::error::{Class, Error, Result};
use crate::repository::{Carrying, Repository, RepositoryMemory, Source, WalFolder};
use crate::threads::lock;

/// So many objects are under way at the same time.
pub(super) const AT_ONCE: NonZeroUsize = match NonZeroUsize::new(4) {
    Some(four) => four,
    None => NonZeroUsize::MIN,
};

pub(super) struct CopySession<'a> {
    pub(super) transfer: &'a RepositoryCopy<'a>,
    memory: Option<RepositoryMemory>,
    done: AtomicU64,
    of: AtomicU64,
    left_out: Mutex<Vec<String>>,
    errors: Mutex<Vec<Error>>,
    there: Mutex<BTreeSet<CopiedId>>,
    never: Mutex<BTreeSet<CopiedId>>,
    /// Why nothing more is tried.
    stopped: Mutex<Option<Error>>,
}

impl<'a> CopySession<'a> {
    pub(super) fn new(transfer: &'a RepositoryCopy<'a>) -> Self {
        let state = transfer.config.state_directory.as_deref().filter(|state| state.is_dir());
        let memory =
            |state: &Path| RepositoryMemory::new(state.to_owned(), state.join("copied-into"));
        let (done, of, left_out, errors, stopped) = Default::default();
        let (memory, there, never) = (state.map(memory), Mutex::default(), Mutex::default());
        Self { transfer, memory, done, of, left_out, errors, there, never, stopped }
    }

    pub(super) fn from(&self) -> &'a Repository {
        &self.transfer.ends[0]
    }

    pub(super) fn to(&self) -> &'a Repository {
        &self.transfer.ends[1]
    }

    pub(super) fn source<'f>(&'f self, folder: &'f WalFolder) -> Source<'f> {
        let limits = self.transfer.config.limits;
        Source { folder, identities: self.transfer.identities, limits }
    }

    pub(super) fn carrying<'f>(&'f self, source: &'f Source<'f>) -> Carrying<'f> {
        let anew = self.transfer.anew;
        let memory = self.memory.as_ref();
        Carrying { from: self.from(), to: self.to(), source, memory, anew }
    }

    /// The objects below a beginning of keys, in one of the two repositories.
    pub(super) fn objects<'f>(
        &'f self,
        repository: &'f Repository,
        prefix: &'f str,
        encrypted: bool,
    ) -> ObjectSource<'f> {
        ObjectSource {
            storage: repository.storage(),
            prefix,
            encrypted,
            identities: self.transfer.identities,
            attempts: self.transfer.config.limits.attempts,
        }
    }

    pub(super) fn announce(&self, bytes: u64) {
        self.of.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn advance(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        (self.transfer.progress)(done, self.of.load(Ordering::Relaxed));
    }

    pub(super) fn leave_out(&self, what: String) {
        lock(&self.left_out).push(what);
    }

    /// A backup is whole in the target.
    pub(super) fn has_now(&self, backup: CopiedId) {
        if self.transfer.wanted.backups.is_some() {
            lock(&self.there).insert(backup);
        }
    }

    /// A backup can't come, whoever tries it once more.
    pub(super) fn never_comes(&self, backup: CopiedId) {
        if self.transfer.wanted.backups.is_some() {
            lock(&self.never).insert(backup);
        }
    }

    /// One thing failed. What is wrong with a repository, and not with this, stops everything.
    pub(super) fn failed(&self, error: Error) {
        match error.class() {
            Class::Damaged | Class::Conflict | Class::Gap | Class::Configuration => {
                lock(&self.errors).push(error);
            }
            _ => {
                lock(&self.stopped).get_or_insert(error);
            }
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        lock(&self.stopped).clone().map_or(Ok(()), Err)
    }

    pub(super) fn is_stopped(&self) -> bool {
        lock(&self.stopped).is_some()
    }

    pub(super) fn ended(self, lines: Vec<CopiedLine>) -> Transferred {
        let inner = |it: Mutex<Vec<Error>>| it.into_inner().unwrap_or_default();
        let stopped = self.stopped.into_inner().unwrap_or_default();
        let errors = stopped.into_iter().chain(inner(self.errors)).collect();
        let left_out = self.left_out.into_inner().unwrap_or_default();
        let (there, never) = (self.there, self.never);
        let [there, never] = [there, never].map(|it| it.into_inner().unwrap_or_default());
        Transferred { lines, left_out, there, never, errors }
    }
}
