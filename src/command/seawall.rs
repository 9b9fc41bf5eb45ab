//! `seawall`, which people and timers run. Each verb is a file, with its flags, its steps and its words.

pub mod manuals;

mod check;
mod config_show;
mod copy;
mod doctor;
mod drop_wal;
mod init;
mod list;
mod notify;
mod own_server;
mod report;
mod settle;
mod trust;

use clap::Command;

use crate::check::CheckState;
use crate::cli::text::{Paper, Tone};
use crate::cli::{flags, guard, help};
use crate::error::Result;
use crate::exit_status;

pub fn command() -> Command {
    let config = Command::new("config")
        .about("Shows the configuration")
        .subcommand_required(true)
        .subcommand(config_show::command());
    Command::new("seawall")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(help::version_with_libpq())
        .about("Keeps a PostgreSQL server, its Redis and its media files recoverable.")
        .after_help("To begin: sudo seawall init")
        .subcommand_required(true)
        .subcommand(check::command())
        .subcommand(config)
        .subcommand(copy::command())
        .subcommand(doctor::command())
        .subcommand(drop_wal::command())
        .subcommand(init::command())
        .subcommand(list::command())
        .subcommand(notify::command())
        .subcommand(report::command())
        .subcommand(settle::command())
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
        Some(("config", matches)) => config_show::run(matches).and(done),
        Some((copy::NAME, matches)) => copy::run(matches).and(done),
        Some((doctor::NAME, matches)) => doctor::run(matches),
        Some((drop_wal::NAME, matches)) => drop_wal::run(matches).and(done),
        Some(("init", matches)) => init::run(matches),
        Some((list::NAME, matches)) => list::run(matches).and(done),
        Some((manuals::NAME, matches)) => manuals::run(matches).and(done),
        Some((notify::NAME, matches)) => notify::run(matches).and(done),
        Some(("report", matches)) => report::run(matches).and(done),
        Some((settle::NAME, matches)) => settle::run(matches).and(done),
        Some((trust::NAME, matches)) => trust::run(matches).and(done),
        _ => done,
    }
}

/// The line with the state at its beginning in the colour of that state.
fn painted(paper: Paper, line: &str, state: CheckState) -> String {
    let tone = match state {
        CheckState::Ok => Tone::Good,
        CheckState::Warning => Tone::Warning,
        CheckState::Critical => Tone::Bad,
        CheckState::Unknown => Tone::Unclear,
    };
    paper.painted(line, &state.to_string(), tone)
}
