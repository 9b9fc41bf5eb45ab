//! The way of a file into all repositories at once.

use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use super::input::Input;
use super::queue::Pool;
use super::turns::{Ballot, Turns};
use crate::codec::{Encoded, Encoder, Encoding, Label};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::WalFileName;
use crate::repository::{
    Archived, EncodedFrames, FrameFanout, KeptBeside, NamesThere, Original, Repository,
    RepositoryMemory, SourceServer, UnnamedWalFile, UpTo, WalFolder, fan_out,
};
use crate::threads::hand_to;

pub(super) struct Lanes<'a> {
    pub repositories: &'a [Repository],
    /// One for each repository.
    pub names: &'a [NamesThere],
    pub folder: &'a WalFolder,
    pub encoders: &'a Pool<Encoder>,
    pub turns: &'a Turns,
    /// `None` without a data directory.
    pub memory: Option<&'a RepositoryMemory>,
    /// How what needs a second name is compressed.
    pub encoding: Encoding,
    pub server: &'a dyn SourceServer,
}

/// What became of a file.
pub(super) enum Pushed {
    /// It is in every repository.
    Everywhere(Label),
    /// One before it is not, so it was not named anywhere.
    KeptBack,
}

/// What became of it in one repository.
#[derive(PartialEq, Eq)]
enum StoreOutcome {
    Archived,
    KeptBack,
}

impl Lanes<'_> {
    /// Compresses once and gives the result to all repositories while it is being made. None stores it before all
    /// were heard, nor before the files in front of it are everywhere; what one refuses, none gets. Where one is
    /// away the others get their copy, and the push has failed. `encoded` is told how many bytes it takes from
    /// then on.
    pub(super) fn push(
        &self,
        number: usize,
        input: Input,
        encoded: impl FnOnce(u64),
    ) -> Result<Pushed> {
        failpoint::reach("push.checked");
        let encrypting = self.repositories.iter().map(Repository::encrypts);
        let (fanout, receivers) = fan_out(input.name, input.size, encrypting);
        let ballot = Ballot::of(self.repositories.len());
        let original = Original {
            folder: self.folder,
            name: input.name,
            file: &input.file,
            size: input.size,
            encoding: self.encoding,
            server: self.server,
        };
        let started = Instant::now();
        let file = PushedFile { number, started, original };
        thread::scope(|scope| {
            let each = self.repositories.iter().zip(self.names).zip(receivers);
            let (file, ballot) = (&file, &ballot);
            let begun: Vec<_> = each
                .map(|((repository, names), coming)| {
                    let lane = RepositoryLane { repository, names, coming };
                    hand_to(scope, lane, move |lane| self.archive(file, lane, ballot))
                })
                .collect();
            let prepared = self.compress(&input, fanout);
            failpoint::reach("push.encoded");
            if let Ok((_, length)) = prepared {
                // Where it is encrypted as well, both are held.
                let copies = if self.repositories.iter().any(Repository::encrypts) { 2 } else { 1 };
                encoded(length * copies);
            }
            // Those for which there was no thread have all frames waiting for them. All of them speak before the
            // first one stores anything.
            let here = |lane| self.candidate(file, lane, ballot);
            let begun: Vec<_> = begun.into_iter().map(|lane| lane.map_err(here)).collect();
            let ways: Vec<Result<StoreOutcome>> = begun
                .into_iter()
                .map(|lane| match lane {
                    Ok(thread) => joined(thread),
                    Err(candidate) => self.store(file, candidate?, ballot),
                })
                .collect();
            let (label, _) = prepared?;
            Ok(match self.verdict(ways)? {
                StoreOutcome::Archived => Pushed::Everywhere(label),
                StoreOutcome::KeptBack => Pushed::KeptBack,
            })
        })
    }

    fn archive(
        &self,
        file: &PushedFile<'_>,
        lane: RepositoryLane<'_>,
        ballot: &Ballot,
    ) -> Result<StoreOutcome> {
        self.store(file, self.candidate(file, lane, ballot)?, ballot)
    }

    /// Does all that can be done before the others are heard, and says whether this repository refuses. `None` when
    /// a file before it keeps it back.
    fn candidate<'b>(
        &'b self,
        file: &'b PushedFile<'b>,
        lane: RepositoryLane<'b>,
        ballot: &Ballot,
    ) -> Result<Option<UnnamedWalFile<'b>>> {
        let RepositoryLane { repository, names, coming } = lane;
        // One repository alone finds out when it creates it.
        let several = self.repositories.len() > 1;
        let candidate = || {
            let mut candidate = repository.prepare(&file.original, coming, names)?;
            // As a rule this costs no time: it is done while the file before gets its name.
            if several && self.turns.is_next(file.number) {
                candidate = candidate.look_again()?;
            }
            if !self.turns.begin(file.number) {
                return Ok(None);
            }
            // That may have taken long.
            if several { candidate.look_again().map(Some) } else { Ok(Some(candidate)) }
        };
        let candidate = candidate();
        ballot.cast(candidate.as_ref().is_err_and(|error| error.class() == Class::Conflict));
        candidate
    }

    /// Gives it its name, unless another repository refuses it.
    fn store(
        &self,
        file: &PushedFile<'_>,
        candidate: Option<UnnamedWalFile<'_>>,
        ballot: &Ballot,
    ) -> Result<StoreOutcome> {
        let Some(candidate) = candidate.filter(|_| ballot.passes()) else {
            return Ok(StoreOutcome::KeptBack);
        };
        let published = candidate.publish()?;
        if let Some(memory) = self.memory {
            published.remember(memory);
        }
        if ballot.stored() {
            self.turns.accept(file.number);
        }
        let repository = published.repository();
        let archived = published.confirm()?;
        report(repository, file, &archived);
        Ok(StoreOutcome::Archived)
    }

    /// The label, and the length of the object in bytes.
    fn compress(&self, input: &Input, mut fanout: FrameFanout) -> Result<(Label, u64)> {
        let name = input.name.to_string();
        let encoded = self.encoders.with(|encoder| {
            let mut take = |frame| fanout.frame(frame);
            encoder.encode(&name, input.size, &mut &input.file, &mut take)
        });
        let Encoded { label, length } = encoded.map_err(|error| {
            Error::new(Class::Input, format!("could not archive {name}: {error}"))
        })?;
        fanout.finish(Encoded { label: label.clone(), length });
        Ok((label, length))
    }

    /// One failed repository is enough.
    fn verdict(&self, ways: Vec<Result<StoreOutcome>>) -> Result<StoreOutcome> {
        let named = |way: &Result<StoreOutcome>| way == &Ok(StoreOutcome::Archived);
        let took: Vec<&str> = ways
            .iter()
            .zip(self.repositories)
            .filter(|(way, _)| named(way))
            .map(|(_, repository)| repository.name())
            .collect();
        let kept_back = ways.contains(&Ok(StoreOutcome::KeptBack));
        match worst_of(ways.into_iter().filter_map(Result::err).collect()) {
            // All were heard before, so another server stored it in between.
            Some(error) if error.class() == Class::Conflict && !took.is_empty() => {
                Err(error.adding(format_args!(
                    "; repository {} took that of this server at the same moment, so the repositories differ now",
                    took.join(", ")
                )))
            }
            Some(error) => Err(error),
            None if kept_back => Ok(StoreOutcome::KeptBack),
            None => Ok(StoreOutcome::Archived),
        }
    }
}

/// What one repository needs to take part.
struct RepositoryLane<'a> {
    repository: &'a Repository,
    names: &'a NamesThere,
    coming: EncodedFrames,
}

/// A file on its way.
struct PushedFile<'a> {
    number: usize,
    started: Instant,
    original: Original<'a>,
}

fn joined(lane: ScopedJoinHandle<'_, Result<StoreOutcome>>) -> Result<StoreOutcome> {
    let died = || Err(Error::new(Class::Internal, "a thread of the push died"));
    lane.join().unwrap_or_else(|_| died())
}

/// The one to end with: a conflict counts most, because no further try mends it. All others are logged.
pub(super) fn worst_of(mut errors: Vec<Error>) -> Option<Error> {
    errors.sort_by_key(|error| error.class() != Class::Conflict);
    for other in errors.iter().skip(1) {
        tracing::error!("{other}");
    }
    errors.into_iter().next()
}

fn report(repository: &Repository, file: &PushedFile<'_>, archived: &Archived) {
    let milliseconds = file.started.elapsed().as_millis() as u64;
    let repository = repository.name();
    match archived {
        Archived::New { bytes } => tracing::info!(
            segment = %file.original.name,
            bytes_in = file.original.size,
            bytes_out = bytes,
            milliseconds,
            repository,
            "archived"
        ),
        Archived::Already => tracing::info!(
            segment = %file.original.name,
            milliseconds,
            repository,
            "the same content is already archived"
        ),
        Archived::UpTo(up_to, kept) => {
            let said = up_to_words(file.original.name, up_to, kept.as_ref());
            match kept {
                Some(KeptBeside { new: true, .. }) => tracing::warn!(repository, "{said}"),
                _ => tracing::info!(repository, "{said}"),
            }
        }
    }
}

fn up_to_words(name: WalFileName, up_to: &UpTo, kept: Option<&KeptBeside>) -> String {
    let fork = up_to.fork;
    let (by, timeline) = (fork.by.number(), fork.timeline.number());
    let same = if up_to.compared {
        format!("the same content is already archived up to {}", fork.at)
    } else {
        "other content is already archived, and no private key of this host opens it".to_owned()
    };
    let kept = match kept {
        None => "this file has nothing behind that".to_owned(),
        Some(kept) => format!("this file is kept as {}", kept.key),
    };
    format!("{name}: {same}; timeline {by} left timeline {timeline} at {}, and {kept}", fork.at)
}
