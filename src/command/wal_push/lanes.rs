//! The way of a file into all repositories at once.

use std::thread;
use std::time::Instant;

use super::input::Input;
use super::queue::Pool;
use super::standing::PushRepositories;
use super::tally::{LaneTally, StoreOutcome};
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
    pub standing: &'a PushRepositories<'a>,
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
    /// It is where it has to be.
    Stored(ArchivedFile),
    /// One before it is not, so it was not named anywhere.
    KeptBack,
}

/// A file that enough repositories have.
#[derive(Debug, Clone)]
pub(super) struct ArchivedFile {
    pub label: Label,
    /// The names of those that are owed it.
    pub lacking: Vec<String>,
}

impl Lanes<'_> {
    /// Compresses once and gives the result to all repositories while it is being made. None stores it before all
    /// were heard, nor before the files in front of it are where they have to be; what one refuses, none gets. Where one is
    /// away the others get their copy; if they are not enough the push has failed, else that one is owed it. `encoded` is
    /// told how many bytes the file takes from then on.
    pub(super) fn push(
        &self,
        number: usize,
        input: Input,
        encoded: impl FnOnce(u64),
        decided: impl FnOnce(&Result<Pushed>),
    ) -> Result<Pushed> {
        failpoint::reach("push.checked");
        let taking = self.standing.taking_part();
        let repository = |place: usize| &self.standing.repositories[place];
        let encrypting = taking.iter().map(|place| repository(*place).encrypts());
        let (fanout, receivers) = fan_out(input.name, input.size, encrypting);
        let ballot = Ballot::of(taking.len());
        let original = Original {
            folder: self.folder,
            name: input.name,
            file: &input.file,
            size: input.size,
            encoding: self.encoding,
            server: self.server,
        };
        let file = PushedFile { number, started: Instant::now(), original };
        let tally = LaneTally::of(taking.len());
        thread::scope(|scope| {
            let each = taking.iter().zip(receivers).enumerate();
            let (file, ballot, tally) = (&file, &ballot, &tally);
            let begun: Vec<_> = each
                .map(|(number, (place, coming))| {
                    let lane = RepositoryLane {
                        number,
                        repository: repository(*place),
                        names: &self.names[*place],
                        coming,
                    };
                    hand_to(scope, lane, move |lane| {
                        let reporter = tally.reporter(lane.number);
                        reporter.report(self.archive(file, lane, ballot));
                    })
                })
                .collect();
            let prepared = self.compress(&input, fanout);
            failpoint::reach("push.encoded");
            if let Ok((_, length)) = prepared {
                // Where it is encrypted as well, both are held.
                let both = taking.iter().any(|place| repository(*place).encrypts());
                encoded(length * if both { 2 } else { 1 });
            }
            // Those for which there was no thread have all frames waiting for them. All of them speak before the
            // first one stores anything.
            let mut here = Vec::new();
            for lane in begun.into_iter().filter_map(Result::err) {
                here.push((lane.number, self.candidate(file, lane, ballot)));
            }
            for (number, candidate) in here {
                let stored = candidate.and_then(|candidate| self.store(file, candidate, ballot));
                tally.reporter(number).report(stored);
            }
            let met = |took: &[usize]| {
                self.standing.quorum.is_met(took.iter().map(|number| taking[*number]))
            };
            let ways = tally.wait(self.standing.config.limits, met);
            let pushed = prepared.and_then(|(label, _)| self.verdict(file, label, &taking, ways));
            // This ends when the last lane does, and one may hang in a store for minutes.
            decided(&pushed);
            pushed
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
        let RepositoryLane { repository, names, coming, .. } = lane;
        // One repository alone finds out when it creates it.
        let several = self.names.len() > 1;
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

    /// One failed repository is enough to fail, unless the others are enough without it: then it is owed the file.
    fn verdict(
        &self,
        file: &PushedFile<'_>,
        label: Label,
        taking: &[usize],
        ways: Vec<Option<Result<StoreOutcome>>>,
    ) -> Result<Pushed> {
        let standing = self.standing;
        let (mut took, mut failed, mut kept_back) = (Vec::new(), Vec::new(), false);
        for (place, way) in taking.iter().zip(ways) {
            match way {
                Some(Ok(StoreOutcome::Archived)) => took.push(*place),
                Some(Ok(StoreOutcome::KeptBack)) => kept_back = true,
                Some(Err(error)) => failed.push((*place, error)),
                None => failed.push((*place, too_late(file, &standing.repositories[*place]))),
            }
        }
        let is_enough = standing.quorum.is_met(took.iter().copied());
        let may_be_owed = failed.iter().all(|(_, error)| may_be_owed(error));
        if kept_back && failed.is_empty() {
            return Ok(Pushed::KeptBack);
        }
        if is_enough && may_be_owed && !kept_back {
            return self.stored(file, label, &took, failed).map(Pushed::Stored);
        }
        let names = standing.names(&took);
        match worst_of(failed.into_iter().map(|(_, error)| error).collect()) {
            // All were heard before, so another server stored it in between.
            Some(error) if error.class() == Class::Conflict && !names.is_empty() => {
                Err(error.adding(format_args!(
                    "; repository {} took that of this server at the same moment, so the repositories differ now",
                    names.join(", ")
                )))
            }
            Some(error) => Err(error),
            None => Err(Error::new(Class::Internal, "too few repositories took part in a push")),
        }
    }

    /// It is in enough repositories. Before it counts as archived the debts are durable, and only then others go on.
    fn stored(
        &self,
        file: &PushedFile<'_>,
        label: Label,
        took: &[usize],
        failed: Vec<(usize, Error)>,
    ) -> Result<ArchivedFile> {
        let standing = self.standing;
        took.iter().for_each(|place| standing.took(*place));
        for (place, error) in failed {
            standing.fell(place, &error);
            let said = "; it is owed to this repository, and tried again in a minute";
            tracing::warn!("{}", error.adding(format_args!("{said}")));
        }
        let lacking: Vec<usize> = standing.places().filter(|place| !took.contains(place)).collect();
        standing.owe(file.original.name, &label, took, &lacking)?;
        self.turns.accept(file.number);
        let lacking = standing.names(&lacking);
        if !lacking.is_empty() {
            let (segment, repositories) = (file.original.name, lacking.join(", "));
            tracing::info!(%segment, repositories, "owed");
        }
        Ok(ArchivedFile { label, lacking })
    }
}

/// What one repository needs to take part.
struct RepositoryLane<'a> {
    /// Among those that take part.
    number: usize,
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

/// Trouble of a repository by itself. A conflict is none: of two servers only one may go on.
fn may_be_owed(error: &Error) -> bool {
    match error.class() {
        Class::Unreachable
        | Class::Refused
        | Class::LocalFile
        | Class::Damaged
        | Class::Configuration => true,
        Class::Usage
        | Class::Incomplete
        | Class::Input
        | Class::Conflict
        | Class::Gap
        | Class::Internal => false,
    }
}

fn too_late(file: &PushedFile<'_>, repository: &Repository) -> Error {
    let (name, repository) = (file.original.name, repository.name());
    let message = format!(
        "could not archive {name} in repository {repository}: it took nothing more, long after the others had it"
    );
    Error::new(Class::Unreachable, message)
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
