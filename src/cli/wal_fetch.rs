//! The command line of `wal-fetch`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command};

use super::{configure, flags, guard};
use crate::command::version;
use crate::command::wal_fetch::{self, Asker, Fetched, PREFETCH_FLAG, Request};
use crate::data_directory::DataDirectory;
use crate::error::Result;
use crate::exit_status;
use crate::postgres::SystemIdentifier;

const ABOUT: &str = "Brings one WAL file back from the archive.

Write into postgresql.conf, beside recovery.signal or standby.signal:
    restore_command = 'wal-fetch %f \"%p\"'";

const AFTER: &str = "Exit status 0: the file is there. 1: the archive does not have the file, and nothing shows that it
should; PostgreSQL takes that as the end of the WAL. 200 and more: wal-fetch could not find out, and PostgreSQL stops
so that no data is lost. A standby gets 2 to 125 instead, and asks again; so does a
server that was promoted just now and asks for a history, of which it has its own copy.";

pub fn command() -> Command {
    let number = clap::value_parser!(u64);
    let command = Command::new("wal-fetch")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(version::without_libpq())
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
    let request = request(&matches, words);
    match matches.get_one::<u32>("prefetch") {
        Some(size) => {
            wal_fetch::run_prefetch(&config, &request.path, *size)?;
            Ok(Fetched::Restored)
        }
        None => wal_fetch::run(&config, &request),
    }
}

fn request(matches: &ArgMatches, words: &[OsString]) -> Request {
    Request {
        name: matches.get_one::<String>("name").cloned().unwrap_or_default(),
        path: matches.get_one::<PathBuf>("path").cloned().unwrap_or_default(),
        system: matches.get_one::<u64>("system").copied().map(SystemIdentifier),
        prefetch_words: words.to_vec(),
    }
}
