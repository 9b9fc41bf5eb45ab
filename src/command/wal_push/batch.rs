use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::input::{Input, waiting};
use super::lanes::Lanes;
use crate::codec::{Encoder, Encoding, Label};
use crate::config::Config;
use crate::data_directory::DataDirectory;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::look_ahead::{Notes, Pool, Queue, Room};
use crate::postgres::WalFileName;
use crate::repository::{Repository, Siblings, WalFolder};
use crate::threads;

/// How long a call goes on starting what it was not asked for. PostgreSQL waits meanwhile.
const LOOK_AHEAD_TIME: Duration = Duration::from_secs(10);

/// So many files are on their way for each one that is compressed: while some wait for a store or a
/// disk, others make use of the processor.
const UNDER_WAY: usize = 2;

pub struct Batch<'a> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub data_directory: Option<DataDirectory>,
    pub notes: Option<Notes>,
    /// Of histories that were brought along.
    pub histories: Option<Notes>,
}

enum Item {
    Asked(Input),
    Ahead(WalFileName, PathBuf),
}

/// What the workers of one call share.
struct Shared {
    queue: Queue<Item>,
    /// Encoders that nobody uses now. There are as many as files may be compressed at once.
    encoders: Pool<Encoder>,
    /// One for each repository.
    siblings: Vec<Siblings>,
    outcome: Mutex<Option<Result<Label>>>,
}

impl Batch<'_> {
    /// Pushes what was asked for, and beside it, as far as time and memory go, the `next` ones. Only
    /// the first decides the outcome.
    pub fn run(&self, asked: Input, next: &[(WalFileName, PathBuf)]) -> Result<Label> {
        let names = || std::iter::once(asked.name).chain(next.iter().map(|(name, _)| *name));
        let siblings = self.repositories.iter().map(|_| Siblings::of(names())).collect();
        let ahead = next.iter().filter_map(|(name, path)| waiting(*name, path.clone()));
        let ahead = ahead.map(|((name, path), size)| (Item::Ahead(name, path), size));
        let size = asked.size;
        let items = std::iter::once((Item::Asked(asked), size)).chain(ahead);
        let until = Instant::now() + LOOK_AHEAD_TIME;
        let queue = Queue::new(items, self.config.wal.look_ahead_bytes, until);
        // One file alone is compressed by several threads; of several files each has its own.
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let parallel = self.config.wal.parallel;
        let (at_once, each) = match next.len() {
            0 => (1, parallel.min(cores)),
            more => (parallel.get().min(more + 1), NonZeroUsize::MIN),
        };
        let encoding = Encoding { level: self.config.wal.compression_level, threads: each };
        let encoders = Pool::of((0..at_once).map(|_| Encoder::new(encoding)));
        let shared = Shared { queue, encoders, siblings, outcome: Mutex::new(None) };
        let work = || self.work(&shared);
        thread::scope(|scope| {
            threads::helpers(scope, (UNDER_WAY * at_once).min(next.len() + 1) - 1, work);
            work();
        });
        let outcome = shared.outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
        outcome.unwrap_or_else(|| Err(Error::new(Class::Internal, "the push came to no outcome")))
    }

    /// Recovery reaches the WAL of a timeline through its history. PostgreSQL hands that over when the timeline
    /// begins; if archiving was off then, as after a restore that is tried out first, it never does.
    pub fn bring_history(&self, history: WalFileName, path: &Path) -> Result<()> {
        if self.histories.as_ref().is_some_and(|notes| notes.vouch_for(history, path)) {
            return Ok(());
        }
        let input = Input::open(path, history, self.data_directory.as_ref())?;
        let seen = input.seen.clone();
        let label = self.run(input, &[])?;
        if let Some(notes) = &self.histories
            && let Err(error) = notes.write(history, &seen, &label)
        {
            tracing::warn!("the next call looks for {history} again: {error}");
        }
        Ok(())
    }

    fn work(&self, shared: &Shared) {
        while let Some((item, room)) = shared.queue.take() {
            match item {
                Item::Asked(input) => {
                    let pushed = self.push(input, shared, room);
                    if pushed.is_err() {
                        shared.queue.stop();
                    }
                    *shared.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(pushed);
                }
                Item::Ahead(name, path) => {
                    if let Err(error) = self.push_ahead(name, &path, shared, room) {
                        // Its turn comes, and then it is an error.
                        tracing::info!("left for later: {error}");
                        shared.queue.stop();
                    }
                }
            }
        }
    }

    fn push_ahead(
        &self,
        name: WalFileName,
        path: &Path,
        shared: &Shared,
        room: Room<'_, Item>,
    ) -> Result<()> {
        let Some(notes) = &self.notes else { return Ok(()) };
        let input = Input::open(path, name, self.data_directory.as_ref())?;
        let seen = input.seen.clone();
        let label = self.push(input, shared, room)?;
        failpoint::reach("look-ahead.before-note");
        notes.write(name, &seen, &label)?;
        failpoint::reach("look-ahead.noted");
        Ok(())
    }

    fn push(&self, input: Input, shared: &Shared, mut room: Room<'_, Item>) -> Result<Label> {
        let folder = WalFolder::new(&self.config.cluster, input.system);
        let lanes = Lanes {
            repositories: self.repositories,
            siblings: &shared.siblings,
            folder: &folder,
            encoders: &shared.encoders,
        };
        // What is compressed takes less room than what it was; others may have the rest.
        lanes.push(input, |stored| room.shrink_to(stored))
    }
}
