//! `basebackup pin` and `basebackup unpin`: their flags, which are the same.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::flags;
use crate::cli::verbs::print;
use crate::command::basebackup::pin;
use crate::config::Config;
use crate::error::Result;

pub fn command() -> Command {
    verb("pin", "Keeps a base backup, and the WAL that it needs, until it is unpinned")
}

pub fn unpin_command() -> Command {
    verb("unpin", "Lets retention delete a base backup again")
}

fn verb(name: &'static str, about: &'static str) -> Command {
    let id = Arg::new("id").value_name("ID").required(true);
    let id = id.help("Id of the backup, or its beginning");
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
    let json = json.help("Print what was done as JSON");
    flags::with_settings(Command::new(name).about(about).arg(id).arg(json), &[])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    set(config, matches, true)
}

pub fn unpin(config: &Config, matches: &ArgMatches) -> Result<()> {
    set(config, matches, false)
}

fn set(config: &Config, matches: &ArgMatches, pinned: bool) -> Result<()> {
    let id = matches.get_one::<String>("id").cloned().unwrap_or_default();
    print(pin::run(config, &id, pinned, matches.get_flag("json"))?)
}
