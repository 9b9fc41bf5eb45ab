//! `basebackup show`: its flags.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::flags;
use crate::cli::verbs::print;
use crate::command::basebackup::show;
use crate::config::Config;
use crate::error::Result;

const ABOUT: &str = "Shows everything about one base backup, and whether all of it is there";

pub fn command() -> Command {
    let id = Arg::new("id").value_name("ID").required(true);
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
    let command = Command::new("show")
        .about(ABOUT)
        .arg(id.help("Id of the backup, or its beginning"))
        .arg(json.help("Print as JSON"));
    flags::with_settings(command, &[])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let id = matches.get_one::<String>("id").cloned().unwrap_or_default();
    print(show::run(config, &id, matches.get_flag("json"))?)
}
