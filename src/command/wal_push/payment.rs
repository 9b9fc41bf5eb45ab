//! A push gives repositories that are back what they are owed: a bounded share behind its own file, and all of it before its
//! own file where that must be in such a repository.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use super::standing::PushRepositories;
use crate::codec::Encoding;
use crate::data_directory::DataDirectory;
use crate::debts::{Paid, Paying, PaymentStop, creditor_of};
use crate::error::{Class, Error, Result};
use crate::repository::{self, Repository, RepositoryMemory, Source};

/// How many files are paid by a push, and for how long: PostgreSQL waits meanwhile.
const PAID_BY_A_PUSH: usize = 5;
const PAYING_TIME: Duration = Duration::from_secs(10);

pub(super) struct Payments<'a> {
    pub standing: &'a PushRepositories<'a>,
    pub data_directory: Option<&'a DataDirectory>,
    pub memory: Option<&'a RepositoryMemory>,
}

impl Payments<'_> {
    /// Pays all that those are owed without whom nothing can be stored: they take part then.
    pub(super) fn of_the_needed(&self) -> Result<()> {
        let standing = self.standing;
        for place in standing.places() {
            if !standing.is_left_out(place) || standing.quorum.is_met(standing.taking_part()) {
                continue;
            }
            let stop = self.pay(place, &|_| true)?;
            if stop.left > 0 {
                let refused = stop.refused.into_iter().next().map(|refused| refused.error);
                let reason = refused.or(stop.away);
                return Err(reason.unwrap_or_else(|| standing.must_be_paid(place, stop.left)));
            }
            standing.take_in(place);
        }
        Ok(())
    }

    /// Pays some of what others are owed. What can't be paid now is tried again by the next push and by `seawall settle`.
    pub(super) fn share(&self) {
        let until = Instant::now() + PAYING_TIME;
        let go_on = |paid| paid < PAID_BY_A_PUSH && Instant::now() < until;
        for place in self.standing.may_be_paid() {
            let failed = match self.pay(place, &go_on) {
                Ok(PaymentStop { away: None, refused, .. }) => {
                    refused.iter().for_each(|refused| tracing::error!("{}", refused.error));
                    continue;
                }
                Ok(PaymentStop { away: Some(error), .. }) | Err(error) => error,
            };
            self.failed(place, &failed);
        }
    }

    fn failed(&self, place: usize, error: &Error) {
        self.standing.fell(place, error);
        let error = error.clone().adding(format_args!("; what is owed is paid later"));
        tracing::warn!("{error}");
    }

    fn pay(&self, place: usize, go_on: &dyn Fn(usize) -> bool) -> Result<PaymentStop> {
        let standing = self.standing;
        let identities = repository::identities(standing.config)?;
        let limits = standing.config.limits;
        let source = Source { folder: &standing.folder, identities: &identities, limits };
        let others = standing.places().filter(|other| !standing.is_left_out(*other));
        let holders: Vec<&Repository> = others.map(|other| &standing.repositories[other]).collect();
        let creditor = &standing.repositories[place];
        let (id, memory) = (creditor_of(creditor), self.memory);
        let pg_wal = self.data_directory.map(DataDirectory::pg_wal);
        let own = || pg_wal.clone().ok_or_else(no_data_directory);
        let level = standing.config.wal.compression_level;
        let paying = Paying {
            holders: &holders,
            creditor,
            id: &id,
            source: &source,
            memory,
            own: &own,
            encoding: Encoding { level, threads: NonZeroUsize::MIN },
        };
        let generation = standing.generation(place);
        let owed = paying.owed()?;
        let stop = paying.pay(&owed, go_on, &mut |paid| told(creditor, paid));
        // Somebody that is left out may note more.
        if stop.left == 0 && holders.len() + 1 == standing.repositories.len() {
            paying.announce(&[])?;
            standing.is_clear(place, &generation);
        }
        Ok(stop)
    }
}

fn no_data_directory() -> Error {
    Error::new(Class::Input, "neither the file nor the working directory is in a data directory")
}

fn told(creditor: &Repository, paid: &Paid) {
    let (segment, repository) = (paid.name, creditor.name());
    paid.bad.iter().for_each(|error| tracing::error!("{error}"));
    match paid.bytes {
        Some(bytes_out) => tracing::info!(%segment, bytes_out, repository, "what was owed is paid"),
        None => tracing::info!(%segment, repository, "what was owed was there already"),
    }
}
