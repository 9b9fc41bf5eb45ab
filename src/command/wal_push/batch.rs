use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::input::{Input, waiting};
use crate::codec::{Encoding, encode};
use crate::config::Config;
use crate::data_directory::DataDirectory;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::look_ahead::{Notes, Queue};
use crate::postgres::WalFileName;
use crate::repository::{Archived, Prepared, Repository, WalFolder};

/// How long a call goes on starting what it was not asked for. PostgreSQL waits meanwhile.
const LOOK_AHEAD_TIME: Duration = Duration::from_secs(10);

pub struct Batch<'a> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub data_directory: Option<DataDirectory>,
    pub notes: Option<Notes>,
}

enum Item {
    Asked(Input),
    Ahead(WalFileName, PathBuf),
}

impl Batch<'_> {
    /// Pushes what was asked for, and beside it, as far as time and memory go, the `next` ones. Only
    /// the first decides the outcome.
    pub fn run(&self, asked: Input, next: &[(WalFileName, PathBuf)]) -> Result<()> {
        let ahead = next.iter().filter_map(|(name, path)| waiting(*name, path.clone()));
        let ahead = ahead.map(|((name, path), size)| (Item::Ahead(name, path), size));
        let size = asked.size;
        let items = std::iter::once((Item::Asked(asked), size)).chain(ahead);
        let until = Instant::now() + LOOK_AHEAD_TIME;
        let queue = Queue::new(items, self.config.wal.look_ahead_bytes, until);
        let outcome = Mutex::new(None);
        // One file alone is compressed by several threads; of several files each has its own.
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let parallel = self.config.wal.parallel;
        let (workers, threads) = match next.len() {
            0 => (1, parallel.min(cores)),
            more => (parallel.get().min(more + 1), NonZeroUsize::MIN),
        };
        thread::scope(|scope| {
            for _ in 1..workers {
                scope.spawn(|| self.work(&queue, threads, &outcome));
            }
            self.work(&queue, threads, &outcome);
        });
        let outcome = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
        outcome.unwrap_or_else(|| Err(Error::new(Class::Internal, "the push came to no outcome")))
    }

    fn work(
        &self,
        queue: &Queue<Item>,
        threads: NonZeroUsize,
        outcome: &Mutex<Option<Result<()>>>,
    ) {
        while let Some((item, size)) = queue.take() {
            match item {
                Item::Asked(input) => {
                    let pushed = self.push(input, threads).map(|_| ());
                    if pushed.is_err() {
                        queue.stop();
                    }
                    *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(pushed);
                }
                Item::Ahead(name, path) => {
                    if let Err(error) = self.push_ahead(name, &path, threads) {
                        // Its turn comes, and then it is an error.
                        tracing::info!("left for later: {error}");
                        queue.stop();
                    }
                }
            }
            queue.done(size);
        }
    }

    fn push_ahead(
        &self,
        name: WalFileName,
        path: &std::path::Path,
        threads: NonZeroUsize,
    ) -> Result<()> {
        let Some(notes) = &self.notes else { return Ok(()) };
        let input = Input::open(path, name, self.data_directory.as_ref())?;
        let seen = input.seen.clone();
        let prepared = self.push(input, threads)?;
        failpoint::reach("look-ahead.before-note");
        notes.write(name, &seen, &prepared.label)?;
        failpoint::reach("look-ahead.noted");
        Ok(())
    }

    /// Compresses once and gives the result to all repositories at the same time. Every one gets its
    /// copy even when another fails; then the push has failed.
    fn push(&self, mut input: Input, threads: NonZeroUsize) -> Result<Arc<Prepared>> {
        failpoint::reach("push.checked");
        let (name, size) = (input.name, input.size);
        let folder = WalFolder::new(&self.config.cluster, input.system);
        let started = Instant::now();
        thread::scope(|scope| {
            let lanes: Vec<_> = self
                .repositories
                .iter()
                .map(|repository| {
                    let (sender, receiver) = mpsc::channel::<Arc<Prepared>>();
                    let folder = &folder;
                    let lane = scope.spawn(move || {
                        let prepared = || receiver.recv().map_err(|_| never_prepared());
                        let archived = repository.archive(folder, name, prepared)?;
                        report(repository, name, size, archived, started);
                        Ok(())
                    });
                    (sender, lane)
                })
                .collect();
            let encoding = Encoding { level: self.config.wal.compression_level, threads };
            let encoded = encode(&name.to_string(), size, &mut input.file, encoding);
            let prepared = encoded.map(|encoded| Arc::new(Prepared::new(encoded)));
            failpoint::reach("push.encoded");
            let (senders, lanes): (Vec<_>, Vec<_>) = lanes.into_iter().unzip();
            if let Ok(prepared) = &prepared {
                for sender in &senders {
                    // A lane that is gone has failed, and says so when it is joined.
                    let _ = sender.send(Arc::clone(prepared));
                }
            }
            drop(senders);
            let joined = lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|_| Err(died())));
            let outcomes: Vec<Result<()>> = joined.collect();
            let prepared = prepared.map_err(|error| {
                Error::new(Class::Input, format!("could not archive {name}: {error}"))
            })?;
            verdict(outcomes)?;
            Ok(prepared)
        })
    }
}

/// One failed repository is enough; when several failed, all are logged, and a conflict counts most
/// because no further try mends it.
fn verdict(outcomes: Vec<Result<()>>) -> Result<()> {
    let mut errors: Vec<Error> = outcomes.into_iter().filter_map(Result::err).collect();
    errors.sort_by_key(|error| error.class() != Class::Conflict);
    for other in errors.iter().skip(1) {
        tracing::error!("{other}");
    }
    errors.into_iter().next().map_or(Ok(()), Err)
}

fn report(
    repository: &Repository,
    name: WalFileName,
    size: u64,
    archived: Archived,
    from: Instant,
) {
    let milliseconds = from.elapsed().as_millis() as u64;
    match archived {
        Archived::New { bytes } => tracing::info!(
            segment = %name,
            bytes_in = size,
            bytes_out = bytes,
            milliseconds,
            repository = repository.name(),
            "archived"
        ),
        Archived::Already => tracing::info!(
            segment = %name,
            milliseconds,
            repository = repository.name(),
            "the same content is already archived"
        ),
    }
}

fn never_prepared() -> Error {
    Error::new(Class::Input, "it could not be read")
}

fn died() -> Error {
    Error::new(Class::Internal, "a thread of the push died")
}
