//! What one call pushes: what was asked for, and beside it what waits behind.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::input::{Input, waiting};
use super::lanes::{ArchivedFile, Lanes, Pushed};
use super::lineage::LeftBehind;
use super::notes::PushNotes;
use super::queue::{Pool, Queue, Room};
use super::standing::PushRepositories;
use super::turns::Turns;
use crate::codec::{Encoder, Encoding};
use crate::config::Config;
use crate::data_directory::{CutSegment, DataDirectory, StateFolder};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::WalFileName;
use crate::repository::{NamesThere, RepositoryMemory, WalFolder};
use crate::threads;
use crate::threads::lock;

/// How long a call goes on starting what it was not asked for. PostgreSQL waits meanwhile.
const LOOK_AHEAD_TIME: Duration = Duration::from_secs(10);

/// So many files are on their way for each one that is compressed: while some wait for a store or a
/// disk, others make use of the processor.
const UNDER_WAY: usize = 2;

pub(super) struct Batch<'a> {
    pub config: &'a Config,
    pub standing: &'a PushRepositories<'a>,
    pub data_directory: Option<&'a DataDirectory>,
    pub state: Option<&'a StateFolder>,
    pub notes: Option<&'a PushNotes>,
    pub memory: Option<&'a RepositoryMemory>,
}

/// With its place in the order.
struct QueuedFile {
    number: usize,
    what: PushKind,
}

enum PushKind {
    Asked(Input),
    Ahead(WalFileName, PathBuf),
}

/// What the workers of one call share.
struct BatchShare<'a> {
    queue: Queue<QueuedFile>,
    turns: Turns,
    /// Encoders that nobody uses now. There are as many as files may be compressed at once.
    encoders: Pool<Encoder>,
    /// One for each repository.
    names: Vec<NamesThere>,
    /// Takes what became of the file that was asked for.
    tell: Mutex<Option<Tell<'a>>>,
}

/// Those behind a file wait for its outcome, also where there will be none.
struct OnPanic<F: Fn()>(F);

impl<F: Fn()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if thread::panicking() {
            (self.0)();
        }
    }
}

type Tell<'a> = Box<dyn FnOnce(Result<ArchivedFile>) + Send + 'a>;

impl Batch<'_> {
    /// Pushes what was asked for, and beside it, as far as time and memory go, the `next` ones. Only the first
    /// decides the outcome, which is told as soon as it is known.
    pub(super) fn run<'a>(
        &self,
        asked: Input,
        next: &[(WalFileName, PathBuf)],
        tell: impl FnOnce(Result<ArchivedFile>) + Send + 'a,
    ) {
        // One file alone is compressed by several threads; of several files each has its own.
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let parallel = self.config.wal.parallel;
        let (at_once, each) = match next.len() {
            0 => (1, parallel.min(cores)),
            more => (parallel.get().min(more + 1), NonZeroUsize::MIN),
        };
        let encoding = Encoding { level: self.config.wal.compression_level, threads: each };
        let shared = BatchShare {
            turns: Turns::default(),
            encoders: Pool::of((0..at_once).map(|_| Encoder::new(encoding))),
            names: self.names(&asked, next),
            queue: self.queue(asked, next),
            tell: Mutex::new(Some(Box::new(tell))),
        };
        let work = || self.work(&shared);
        thread::scope(|scope| {
            threads::helpers(scope, (UNDER_WAY * at_once).min(next.len() + 1) - 1, work);
            work();
        });
    }

    fn names(&self, asked: &Input, next: &[(WalFileName, PathBuf)]) -> Vec<NamesThere> {
        let folder = WalFolder::new(&self.config.cluster, asked.system);
        let names = |repository| {
            let all = std::iter::once(asked.name).chain(next.iter().map(|(name, _)| *name));
            let names = NamesThere::of(all);
            match self.memory {
                Some(memory) => names.remembering(memory, repository, &folder),
                None => names,
            }
        };
        self.standing.repositories.iter().map(names).collect()
    }

    fn queue(&self, asked: Input, next: &[(WalFileName, PathBuf)]) -> Queue<QueuedFile> {
        let ahead = next.iter().filter_map(|(name, path)| waiting(*name, path.clone()));
        let ahead = ahead.map(|((name, path), size)| (PushKind::Ahead(name, path), size));
        let size = asked.size;
        let all = std::iter::once((PushKind::Asked(asked), size)).chain(ahead).enumerate();
        let items = all.map(|(number, (what, size))| (QueuedFile { number, what }, size));
        let until = Instant::now() + LOOK_AHEAD_TIME;
        Queue::new(items, self.config.wal.look_ahead_bytes, until)
    }

    fn work(&self, shared: &BatchShare<'_>) {
        while let Some((QueuedFile { number, what }, room)) = shared.queue.take() {
            let stop = || {
                shared.turns.refuse(number);
                shared.queue.stop();
            };
            let _dies = OnPanic(&stop);
            match what {
                PushKind::Asked(input) => {
                    let decided = |pushed: &Result<Pushed>| {
                        let outcome = match pushed {
                            Ok(Pushed::Stored(stored)) => Ok(stored.clone()),
                            Ok(Pushed::KeptBack) => {
                                Err(Error::new(Class::Internal, "nothing is before it"))
                            }
                            Err(error) => Err(error.clone()),
                        };
                        if outcome.is_err() {
                            stop();
                        }
                        if let Some(tell) = lock(&shared.tell).take() {
                            tell(outcome);
                        }
                    };
                    // What came of it was told.
                    let _ = self.push(number, input, shared, room, decided);
                }
                PushKind::Ahead(name, path) => {
                    if let Err(error) = self.push_ahead(number, name, &path, shared, room) {
                        // Its turn comes, and then it is an error.
                        tracing::info!("left for later: {error}");
                        stop();
                    }
                }
            }
        }
    }

    fn push_ahead(
        &self,
        number: usize,
        name: WalFileName,
        path: &Path,
        shared: &BatchShare<'_>,
        room: Room<'_, QueuedFile>,
    ) -> Result<()> {
        let Some(notes) = self.notes else { return Ok(()) };
        let input = Input::open(path, name, self.data_directory)?;
        if let Some(state) = self.state {
            // Its turn comes, and then repositories are asked for the whole one.
            CutSegment::of(state, name, path)?.map_or(Ok(()), |cut| Err(cut.refusal(name)))?;
        }
        let seen = input.seen.clone();
        // Kept back by one before it, which says why.
        let pushed = self.push(number, input, shared, room, |_| {})?;
        let Pushed::Stored(stored) = pushed else { return Ok(()) };
        failpoint::reach("look-ahead.before-note");
        notes.write(name, &seen, &stored)?;
        failpoint::reach("look-ahead.noted");
        Ok(())
    }

    /// `decided` hears what came of it as soon as that is known: a repository that hangs is still waited for afterwards.
    fn push(
        &self,
        number: usize,
        input: Input,
        shared: &BatchShare<'_>,
        mut room: Room<'_, QueuedFile>,
        decided: impl FnOnce(&Result<Pushed>),
    ) -> Result<Pushed> {
        let folder = WalFolder::new(&self.config.cluster, input.system);
        let server = LeftBehind {
            config: self.config,
            data_directory: self.data_directory,
            state: self.state,
            folder: &folder,
        };
        let encoding =
            Encoding { level: self.config.wal.compression_level, threads: NonZeroUsize::MIN };
        let lanes = Lanes {
            standing: self.standing,
            names: &shared.names,
            folder: &folder,
            encoders: &shared.encoders,
            turns: &shared.turns,
            memory: self.memory,
            encoding,
            server: &server,
        };
        // What is compressed takes less room than what it was; others may have the rest.
        lanes.push(number, input, |stored| room.shrink_to(stored), decided)
    }
}
