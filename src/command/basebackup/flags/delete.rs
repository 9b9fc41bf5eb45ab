//! `basebackup delete`: its flags, which every `delete` has, and what becomes of the WAL.

use clap::{ArgMatches, Command};

use crate::cli::verbs::print;
use crate::cli::{asked, flags};
use crate::command::basebackup::delete;
use crate::command::series::flags as series;
use crate::config::Config;
use crate::error::Result;

const SHORT: &str = "Deletes one base backup, in every repository or in one";

const WAL: &str =
    "The WAL that it needed goes with the next `basebackup prune`, unless something else needs it.";

pub fn command() -> Command {
    let command = Command::new("delete").about(SHORT).args(series::delete_words());
    flags::with_settings(command.after_help(format!("{}\n\n{WAL}", series::DELETE_AFTER)), &[])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let mut agree = |plan: &str| asked::agreed(matches, plan);
    print(delete::run(config, series::order(matches, &mut agree))?)
}
