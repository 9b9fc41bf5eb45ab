//! The command line of `wal-push`.

use std::path::PathBuf;

use clap::{Arg, Command};

use super::{configure, flags, guard};
use crate::command::{self, version};
use crate::error::Result;
use crate::exit_status;

const ABOUT: &str = "Archives a finished WAL file in every repository.

Write into postgresql.conf:
    archive_mode = on
    archive_command = 'wal-push %p %f'
and say where to, in /etc/seawall/seawall.toml or in the server's environment:
    SEAWALL_REPOSITORY=/var/backups/seawall";

const AFTER: &str =
    "Exit status 0 means: durable in every repository. 2 to 125 means: not done, PostgreSQL keeps
the file and asks again; docs/exit-statuses.md lists them.";

pub fn command() -> Command {
    let command = Command::new("wal-push")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(version::without_libpq())
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
    command::wal_push::run(&config, &path, &name)
}
