use clap::{Arg, ArgAction, ArgMatches, Command};

use super::super::verbs::print;
use super::super::{flags, screen};
use crate::command::basebackup::list;
use crate::config::Config;
use crate::error::Result;

const ABOUT: &str = "Lists all base backups, and from where to where one can recover";

const AFTER: &str = "Nothing is read but names, sizes and descriptions: `basebackup verify` reads every byte.
What can't be seen (a repository that does not answer, a description that can't be read) is said, the rest is
shown, and the exit status is that of the trouble.";

pub fn command() -> Command {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
    let command = Command::new("list")
        .about(ABOUT)
        .after_help(AFTER)
        .arg(json.help("Prints all that is known as JSON"));
    flags::with_settings(command, &[])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(list::run(config, matches.get_flag("json"), screen::paper())?)
}
