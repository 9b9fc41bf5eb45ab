//! How long a call goes on. PostgreSQL waits for its answer, and a server that stops waits for its archiver: it has
//! to be down before somebody loses patience and kills it.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use crate::data_directory::{DataDirectory, Postmaster};
use crate::error::{Class, Error, Result};
use crate::postgres::WalFileName;
use crate::{durable, progress, threads};

/// How often it is looked whether the server stops and whether anything moves.
const LOOK: Duration = Duration::from_millis(100);

/// What was taken along goes on as long as something moves at least so often, and no longer than this in all: the
/// file that was asked for has its answer, and PostgreSQL may ask for the next one.
const AHEAD_QUIET: Duration = Duration::from_secs(5);
const AHEAD_MOST: Duration = Duration::from_secs(15);

/// The same for the file that was asked for, from when the server begins to stop.
const STOPPING_QUIET: Duration = Duration::from_secs(2);
const STOPPING_MOST: Duration = Duration::from_secs(10);

/// The same once a call has given up: PostgreSQL tries each file three times, and begins anew before it goes down.
const GIVEN_UP_QUIET: Duration = Duration::from_millis(500);
const GIVEN_UP_MOST: Duration = Duration::from_secs(1);

/// By which the work says what became of the file that was asked for.
pub(super) struct Teller(Sender<Result<()>>);

impl Teller {
    pub(super) fn tell(&self, outcome: Result<()>) {
        // Who waited may have lost patience.
        let _ = self.0.send(outcome);
    }
}

/// One call, seen from where its answer is waited for.
pub(super) struct Patience {
    pub name: WalFileName,
    pub data_directory: Option<DataDirectory>,
    /// Where it is noted that a call of a stopping server gave up.
    pub given_up: Option<PathBuf>,
}

/// For how long a call may still go on.
struct Allowance {
    since: Instant,
    quiet: Duration,
    most: Duration,
}

impl Allowance {
    fn from_now(quiet: Duration, most: Duration) -> Self {
        Self { since: Instant::now(), quiet, most }
    }

    fn is_used_up(&self, moved: Instant) -> bool {
        self.since.elapsed() >= self.most || moved.max(self.since).elapsed() >= self.quiet
    }
}

impl Patience {
    /// Lets `work` go on in a thread and returns what it tells. A thread that hangs in a store ends with the process;
    /// what it leaves is what a crash leaves.
    pub(super) fn with(&self, work: impl FnOnce(Teller) + Send + 'static) -> Result<()> {
        let (sender, told) = mpsc::channel();
        // Without a thread nobody watches, that is all.
        if let Err(work) = threads::start_or_return("push", move || work(Teller(sender))) {
            work();
        }
        let outcome = self.outcome(&told).ok_or_else(|| self.give_up())?;
        let quiet = if self.stopping().is_some() { STOPPING_QUIET } else { AHEAD_QUIET };
        let allowance = Allowance::from_now(quiet, AHEAD_MOST);
        self.let_finish(&told, &allowance);
        outcome
    }

    /// `None` when there is no time left to wait for it.
    fn outcome(&self, told: &Receiver<Result<()>>) -> Option<Result<()>> {
        let mut movement = Movement::new();
        let mut stopping: Option<Allowance> = None;
        loop {
            match told.recv_timeout(LOOK) {
                Ok(outcome) => return Some(outcome),
                Err(RecvTimeoutError::Disconnected) => return Some(Err(panicked())),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let moved = movement.last();
            if stopping.is_none() {
                stopping = self.stopping().map(|server| self.allowance(&server));
            }
            if stopping.as_ref().is_some_and(|allowance| allowance.is_used_up(moved)) {
                return None;
            }
        }
    }

    /// Waits for what was taken along: it is stored, or taken back where the file that was asked for failed.
    fn let_finish(&self, told: &Receiver<Result<()>>, allowance: &Allowance) {
        let mut movement = Movement::new();
        while !allowance.is_used_up(movement.last()) {
            // Nothing more is told: it is over when the teller is gone.
            if told.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
        tracing::info!("left for later: what was taken along and is still under way");
    }

    fn stopping(&self) -> Option<Postmaster> {
        let server = self.data_directory.as_ref().and_then(DataDirectory::postmaster);
        server.filter(Postmaster::is_stopping)
    }

    fn allowance(&self, server: &Postmaster) -> Allowance {
        let noted = self.given_up.as_ref().and_then(|path| durable::read_small(path).ok());
        match noted.is_some_and(|noted| noted == server.run().as_bytes()) {
            true => Allowance::from_now(GIVEN_UP_QUIET, GIVEN_UP_MOST),
            false => Allowance::from_now(STOPPING_QUIET, STOPPING_MOST),
        }
    }

    fn give_up(&self) -> Error {
        if let (Some(path), Some(server)) = (&self.given_up, self.stopping()) {
            // Without the note the next call takes longer, that is all.
            let _ = durable::replace(path, server.run().as_bytes());
        }
        let message = format!(
            "could not archive {}: the server is stopping, and not all repositories took the file in time",
            self.name
        );
        Error::new(Class::Unreachable, message).hint(
            "Nothing is lost: PostgreSQL keeps the file and asks again when it runs. Look why the store or the \
             network is slow.",
        )
    }
}

/// When something moved last.
struct Movement {
    so_far: u64,
    last: Instant,
}

impl Movement {
    fn new() -> Self {
        Self { so_far: progress::so_far(), last: Instant::now() }
    }

    fn last(&mut self) -> Instant {
        let so_far = progress::so_far();
        if so_far != self.so_far {
            *self = Self { so_far, last: Instant::now() };
        }
        self.last
    }
}

fn panicked() -> Error {
    Error::new(Class::Internal, "this is a bug in Seawall: a thread of the push panicked")
        .hint("Please report it with the lines above.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_used_up_by_silence_or_in_the_end() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let since =
            |ago: Duration| Allowance { since: now - ago, quiet: 2 * second, most: 9 * second };
        assert!(!since(second).is_used_up(now - 5 * second), "it counts from its own beginning");
        assert!(!since(5 * second).is_used_up(now - second));
        assert!(since(5 * second).is_used_up(now - 3 * second));
        assert!(since(9 * second).is_used_up(now));
    }

    #[test]
    fn what_is_told_ends_the_wait_and_who_dies_is_heard() {
        let name = "000000010000000000000001".parse().unwrap();
        let patience = Patience { name, data_directory: None, given_up: None };
        assert_eq!(patience.with(|told| told.tell(Ok(()))), Ok(()));
        let error = Error::new(Class::Refused, "no");
        let (told_error, expected) = (error.clone(), Err(error));
        assert_eq!(patience.with(move |told| told.tell(Err(told_error))), expected);
        assert_eq!(patience.with(drop).unwrap_err().class(), Class::Internal);
    }
}
