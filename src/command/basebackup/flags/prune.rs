//! `basebackup prune`: its flags. Every rule of retention has one, so that other rules can be tried with `--dry-run`.

use clap::{ArgMatches, Command};

use crate::cli::{asked, flags};
use crate::command::basebackup::prune;
use crate::command::pruning;
use crate::config::Config;
use crate::error::Result;

const SHORT: &str = "Deletes the base backups and the WAL that no rule keeps any more";

const ABOUT: &str = "Deletes the base backups and the WAL that no rule keeps any more

Shows what becomes of each thing, and why, before it deletes anything.";

const AFTER: &str = "\
Never deleted: the newest good base backup of each system in each repository, what is pinned, what is being taken
now, the WAL that any of these needs, and the histories of timelines. In a repository that can't be read whole
nothing is deleted. Cut short anywhere, it goes on when it is run again.

A backup is kept when any of the rules keeps it; the rules stand in the table [retention] of the configuration. Try
others first:  basebackup prune --dry-run --retention-wal-window 14d --retention-keep-weekly 8";

pub fn command() -> Command {
    let command = Command::new("prune").about(SHORT).long_about(ABOUT).after_help(AFTER);
    flags::with_settings(asked::with_plan(command), &["retention"])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    pruning::asked("basebackup", matches, |telling| prune::run(config, telling))
}
