//! `wal-fetch NAME PATH`: brings one WAL file back from the first repository that has it whole.

mod tablespaces;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::codec::Label;
use crate::config::Config;
use crate::data_directory::{DataDirectory, StateFolder};
use crate::durable::{self, Temporary};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::{SystemIdentifier, WalFileName, WalSegment, WalSegmentSize};
use crate::prefetch::{self, PrefetchFolder};
use crate::repository::{self, FetchedFile, Later, Repository, Source, Target, WalFolder};

/// What `wal-fetch` found. Only [`Fetched::NotInArchive`] lets PostgreSQL end recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    Restored,
    /// Every repository answered, none has the file, and none has anything that comes after it.
    NotInArchive,
}

pub struct Request {
    pub name: String,
    /// Where to put the file.
    pub path: PathBuf,
    /// For use away from a data directory.
    pub system: Option<SystemIdentifier>,
    /// The command line that starts the prefetching process.
    pub prefetch_words: Vec<OsString>,
}

pub fn run(config: &Config, request: &Request) -> Result<Fetched> {
    let name: WalFileName = request.name.parse().map_err(|error| {
        Error::new(Class::Usage, format!("could not fetch: {error}"))
            .hint("Write restore_command = 'wal-fetch %f \"%p\"'.")
    })?;
    let data_directory = DataDirectory::find(&request.path);
    let folder = WalFolder::new(&config.cluster, system(request, data_directory.as_ref())?);
    let ahead = data_directory.as_ref().and_then(|it| prefetched(config, it, name));
    if let Some((prefetch, segment)) = &ahead
        && prefetch.hand_over(*segment, &folder, &request.path)
    {
        tracing::debug!(segment = %name, "handed over the prefetched file");
        return Ok(Fetched::Restored);
    }
    let state = data_directory.as_ref().and_then(|it| StateFolder::of(it).ok());
    let repositories = repository::open_all(config, state.as_ref().map(StateFolder::path))?;
    let identities = repository::identities(config)?;
    let (identities, limits) = (&identities, config.limits);
    let source = Source { folder: &folder, identities, limits };
    let fetch = Fetch {
        repositories: &repositories,
        source,
        name,
        target: &request.path,
        data_directory: data_directory.as_ref(),
    };
    let Some(label) = fetch.run(config.wal.gap_wait)? else { return Ok(Fetched::NotInArchive) };
    if ahead.is_some() {
        prefetch::start_in_background(&request.prefetch_words, label.size);
    }
    Ok(Fetched::Restored)
}

/// The work of the process that [`run`] starts in the background, for segments of `size` bytes.
pub fn run_prefetch(config: &Config, path: &Path, size: u32) -> Result<()> {
    let size = WalSegmentSize::from_bytes(size)
        .map_err(|error| Error::new(Class::Usage, error.to_string()))?;
    let Some(data_directory) = DataDirectory::find(path) else { return Ok(()) };
    let folder = WalFolder::new(&config.cluster, data_directory.system_identifier()?);
    let state = StateFolder::of(&data_directory)?;
    let repositories = repository::open_all(config, Some(state.path()))?;
    let identities = repository::identities(config)?;
    let (identities, limits) = (&identities, config.limits);
    let source = Source { folder: &folder, identities, limits };
    prefetch::prefetch(config, &data_directory, &repositories, source, size)
}

fn system(request: &Request, data_directory: Option<&DataDirectory>) -> Result<SystemIdentifier> {
    match (request.system, data_directory) {
        (Some(system), _) => Ok(system),
        (None, Some(data_directory)) => data_directory.system_identifier(),
        (None, None) => Err(Error::new(
            Class::Usage,
            format!(
                "expected a data directory around {:?} or as working directory, found none",
                request.path
            ),
        )
        .hint("Elsewhere, say which system's WAL it is: --system-identifier NUMBER.")),
    }
}

/// Prefetching is for a server that recovers: it asks for one segment after the other.
fn prefetched(
    config: &Config,
    data_directory: &DataDirectory,
    name: WalFileName,
) -> Option<(PrefetchFolder, WalSegment)> {
    let WalFileName::Segment(segment) = name else { return None };
    if config.wal.prefetch == 0 || !data_directory.is_in_recovery() {
        return None;
    }
    let open = || {
        let state = StateFolder::of(data_directory)?;
        PrefetchFolder::open(&state, &repository::fingerprint(config))
    };
    let warn = |error: &Error| tracing::warn!("no prefetch: {error}");
    let folder = open().inspect_err(warn).ok()?;
    // What is there can be handed over all the same, also on a full disk.
    let _ = folder.set_cursor(segment).inspect_err(warn);
    Some((folder, segment))
}

struct Fetch<'a> {
    repositories: &'a [Repository],
    source: Source<'a>,
    name: WalFileName,
    target: &'a Path,
    data_directory: Option<&'a DataDirectory>,
}

impl Fetch<'_> {
    /// Asks, and when the file is absent but later ones are there, asks again for a while: the live
    /// server's look-ahead stores segments out of order for a moment.
    fn run(&self, gap_wait: Duration) -> Result<Option<Label>> {
        let until = Instant::now() + gap_wait;
        loop {
            if let Some(label) = self.fetch()? {
                return Ok(Some(label));
            }
            let Some((later, repository)) = self.later()? else {
                self.check_that_all_know()?;
                tracing::info!(segment = %self.name, "not in the archive");
                return Ok(None);
            };
            if Instant::now() >= until {
                return Err(self.gap(later, repository));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// From the first repository that has it. Absence counts only if all answered: one that did not may be
    /// the one that has it.
    fn fetch(&self) -> Result<Option<Label>> {
        let mut failures: Vec<Error> = Vec::new();
        for repository in self.repositories {
            match self.fetch_from(repository) {
                Ok(Some(label)) => {
                    for failure in failures {
                        tracing::warn!(
                            "fetched it from repository {}: {failure}",
                            repository.name()
                        );
                    }
                    return Ok(Some(label));
                }
                Ok(None) => {}
                Err(failure) => failures.push(failure),
            }
        }
        for other in failures.iter().skip(1) {
            tracing::error!("{other}");
        }
        failures.into_iter().next().map_or(Ok(None), Err)
    }

    fn fetch_from(&self, repository: &Repository) -> Result<Option<Label>> {
        let started = Instant::now();
        let folder = self.target.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        durable::remove_abandoned(folder);
        let mut temporary = Temporary::create_in(folder)?;
        let target = Target { file: temporary.file(), path: self.target };
        let fetched = repository.fetch(&self.source, self.name, target)?;
        let Some(FetchedFile { label, creations }) = fetched else { return Ok(None) };
        // `pg_rewind` only reads what it fetches.
        if let Some(data_directory) = self.data_directory.filter(|it| it.is_in_recovery()) {
            creations
                .iter()
                .try_for_each(|it| tablespaces::check(data_directory, self.name, it))?;
        }
        failpoint::reach("fetch.decoded");
        // Not synced: PostgreSQL asks again for what a crash takes away, and syncs what it keeps.
        temporary.replace(self.target)?;
        failpoint::reach("fetch.renamed");
        tracing::info!(
            segment = %self.name,
            bytes = label.size,
            milliseconds = started.elapsed().as_millis() as u64,
            repository = repository.name(),
            "restored"
        );
        Ok(Some(label))
    }

    fn later(&self) -> Result<Option<(Later, &Repository)>> {
        for repository in self.repositories {
            if let Some(later) = repository.later_than(self.source.folder, self.name)? {
                return Ok(Some((later, repository)));
            }
        }
        Ok(None)
    }

    fn check_that_all_know(&self) -> Result<()> {
        for repository in self.repositories {
            if !repository.knows(self.source.folder)? {
                let message = format!(
                    "could not find out whether {} was archived: repository {} ({}) holds no WAL of system {}",
                    self.name,
                    repository.name(),
                    repository.place(),
                    self.source.folder.system()
                );
                return Err(Error::new(Class::Unreachable, message).hint(
                    "Is the disk mounted, and are url and cluster right? A repository that is really new \
                     and empty has to be left out of the configuration for this recovery.",
                ));
            }
        }
        Ok(())
    }

    fn gap(&self, later: Later, repository: &Repository) -> Error {
        let message = format!(
            "{} is in no repository, but {later} is in repository {}: the WAL has a gap",
            self.name,
            repository.name()
        );
        let hint = match self.name {
            WalFileName::History(_) => {
                "Find the history file, or name the timeline to recover to with recovery_target_timeline."
            }
            _ => {
                "Look for the segment on the old server and in other archives. To recover only to the \
                 gap, set recovery_target_lsn to a point before it."
            }
        };
        Error::new(Class::Gap, message).hint(hint)
    }
}
