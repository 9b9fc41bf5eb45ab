//! The command line of `seawall`.

use clap::{ArgMatches, Command};

use super::{check, doctor, flags, guard, init, list, manuals, notify, report, trust};
use crate::codec::Recipients;
use crate::command::{self, version};
use crate::config;
use crate::error::Result;
use crate::exit_status;

pub fn command() -> Command {
    let show = Command::new("show").about(
        "Prints every setting with its value and where that came from, and checks them as a whole",
    );
    let config = Command::new("config")
        .about("Shows the configuration")
        .subcommand_required(true)
        .subcommand(flags::with_settings(show, &["wal", "postgres", "basebackup"]));
    Command::new("seawall")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(version::with_libpq())
        .about("Keeps a PostgreSQL server, its Redis and its media files recoverable.")
        .after_help("To begin: sudo seawall init")
        .subcommand_required(true)
        .subcommand(check::command())
        .subcommand(config)
        .subcommand(doctor::command())
        .subcommand(init::command())
        .subcommand(list::command())
        .subcommand(notify::command())
        .subcommand(report::command())
        .subcommand(trust::command())
}

/// Runs it and returns the exit status.
pub fn main() -> u8 {
    match guard::run(run) {
        Ok(status) => status,
        Err(error) => {
            let of_verb = check::failed().or_else(doctor::failed);
            of_verb.unwrap_or(exit_status::of(error.class()))
        }
    }
}

fn run() -> Result<u8> {
    let done = Ok(exit_status::DONE);
    let parsed = flags::parse(command().subcommand(manuals::command()), &guard::words())
        .inspect_err(check::not_understood);
    let Some(matches) = parsed? else { return done };
    match matches.subcommand() {
        Some((check::NAME, matches)) => check::run(matches),
        Some(("config", matches)) => show(matches).and(done),
        Some((doctor::NAME, matches)) => doctor::run(matches),
        Some(("init", matches)) => init::run(matches),
        Some((list::NAME, matches)) => list::run(matches).and(done),
        Some((manuals::NAME, matches)) => manuals::run(matches).and(done),
        Some((notify::NAME, matches)) => notify::run(matches).and(done),
        Some(("report", matches)) => report::run(matches).and(done),
        Some((trust::NAME, matches)) => trust::run(matches).and(done),
        _ => done,
    }
}

fn show(matches: &ArgMatches) -> Result<()> {
    let Some(("show", matches)) = matches.subcommand() else { return Ok(()) };
    let resolved = config::resolve(&flags::values(matches))?;
    guard::print(&command::config_show::run(&resolved));
    let config = config::Config::from_resolved(&resolved)?;
    Recipients::parse(config.encryption.recipients.iter().map(String::as_str)).map(|_| ())
}
