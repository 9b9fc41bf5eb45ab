use std::thread;
use std::time::Instant;

use super::input::Input;
use crate::codec::{Encoded, Encoder, Label};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::look_ahead::Pool;
use crate::postgres::WalFileName;
use crate::repository::{Archived, Compressing, Repository, Siblings, WalFolder, compressing};
use crate::threads::beside;

/// The way of a file into all repositories at once.
pub struct Lanes<'a> {
    pub repositories: &'a [Repository],
    /// One for each repository.
    pub siblings: &'a [Siblings],
    pub folder: &'a WalFolder,
    pub encoders: &'a Pool<Encoder>,
}

impl Lanes<'_> {
    /// Compresses once and gives the result to all repositories while it is being made. Every one gets
    /// its copy even when another fails; then the push has failed. `encoded` is told how many bytes it
    /// takes from then on.
    pub fn push(&self, mut input: Input, encoded: impl FnOnce(u64)) -> Result<Label> {
        failpoint::reach("push.checked");
        let (name, size) = (input.name, input.size);
        let started = Instant::now();
        let encrypting = self.repositories.iter().map(Repository::encrypts);
        let (compressing, comings) = compressing(name, size, encrypting);
        thread::scope(|scope| {
            let each = self.repositories.iter().zip(self.siblings).zip(comings);
            let lanes: Vec<_> = each
                .map(|((repository, siblings), coming)| {
                    // It has all frames waiting for it, should it only begin when they are made.
                    beside(scope, move || {
                        let archived = repository.archive(self.folder, name, coming, siblings)?;
                        report(repository, name, size, archived, started);
                        Ok(())
                    })
                })
                .collect();
            let prepared = self.compress(&mut input, compressing);
            failpoint::reach("push.encoded");
            if let Ok((_, length)) = prepared {
                // Where it is encrypted as well, both are held.
                let copies = if self.repositories.iter().any(Repository::encrypts) { 2 } else { 1 };
                encoded(length * copies);
            }
            let joined = lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|_| Err(died())));
            let outcomes: Vec<Result<()>> = joined.collect();
            let (label, _) = prepared?;
            verdict(outcomes)?;
            Ok(label)
        })
    }

    /// The label, and the length of the object in bytes.
    fn compress(&self, input: &mut Input, mut compressing: Compressing) -> Result<(Label, u64)> {
        let name = input.name.to_string();
        let encoded = self.encoders.with(|encoder| {
            let mut take = |frame| compressing.frame(frame);
            encoder.encode(&name, input.size, &mut input.file, &mut take)
        });
        let Encoded { label, length } = encoded.map_err(|error| {
            Error::new(Class::Input, format!("could not archive {name}: {error}"))
        })?;
        compressing.finish(Encoded { label: label.clone(), length });
        Ok((label, length))
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

fn died() -> Error {
    Error::new(Class::Internal, "a thread of the push died")
}
