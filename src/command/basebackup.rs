//! `basebackup`, which takes and restores base backups.
//!
//! Each verb is a file; those that all kinds of backups share have here what base backups add to them. `list` and `show` share
//! `json`, and `list` draws with `bar`. `restore` and `drill` share `target`, which says what is recovered and up to where, and
//! `restore_command`, by which the server gets its WAL. `surveyed` is what the verbs of all kinds read of base backups.

mod bar;
mod create;
mod drill;
mod json;
mod list;
mod prune;
mod restore;
mod restore_command;
mod show;
mod surveyed;
mod target;
mod verify;

use clap::Command;

use super::backups::{self, delete, pin};
use crate::basebackup::Description;
use crate::cli::help;
use crate::cli::verbs::{self, Verb};

const VERBS: [Verb; 10] = [
    (create::command, create::run),
    (backups::list::command::<Description>, backups::list::run::<Description>),
    (backups::show::command::<Description>, backups::show::run::<Description>),
    (restore::command, restore::run),
    (verify::command, verify::run),
    (drill::command, drill::run),
    (prune::command, backups::prune::run::<Description>),
    (delete::command::<Description>, delete::run::<Description>),
    (pin::pin_command::<Description>, pin::pin::<Description>),
    (pin::unpin_command::<Description>, pin::unpin::<Description>),
];

const AFTER: &str = "The verbs in the order in which you need them:
  basebackup create                 takes a base backup into every repository
  basebackup list                   shows from when to when you can recover
  basebackup prune --dry-run        shows what retention would delete, and why
  basebackup verify --newest        reads all of it, and the WAL after it
  basebackup restore DIRECTORY --target-time '2026-11-22 14:29:59' --start
                                    restores the server as it was then
  basebackup drill                  rehearses a restore, and records how long it took

Each verb has its own --help. Configuration: /etc/seawall/seawall.toml, or variables such as SEAWALL_REPOSITORY.";

pub fn command() -> Command {
    let command = Command::new("basebackup")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(help::version_with_libpq())
        .about("Takes, shows, restores, verifies, rehearses and prunes base backups.")
        .after_help(AFTER)
        .subcommand_required(true);
    command.subcommands(VERBS.map(|(verb, _)| verb()))
}

/// Runs it and returns the exit status.
pub fn main() -> u8 {
    verbs::main(command(), &VERBS)
}
