//! `wal-fetch NAME PATH`: brings one WAL file back from the first repository that has it whole.
//!
//! `asker` tells who asks and what that one makes of an answer; `answer` is the order of the questions; `fetch` asks the
//! repositories, `histories` knows where timelines were left; `prefetch` keeps what comes next ready, in a process of its own.

mod answer;
mod asker;
mod fetch;
mod histories;
mod prefetch;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use self::answer::Answer;
pub use self::asker::Asker;
use self::fetch::Fetch;
use self::histories::Histories;
pub(crate) use self::prefetch::FLAG as PREFETCH_FLAG;
pub use self::prefetch::PrefetchFolder;
use crate::config::Config;
use crate::data_directory::{AskedSegment, DataDirectory, KeptHistories, StateFolder};
use crate::error::{Class, Error, Result};
use crate::postgres::{SystemIdentifier, WalFileName, WalSegment, WalSegmentSize};
use crate::repository::{self, Source, WalFolder};

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
    let data_directory = data_directory.as_ref();
    let asker = Asker::of(data_directory);
    let state = data_directory.and_then(|it| StateFolder::of(it).ok());
    let state = state.as_ref();
    let kept = data_directory.map(|it| KeptHistories::of(it, state, &config.cluster));
    if asker.needs_no_answer(name, &request.path, kept.as_ref()) {
        tracing::debug!(%name, "there is none, or the server has it itself");
        return Ok(Fetched::NotInArchive);
    }
    let limits = asker.patience(name, config.limits);
    let folder = WalFolder::new(&config.cluster, system(request, data_directory)?);
    let asked = asked(asker, name, state);
    let ahead = data_directory.and_then(|it| prefetched(config, it, name));
    let followed = asker.followed(name, asked.as_ref(), kept.as_ref());
    if let (Some((prefetch, segment)), true) = (&ahead, followed.is_empty())
        && prefetch.hand_over(*segment, &folder, &request.path)
    {
        tracing::debug!(segment = %name, "handed over the prefetched file");
        return Ok(Fetched::Restored);
    }
    let config = &Config { limits, ..config.clone() };
    let repositories = repository::open_all(config, state.map(StateFolder::path))?;
    let identities = repository::identities(config)?;
    let source = Source { folder: &folder, identities: &identities, limits };
    let histories = Histories { kept, repositories: &repositories, source: &source };
    let target = &request.path;
    let fetch =
        Fetch { repositories: &repositories, source: &source, name, target, data_directory };
    let answer =
        Answer { asker, followed, asked, fetch, histories, state, gap_wait: config.wal.gap_wait };
    let Some(size) = answer.give()? else { return Ok(Fetched::NotInArchive) };
    if ahead.is_some() {
        prefetch::start_in_background(&request.prefetch_words, size);
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

/// The questions of this recovery. `pg_rewind` and people don't recover: their questions say nothing of it.
fn asked(asker: Asker, name: WalFileName, state: Option<&StateFolder>) -> Option<AskedSegment> {
    let WalFileName::Segment(segment) = name else { return None };
    if asker == Asker::Other {
        return None;
    }
    let warn = |error: &Error| tracing::warn!("what was asked for is not noted: {error}");
    AskedSegment::note(state?, segment).inspect_err(warn).ok()
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
