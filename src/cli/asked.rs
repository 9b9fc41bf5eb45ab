use std::io::{BufRead, IsTerminal};

use clap::ArgMatches;

use super::{guard, verbs};
use crate::error::{Class, Error, Result};

/// Shows a plan, and tells whether to carry it out: not with --dry-run, at once with --yes, else who is there
/// is asked.
pub fn agreed(matches: &ArgMatches, plan: &str) -> Result<bool> {
    guard::print(&verbs::for_people(plan));
    Ok(!matches.get_flag("dry-run") && (matches.get_flag("yes") || asked()?))
}

/// On a terminal; elsewhere nobody could answer.
fn asked() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::new(Class::Usage, "nobody is there to be asked").hint("Add --yes."));
    }
    guard::print("Go on? [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "yes"))
}
