//! `wal-push PATH NAME`: archives one finished WAL file in every repository, and takes the next ones
//! along, because PostgreSQL's archiver asks for one at a time.
//!
//! How the files go together: `patience` waits for the rest and gives up when the server stops; `input` opens a file and
//! checks it; `standing` says which repositories take part, `batch` pushes all files of the call (`queue`), `lanes` each of
//! them into every repository, in the order of `turns` and until `tally` has enough; `payment` gives a repository what it is
//! owed; `notes` let the next calls answer at once; `lineage` is for what belongs to timelines.

mod batch;
mod input;
mod lanes;
mod lineage;
mod notes;
mod patience;
mod payment;
mod queue;
mod standing;
mod tally;
mod turns;

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::{Arg, Command};

use self::batch::Batch;
use self::input::Input;
use self::lanes::{ArchivedFile, worst_of};
use self::lineage::Lineage;
pub use self::notes::PushNotes;
use self::patience::{Patience, Teller};
use self::payment::Payments;
use self::standing::PushRepositories;
use crate::cli::{configure, flags, guard, help};
use crate::config::{Config, Location, NeededCopies};
use crate::data_directory::{
    CutSegment, DataDirectory, DroppedFiles, KeptHistories, StateFolder, ready_files,
    refuse_restored, remove_prefetched,
};
use crate::error::{Class, Error, Result};
use crate::exit_status;
use crate::postgres::{SystemIdentifier, TimelineId, WalFileName};
use crate::repository::{self, Repository, RepositoryMemory, WalFolder, bring_dropped_soon};

const ABOUT: &str = "Archives a finished WAL file in every repository.

Write into postgresql.conf:
    archive_mode = on
    archive_command = 'wal-push %p %f'
and name the repository, in /etc/seawall/seawall.toml or in the server's environment:
    SEAWALL_REPOSITORY=/var/backups/seawall";

const AFTER: &str =
    "Exit status 0: the file is durable in every repository. 2 to 125: the file is not archived; PostgreSQL keeps it and
tries again. docs/exit-statuses.md lists the statuses.";

pub fn command() -> Command {
    let command = Command::new("wal-push")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(help::version_without_libpq())
        .about(ABOUT)
        .after_help(AFTER)
        .arg(
            Arg::new("path")
                .value_name("PATH")
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("Path of the WAL file (%p)"),
        )
        .arg(Arg::new("name").value_name("NAME").required(true).help("Name of the WAL file (%f)"));
    flags::with_settings(command, &["wal"])
}

/// Runs it and returns the exit status.
pub fn main() -> u8 {
    match guard::run(run) {
        Ok(()) => exit_status::DONE,
        Err(error) => exit_status::of(error.class()),
    }
}

fn run() -> Result<()> {
    let Some(matches) = flags::parse(command(), &guard::words())? else { return Ok(()) };
    let config = configure(&flags::values(&matches))?;
    let path = matches.get_one::<PathBuf>("path").cloned().unwrap_or_default();
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    push(&config, &path, &name)
}

/// Returns when `name` is durable in as many repositories as are needed, and the others are owed it. The error of one that is
/// needed fails the push, after the others were given their copy: PostgreSQL then keeps the file and asks again, and the
/// next push finds the copies that are there.
fn push(config: &Config, path: &Path, name: &str) -> Result<()> {
    let name: WalFileName = name.parse().map_err(|error| {
        Error::new(Class::Input, format!("could not archive: {error}"))
            .hint("Write archive_command = 'wal-push %p %f'.")
    })?;
    let data_directory = DataDirectory::find(path);
    if let Some(data_directory) = &data_directory {
        check_places(config, data_directory)?;
        refuse_restored(data_directory)?;
    }
    let state = data_directory.as_ref().and_then(state_folder);
    if state.as_ref().is_some_and(|state| DroppedFiles::of(state).has(name, path)) {
        tracing::warn!(
            "{name} is not archived, and PostgreSQL may remove it: somebody dropped it (seawall drop-wal). HINT: Recoveries can't \
             pass this gap. Take a base backup now: basebackup create."
        );
        return Ok(());
    }
    // What repositories that were away then have yet to be told.
    let gaps = state.as_ref().map(DroppedFiles::waiting).filter(|it| it.exists());
    let gaps = gaps.zip(data_directory.as_ref().and_then(|it| it.system_identifier().ok()));
    let given_up = state.as_ref().map(|state| state.path().join("stopping"));
    let patience = Patience { name, data_directory: data_directory.clone(), given_up };
    let call = PushCall::new(config.clone(), data_directory, state);
    if call.is_noted(name, path) {
        tracing::debug!(segment = %name, "already archived by an earlier call");
        return Ok(());
    }
    let path = path.to_owned();
    patience.with(move |told| call.push(name, &path, &told))?;
    if let Some((waiting, system)) = gaps {
        bring_dropped_soon(config, &WalFolder::new(&config.cluster, system), &waiting);
    }
    Ok(())
}

struct PushCall {
    config: Config,
    data_directory: Option<DataDirectory>,
    state: Option<StateFolder>,
    /// Of what was pushed ahead.
    pushed: Option<PushNotes>,
}

impl PushCall {
    fn new(
        config: Config,
        data_directory: Option<DataDirectory>,
        state: Option<StateFolder>,
    ) -> Self {
        let mut call = Self { config, data_directory, state, pushed: None };
        call.pushed = call.notes("pushed");
        call
    }

    /// Whether an earlier call has archived this very file.
    fn is_noted(&self, name: WalFileName, path: &Path) -> bool {
        let owed = self.pushed.as_ref().and_then(|notes| notes.take(name, path));
        owed.is_some_and(|owed| self.is_in_folders(name, &owed))
    }

    /// Whether what a note vouches for is still where it was put, as far as that costs no request.
    fn is_in_folders(&self, name: WalFileName, owed: &[String]) -> bool {
        let system = self.data_directory.as_ref().map(DataDirectory::system_identifier);
        let Some(Ok(system)) = system else { return false };
        let folder = WalFolder::new(&self.config.cluster, system);
        repository::folders_hold(&self.config, &folder, name, owed)
    }

    fn notes(&self, folder: &str) -> Option<PushNotes> {
        let folder = self.state.as_ref()?.folder(folder);
        let folder = folder.inspect_err(|error| tracing::warn!("no look-ahead: {error}"));
        let may_lack = self.config.needed != NeededCopies::All;
        Some(PushNotes::new(folder.ok()?, repository::fingerprint(&self.config), may_lack))
    }

    fn push(&self, name: WalFileName, path: &Path, told: &Teller) {
        if let Err(error) = self.begin(name, path, told) {
            told.tell(Err(error));
        }
    }

    /// An error comes before anything was told.
    fn begin(&self, name: WalFileName, path: &Path, told: &Teller) -> Result<()> {
        let data_directory = self.data_directory.as_ref();
        let asked = Input::open(path, name, data_directory)?;
        let cut = self.state.as_ref().map(|state| CutSegment::of(state, name, path)).transpose()?;
        let state = self.state.as_ref().map(StateFolder::path);
        let repositories = repository::open_all(&self.config, state)?;
        if let Some(cut) = cut.flatten() {
            told.tell(self.has_the_whole(&cut, name, asked.system, &repositories));
            return Ok(());
        }
        let notes = self.pushed.as_ref();
        // Two calls at once would look ahead at the same files; the second one keeps to its own.
        let lock = self.state.as_ref().and_then(push_lock);
        let mut next = Vec::new();
        if let (Some(data_directory), Some(notes), Some(_)) = (data_directory, notes, &lock) {
            notes.remove_old();
            let pushed = |name, path: &Path| {
                let owed = notes.vouch_for(name, path);
                owed.is_some_and(|owed| self.is_in_folders(name, &owed))
            };
            next = ready_after(data_directory, name, pushed, self.config.wal.look_ahead);
            if !data_directory.is_in_recovery() {
                remove_prefetched(data_directory);
            }
        }
        let memory = data_directory.zip(state).map(|(data_directory, state)| {
            RepositoryMemory::new(data_directory.pg_wal(), state.join("repositories"))
        });
        let config = &self.config;
        let state = self.state.as_ref();
        let folder = WalFolder::new(&config.cluster, asked.system);
        let standing = PushRepositories::of(config, &repositories, state, folder);
        let payments = Payments { standing: &standing, data_directory, memory: memory.as_ref() };
        payments.of_the_needed()?;
        let memory = memory.as_ref();
        let batch = Batch { config, standing: &standing, data_directory, state, notes, memory };
        self.run(&batch, asked, path, &next, told)?;
        payments.share();
        Ok(())
    }

    /// Pushes what was asked for, behind the history of its timeline.
    fn run(
        &self,
        batch: &Batch<'_>,
        asked: Input,
        path: &Path,
        next: &[(WalFileName, PathBuf)],
        told: &Teller,
    ) -> Result<()> {
        let name = asked.name;
        if let WalFileName::History(timeline) = name {
            self.check_lineage(batch.standing, asked.system, timeline, path)?;
        }
        let tell = |outcome: Result<ArchivedFile>| told.tell(outcome.map(drop));
        let history = self.data_directory.as_ref().and_then(|it| history_of(it, name));
        let Some((history, path)) = history else {
            batch.run(asked, next, tell);
            return Ok(());
        };
        match self.bring_history(batch, history, &path) {
            Ok(()) => batch.run(asked, next, tell),
            // A repository that is away keeps no other one from its copy of the file. What is pushed ahead is noted,
            // and a note would vouch for WAL without its history.
            Err(error) if is_away(&error) => batch.run(asked, &[], |outcome| {
                let errors = std::iter::once(error).chain(outcome.err()).collect();
                told.tell(worst_of(errors).map_or(Ok(()), Err));
            }),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// A restored server that archives always hands over what it was given, cut. It is stored nowhere; nothing of it is lost
    /// where the whole one is there, and the server goes on.
    fn has_the_whole(
        &self,
        cut: &CutSegment,
        name: WalFileName,
        system: SystemIdentifier,
        repositories: &[Repository],
    ) -> Result<()> {
        let folder = WalFolder::new(&self.config.cluster, system);
        let mut away = None;
        for repository in repositories {
            match repository.holds(&folder, name) {
                Ok(true) => {
                    let (said, place) = (cut.said(), repository.name());
                    tracing::warn!(
                        "{name} was not archived: {said}. Repository {place} has the whole one. HINT: Set archive_mode = on: \
                         with always a restored server archives what it was given."
                    );
                    return Ok(());
                }
                Ok(false) => {}
                Err(error) => away = Some(error),
            }
        }
        Err(away.unwrap_or_else(|| cut.refusal(name)))
    }

    /// Recovery reaches the WAL of a timeline through its history. PostgreSQL hands that over when the timeline
    /// begins; if archiving was off then, as after a restore that is tried out first, it never does.
    fn bring_history(&self, batch: &Batch<'_>, history: WalFileName, path: &Path) -> Result<()> {
        let notes = self.notes("histories");
        let owed = notes.as_ref().and_then(|notes| notes.vouch_for(history, path));
        if owed.is_some_and(|owed| self.is_in_folders(history, &owed)) {
            return Ok(());
        }
        let input = Input::open(path, history, self.data_directory.as_ref())?;
        self.check_lineage(batch.standing, input.system, history.timeline(), path)?;
        let seen = input.seen.clone();
        let mut brought = Err(Error::new(Class::Internal, "the history came to no outcome"));
        batch.run(input, &[], |outcome| brought = outcome);
        let stored = brought?;
        if let Some(notes) = &notes
            && let Err(error) = notes.write(history, &seen, &stored)
        {
            tracing::warn!("the next call looks for {history} again: {error}");
        }
        Ok(())
    }

    fn check_lineage(
        &self,
        standing: &PushRepositories<'_>,
        system: SystemIdentifier,
        timeline: TimelineId,
        path: &Path,
    ) -> Result<()> {
        let Some(data_directory) = &self.data_directory else { return Ok(()) };
        let config = &self.config;
        let kept = KeptHistories::of(data_directory, self.state.as_ref(), &config.cluster);
        // One that is away would be waited for; what it has is compared when it gets what it is owed.
        let taking_part = standing.taking_part();
        let repositories: Vec<&Repository> =
            taking_part.iter().map(|place| &standing.repositories[*place]).collect();
        Lineage { config, repositories: &repositories, system, kept: &kept }.check(timeline, path)
    }
}

/// Whether a repository could not be asked, rather than that it holds what stands against a file.
fn is_away(error: &Error) -> bool {
    matches!(error.class(), Class::Unreachable | Class::Refused | Class::LocalFile)
}

/// Without a place for notes every file is pushed when it is asked for; nothing is lost but time.
fn state_folder(data_directory: &DataDirectory) -> Option<StateFolder> {
    let state = StateFolder::of(data_directory);
    state.inspect_err(|error| tracing::warn!("no look-ahead: {error}")).ok()
}

fn push_lock(state: &StateFolder) -> Option<File> {
    let lock = state.lock("push.lock");
    lock.inspect_err(|error| tracing::warn!("no look-ahead: {error}")).ok().flatten()
}

/// The history of the timeline that a file is of, where the server has one and it is not the file itself.
fn history_of(data_directory: &DataDirectory, name: WalFileName) -> Option<(WalFileName, PathBuf)> {
    let history = WalFileName::History(name.timeline());
    let path = data_directory.pg_wal().join(history.to_string());
    (name != history && path.exists()).then_some((history, path))
}

/// The files that PostgreSQL will ask for after `name`, and that no earlier call has pushed. Those of other timelines
/// are left to a call that brings their history first.
fn ready_after(
    data_directory: &DataDirectory,
    name: WalFileName,
    pushed: impl Fn(WalFileName, &Path) -> bool,
    most: usize,
) -> Vec<(WalFileName, PathBuf)> {
    if most == 0 {
        return Vec::new();
    }
    let pg_wal = data_directory.pg_wal();
    let others = ready_files(&pg_wal).into_iter().filter(|ready| *ready != name);
    let others = others.map(|ready| (ready, pg_wal.join(ready.to_string())));
    // Histories come first, and each is compared with its parent's when it is asked for.
    let others = others.filter(|(ready, _)| !matches!(ready, WalFileName::History(_)));
    // A note that is not believed lets nothing pass: those behind have to wait for this file.
    let waiting = others.filter(|(ready, path)| !pushed(*ready, path));
    waiting.take_while(|(ready, _)| ready.timeline() == name.timeline()).take(most).collect()
}

fn check_places(config: &Config, data_directory: &DataDirectory) -> Result<()> {
    for repository in &config.repositories {
        if let Location::Folder(root) = &repository.location
            && resolved(root).starts_with(resolved(data_directory.path()))
        {
            return Err(Error::new(
                Class::Configuration,
                format!(
                    "repository {} is inside the data directory {:?} and would be lost with it",
                    repository.name,
                    data_directory.path()
                ),
            )
            .hint("Put it on another disk."));
        }
    }
    Ok(())
}

/// The path without links and dots, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let real = |path: &Path| path.canonicalize().ok();
    let found = path.ancestors().find_map(|above| Some((above, real(above)?)));
    match found {
        Some((above, real)) => {
            path.strip_prefix(above).map_or(real.clone(), |rest| real.join(rest))
        }
        None => path.to_owned(),
    }
}
