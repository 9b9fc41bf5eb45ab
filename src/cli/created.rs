//! How a `create` ends: words on a terminal, a document where one was asked for, else the log alone.

use clap::{Arg, ArgAction, ArgMatches};
use serde::Serialize;

use super::{guard, screen, verbs};
use crate::command::created::Created;
use crate::error::Result;

pub fn json() -> Arg {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
    json.help("Print what was taken as JSON")
}

/// `log` says the same of one repository for the log. The first error is the exit status.
pub fn end<D: Serialize>(
    matches: &ArgMatches,
    created: &Created<'_, D>,
    log: impl Fn(&str, &D),
) -> Result<()> {
    match matches.get_flag("json") {
        true => guard::print(&created.json()?),
        false if screen::is_terminal() && !created.copies.is_empty() => {
            guard::print(&verbs::for_people(&created.words()));
        }
        false => created.copies.iter().for_each(|(repository, it)| log(repository, it)),
    }
    let mut errors = created.errors.iter();
    let first = errors.next();
    errors.for_each(|error| tracing::error!("{error}"));
    first.map_or(Ok(()), |error| Err(error.clone()))
}
