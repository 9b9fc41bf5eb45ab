//! The command line of `basebackup`.
//! Each verb is a file here; `target` has the flags that `restore` and `drill` share.

mod create;
mod delete;
mod drill;
mod list;
mod pin;
mod prune;
mod restore;
mod show;
mod target;
mod verify;

use clap::Command;

use super::verbs::{self, Verb};
use crate::command::version;

const VERBS: [Verb; 10] = [
    (create::command, create::run),
    (list::command, list::run),
    (show::command, show::run),
    (restore::command, restore::run),
    (verify::command, verify::run),
    (drill::command, drill::run),
    (prune::command, prune::run),
    (delete::command, delete::run),
    (pin::command, pin::run),
    (pin::unpin_command, pin::unpin),
];

const AFTER: &str = "In the order in which you need them:
  basebackup create                 takes a base backup into every repository
  basebackup list                   shows from when to when you can recover
  basebackup prune --dry-run        shows what retention would delete, and why
  basebackup verify --newest        reads all of it, and the WAL behind it
  basebackup restore DIRECTORY --target-time '2026-11-22 14:29:59' --start
                                    brings the server back as it was then
  basebackup drill                  rehearses that, and records how long it took

Each has a --help of its own. Configuration: /etc/seawall/seawall.toml, or SEAWALL_REPOSITORY and the like.";

pub fn command() -> Command {
    let command = Command::new("basebackup")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(version::with_libpq())
        .about("Takes, shows, restores, verifies, rehearses and prunes base backups.")
        .after_help(AFTER)
        .subcommand_required(true);
    command.subcommands(VERBS.map(|(verb, _)| verb()))
}

/// Runs it and returns the exit status.
pub fn main() -> u8 {
    verbs::main(command(), &VERBS)
}
