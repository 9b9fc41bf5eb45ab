//! The command line of `basebackup`.

mod create;
mod list;
mod pin;
mod prune;
mod restore;
mod show;
mod verify;

use clap::{ArgMatches, Command};

use super::{configure, flags, guard};
use crate::command::basebackup::Shown;
use crate::config::Config;
use crate::error::Result;
use crate::exit_status;

/// What `basebackup` can do: how a verb is called, and what it then does.
type Verb = (fn() -> Command, fn(&Config, &ArgMatches) -> Result<()>);

const VERBS: [Verb; 8] = [
    (create::command, create::run),
    (list::command, list::run),
    (show::command, show::run),
    (restore::command, restore::run),
    (verify::command, verify::run),
    (prune::command, prune::run),
    (pin::command, pin::run),
    (pin::unpin_command, pin::unpin),
];

pub fn command() -> Command {
    let command = Command::new("basebackup")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Takes, shows, restores, verifies and prunes base backups.")
        .subcommand_required(true);
    command.subcommands(VERBS.map(|(verb, _)| verb()))
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
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    let config = configure(&flags::values(matches))?;
    let verb = VERBS.iter().find(|(command, _)| command().get_name() == name);
    verb.map_or(Ok(()), |(_, run)| run(&config, matches))
}

/// Prints what there is to see. What kept the command from seeing all is said too, and its first trouble
/// is the exit status.
fn print(shown: Shown) -> Result<()> {
    guard::print(&shown.text);
    let mut errors = shown.errors.into_iter();
    let first = errors.next();
    errors.for_each(|error| tracing::error!("{error}"));
    first.map_or(Ok(()), Err)
}
