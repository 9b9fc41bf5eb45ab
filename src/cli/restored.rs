//! How a `restore` is asked for its plan, and how it ends: words on a terminal, a document where one was asked for.

use clap::ArgMatches;

use super::{asked, guard, screen, verbs};
use crate::command::restored::{Asking, Ending};
use crate::error::Result;

pub fn asking(
    matches: &ArgMatches,
    restore: impl FnOnce(&mut Asking<'_>) -> Result<Ending>,
) -> Result<Ending> {
    let mut agree = |plan: &str| asked::agreed(matches, plan);
    let (dry_run, as_json) = (matches.get_flag("dry-run"), matches.get_flag("json"));
    let in_words = screen::is_terminal() && !as_json;
    restore(&mut Asking { dry_run, as_json, in_words, agree: &mut agree })
}

/// `doing` is said before whatever went wrong.
pub fn end(matches: &ArgMatches, ending: Result<Ending>, doing: &str) -> Result<()> {
    let ending = ending.map_err(|error| error.while_doing(doing))?;
    if matches.get_flag("json") {
        guard::print(&ending.json(matches.get_flag("dry-run"))?);
    } else if let Some(done) = ending.done.as_ref().filter(|_| screen::is_terminal()) {
        guard::print(&verbs::for_people(&done.words));
    }
    ending.error.map_or(Ok(()), |error| Err(error.while_doing(doing)))
}
