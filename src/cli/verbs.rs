//! How `basebackup`, `redis-backup` and `media-backup` run: the command line names a verb, the configuration is
//! resolved, the verb runs, and its outcome becomes an exit status.

use clap::{ArgMatches, Command};

use super::{configure, flags, guard, screen};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::exit_status;

/// What a program can do: how a verb is called, and what it then does.
pub type Verb = (fn() -> Command, fn(&Config, &ArgMatches) -> Result<()>);

/// A text for standard output, and what kept the command from seeing all there is.
pub struct Shown {
    pub text: String,
    pub errors: Vec<Error>,
}

/// Runs the verb that was asked for and returns the exit status.
pub fn main(program: Command, verbs: &[Verb]) -> u8 {
    match guard::run(|| run(program, verbs)) {
        Ok(()) => exit_status::DONE,
        Err(error) => exit_status::of(error.class()),
    }
}

fn run(program: Command, verbs: &[Verb]) -> Result<()> {
    let Some(matches) = flags::parse(program, &guard::words())? else { return Ok(()) };
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    let config = configure(&flags::values(matches))?;
    let verb = verbs.iter().find(|(command, _)| command().get_name() == name);
    verb.map_or(Ok(()), |(_, run)| run(&config, matches))
}

/// Prints what there is to see. What kept the command from seeing all is said too, and its first trouble
/// is the exit status.
pub fn print(shown: Shown) -> Result<()> {
    guard::print(&for_people(&shown.text));
    let mut errors = shown.errors.into_iter();
    let first = errors.next();
    errors.for_each(|error| tracing::error!("{error}"));
    first.map_or(Ok(()), Err)
}

/// Lines as wide as the screen, where that is known. A program that reads JSON has no screen.
pub fn for_people(text: &str) -> String {
    if text.starts_with('{') { text.to_owned() } else { screen::paper().fit(text) }
}
