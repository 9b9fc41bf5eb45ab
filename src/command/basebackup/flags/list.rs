//! `basebackup list`: its flags. The text is as wide as the screen; JSON has no width.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::verbs::print;
use crate::cli::{flags, screen};
use crate::command::basebackup::list;
use crate::config::Config;
use crate::error::Result;

const ABOUT: &str = "Lists all base backups, and shows from when to when you can recover";

const AFTER: &str = "It reads only names, sizes and descriptions; `basebackup verify` reads every byte. It says what \
     it can't see (a repository that does not answer, a description that can't be read), shows the rest, and ends \
      with the status of the first error.";

pub fn command() -> Command {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
    let command = Command::new("list")
        .about(ABOUT)
        .after_help(AFTER)
        .arg(json.help("Print everything as JSON"));
    flags::with_settings(command, &[])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    print(list::run(config, matches.get_flag("json"), screen::paper())?)
}
