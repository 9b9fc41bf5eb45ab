//! `media-backup verify`: its flags; a bar shows how far the reading has come.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::flags;
use crate::cli::progress::SharedBar;
use crate::cli::verbs::print;
use crate::command::media_backup::{of_set, show_progress, verify, with_set};
use crate::config::Config;
use crate::error::Result;

pub fn command() -> Command {
    let ids = Arg::new("id")
        .value_name("ID")
        .action(ArgAction::Append)
        .num_args(0..)
        .help("Ids of the backups, or their beginnings; default: all");
    let command = Command::new("verify")
        .about("Reads every byte of each snapshot, in every repository")
        .after_help("Exit status 5: something is damaged or missing; each fault is a line.")
        .arg(ids);
    with_set(flags::with_settings(command, &["media_backup"]))
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let ids: Vec<String> = matches.get_many("id").unwrap_or_default().cloned().collect();
    let bar = SharedBar::new("verification");
    let progress = |at: crate::media_backup::MediaProgress| show_progress(&bar, &at);
    let shown = verify::run(&of_set(config, matches)?, &ids, &progress);
    drop(bar);
    print(shown?)
}
