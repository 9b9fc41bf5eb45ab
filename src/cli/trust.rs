//! The command line of `seawall trust`.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::verbs::print;
use super::{asked, configure, flags};
use crate::command::trust;
use crate::error::{Class, Error, Result};

pub const NAME: &str = "trust";

const ABOUT: &str = "Accepts the dates of the backups in a repository that was copied or restored

A store gives copied objects a new date. To prune they look like planted ones: it keeps them for one window and \
     counts them for no rule. You made the copy, so you can vouch for it.";

const AFTER: &str = "\
It is noted on this host alone, in state_directory, and bound to the content of each description: run it where prune
runs, as the user who prunes, or as root for all kinds of backups. Nothing in the repository is changed. What prune
on this host saw there before the copy needs no word: it is remembered.";

pub fn command() -> Command {
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let command = Command::new(NAME)
        .about(ABOUT.split_once('\n').map_or(ABOUT, |(first, _)| first))
        .long_about(ABOUT)
        .after_help(AFTER)
        .arg(switch("dry-run", "Show the plan and stop"))
        .arg(switch("yes", "Do not ask"));
    flags::with_settings(command, &[])
}

pub fn run(matches: &ArgMatches) -> Result<()> {
    let values = flags::values(matches);
    if values.repositories.is_empty() {
        return Err(Error::new(Class::Usage, "expected --repository with the one to trust")
            .hint("`seawall config show` has the names of all."));
    }
    let config = configure(&values)?;
    print(trust::run(&config, &mut |plan| asked::agreed(matches, plan))?)
}
