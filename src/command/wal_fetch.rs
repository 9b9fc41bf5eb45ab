//! `wal-fetch NAME PATH`: brings one WAL file back from the first repository that has it whole.
//!
//! `asker` tells who asks and what that one makes of an answer; `answer` is the order of the questions; `fetch` asks the
//! repositories; `prefetch` keeps what comes next ready, in a process of its own.

mod answer;
mod asker;
mod fetch;
mod prefetch;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command};

use self::answer::FetchAnswer;
pub use self::asker::Asker;
use self::fetch::{FileFetch, TimelineEnds};
use self::prefetch::FLAG as PREFETCH_FLAG;
pub use self::prefetch::PrefetchFolder;
use crate::cli::{configure, flags, guard, help};
use crate::config::Config;
use crate::data_directory::{AskedSegment, DataDirectory, KeptHistories, StateFolder};
use crate::debts::AwayNotes;
use crate::error::{Class, Error, Result};
use crate::exit_status;
use crate::postgres::{SystemIdentifier, WalFileName, WalSegment, WalSegmentSize};
use crate::repository::{self, Source, WalFolder};

const ABOUT: &str = "Fetches one WAL file from the archive.

Write into postgresql.conf, and create recovery.signal or standby.signal:
    restore_command = 'wal-fetch %f \"%p\"'";

const AFTER: &str = "Exit status 0: the file is there. 1: the archive does not have the file, and nothing shows that it should; for PostgreSQL this is the end of the WAL. 200 and more: wal-fetch could not find
out, and PostgreSQL stops so that no data is lost. A standby gets 2 to 125 instead, and asks again. So does a
server that was promoted just now and asks for a history file, of which it has its own copy.";

pub fn command() -> Command {
    let number = clap::value_parser!(u64);
    let command = Command::new("wal-fetch")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(help::version_without_libpq())
        .about(ABOUT)
        .after_help(AFTER)
        .arg(Arg::new("name").value_name("NAME").required(true).help("Name of the WAL file (%f)"))
        .arg(
            Arg::new("path")
                .value_name("PATH")
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("Path to write it to (%p)"),
        )
        .arg(Arg::new("system").long("system-identifier").value_name("NUMBER").value_parser(number).help(
            "System identifier of the server that wrote the WAL, for use away from a data directory (pg_controldata \
             prints it)",
        ))
        .arg(
            Arg::new("prefetch")
                .long(PREFETCH_FLAG)
                .hide(true)
                .value_parser(clap::value_parser!(u32)),
        );
    flags::with_settings(command, &["wal"])
}

/// Runs it and returns the exit status.
pub fn main() -> u8 {
    let words = guard::words();
    let outcome = guard::run(|| run(&words));
    match outcome {
        Ok(Fetched::Restored) => exit_status::DONE,
        Ok(Fetched::NotInArchive) => exit_status::NOT_IN_ARCHIVE,
        Err(_) if prefetches(&words) => exit_status::DONE,
        Err(error) => exit_status::of_fetch(error.class(), lives_on(&words)),
    }
}

/// The prefetching process has nobody to answer to: the call that needs the segment meets the same
/// trouble and reports it. And where the server is process 1 of a container, it inherits that process,
/// takes any status but 0 and 1 for a crash of one of its own, and restarts (`postmaster.c`).
fn prefetches(words: &[OsString]) -> bool {
    let flag = format!("--{PREFETCH_FLAG}");
    words.iter().any(|word| word.to_str().is_some_and(|word| word.starts_with(&flag)))
}

/// Whether the server must go on after a failure; also when the command line is wrong. PATH is the last word if any
/// is.
fn lives_on(words: &[OsString]) -> bool {
    let path = words.last().map(Path::new).unwrap_or(Path::new(""));
    let Some(data_directory) = DataDirectory::find(path) else { return false };
    Asker::of(Some(&data_directory)).lives_on(words.iter().filter_map(|word| word.to_str()))
}

fn run(words: &[OsString]) -> Result<Fetched> {
    let Some(matches) = flags::parse(command(), words)? else { return Ok(Fetched::Restored) };
    let config = configure(&flags::values(&matches))?;
    let wanted = wanted(&matches, words);
    match matches.get_one::<u32>("prefetch") {
        Some(size) => {
            run_prefetch(&config, &wanted.path, *size)?;
            Ok(Fetched::Restored)
        }
        None => fetch(&config, &wanted),
    }
}

fn wanted(matches: &ArgMatches, words: &[OsString]) -> WantedFile {
    WantedFile {
        name: matches.get_one::<String>("name").cloned().unwrap_or_default(),
        path: matches.get_one::<PathBuf>("path").cloned().unwrap_or_default(),
        system: matches.get_one::<u64>("system").copied().map(SystemIdentifier),
        prefetch_words: words.to_vec(),
    }
}

/// What `wal-fetch` found. Only [`Fetched::NotInArchive`] lets PostgreSQL end recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fetched {
    Restored,
    /// Every repository answered, none has the file, and none has anything that comes after it.
    NotInArchive,
}

struct WantedFile {
    name: String,
    /// Where to put the file.
    path: PathBuf,
    /// For use away from a data directory.
    system: Option<SystemIdentifier>,
    /// The command line that starts the prefetching process.
    prefetch_words: Vec<OsString>,
}

fn fetch(config: &Config, wanted: &WantedFile) -> Result<Fetched> {
    let name: WalFileName = wanted.name.parse().map_err(|error| {
        Error::new(Class::Usage, format!("could not fetch: {error}"))
            .hint("Write restore_command = 'wal-fetch %f \"%p\"'.")
    })?;
    let data_directory = DataDirectory::find(&wanted.path);
    let data_directory = data_directory.as_ref();
    let asker = Asker::of(data_directory);
    let state = data_directory.and_then(|it| StateFolder::of(it).ok());
    let state = state.as_ref();
    let kept = data_directory.map(|it| KeptHistories::of(it, state, &config.cluster));
    if asker.needs_no_answer(name, &wanted.path, kept.as_ref()) {
        tracing::debug!(%name, "there is none, or the server has it itself");
        return Ok(Fetched::NotInArchive);
    }
    let limits = asker.patience(name, config.limits);
    let folder = WalFolder::new(&config.cluster, system(wanted, data_directory)?);
    let asked = asked(asker, name, state);
    let ahead = data_directory.and_then(|it| prefetched(config, it, name));
    let followed = asker.followed(name, asked.as_ref(), kept.as_ref());
    if let (Some((prefetch, segment)), true) = (&ahead, followed.is_empty())
        && prefetch.hand_over(*segment, &folder, &wanted.path)
    {
        tracing::debug!(segment = %name, "handed over the prefetched file");
        return Ok(Fetched::Restored);
    }
    let config = &Config { limits, ..config.clone() };
    let repositories = repository::open_all(config, state.map(StateFolder::path))?;
    let identities = repository::identities(config)?;
    let source = Source { folder: &folder, identities: &identities, limits };
    let histories = TimelineEnds { kept, repositories: &repositories, source: &source };
    let target = &wanted.path;
    let away = state.map(|state| AwayNotes::new(state.path()));
    let fetch = FileFetch {
        repositories: &repositories,
        source: &source,
        name,
        target,
        data_directory,
        away,
    };
    let answer = FetchAnswer {
        asker,
        followed,
        asked,
        fetch,
        histories,
        state,
        gap_wait: config.wal.gap_wait,
    };
    let Some(size) = answer.give()? else { return Ok(Fetched::NotInArchive) };
    if ahead.is_some() {
        prefetch::start_in_background(&wanted.prefetch_words, size);
    }
    Ok(Fetched::Restored)
}

/// The work of the process that [`fetch()`] starts in the background, for segments of `size` bytes.
fn run_prefetch(config: &Config, path: &Path, size: u32) -> Result<()> {
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

fn system(wanted: &WantedFile, data_directory: Option<&DataDirectory>) -> Result<SystemIdentifier> {
    match (wanted.system, data_directory) {
        (Some(system), _) => Ok(system),
        (None, Some(data_directory)) => data_directory.system_identifier(),
        (None, None) => Err(Error::new(
            Class::Usage,
            format!("neither {:?} nor the working directory is in a data directory", wanted.path),
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
    let warn = |error: &Error| tracing::warn!("could not note the request: {error}");
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
