//! Asks for consent to a plan, and has the flags of `prune` and `restore` that go with a plan.
//!
//! Without a terminal and without `--yes` the verb fails: nobody could answer, and silence is no consent.

use std::io::{BufRead, IsTerminal};

use clap::{ArgGroup, ArgMatches, Command};

use super::flags::switch;
use super::{guard, verbs};
use crate::error::{Class, Error, Result};

/// The options of what shows a plan first. Where the output is for a program nobody can be asked.
pub fn with_plan(command: Command) -> Command {
    let json = switch("json", "Print the plan and the result as JSON; needs --dry-run or --yes");
    command
        .arg(switch("dry-run", "Show the plan and stop"))
        .arg(switch("yes", "Do not ask"))
        .arg(json.requires("said"))
        .group(ArgGroup::new("said").args(["dry-run", "yes"]).multiple(true))
}

/// Shows a plan, and tells whether to carry it out: not with --dry-run, at once with --yes, else who is there
/// is asked.
pub fn agreed(matches: &ArgMatches, plan: &str) -> Result<bool> {
    guard::print(&verbs::for_people(plan));
    Ok(!matches.get_flag("dry-run") && (matches.get_flag("yes") || asked()?))
}

/// On a terminal; elsewhere nobody could answer.
fn asked() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::new(Class::Usage, "there is no terminal to ask on").hint("Add --yes."));
    }
    guard::print("Go on? [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "yes"))
}
