//! The command line of `redis-backup`.
//! Verbs with flags of their own are files here; the others take theirs from `series`.

mod create;
mod drill;
mod restore;

use clap::Command;

use super::series;
use super::verbs::{self, Verb};
use crate::command::version;
use crate::redis_backup::Description;

const VERBS: [Verb; 10] = [
    (create::command, create::run),
    (series::list_command::<Description>, series::list::<Description>),
    (series::show_command::<Description>, series::show::<Description>),
    (restore::command, restore::run),
    (series::verify_command::<Description>, series::verify::<Description>),
    (drill::command, drill::run),
    (series::prune_command::<Description>, series::prune::<Description>),
    (series::delete_command::<Description>, series::delete::<Description>),
    (series::pin_command::<Description>, series::pin::<Description>),
    (series::unpin_command::<Description>, series::unpin::<Description>),
];

const AFTER: &str = "In the order in which you need them:
  redis-backup create               takes the data of the server, as a replica does
  redis-backup list                 shows what there is
  redis-backup prune --dry-run      shows what retention would delete, and why
  redis-backup verify               reads all of it again
  redis-backup drill                loads it into its own server, counts the keys
  redis-backup restore --conf /etc/redis/redis.conf --before 'systemctl stop redis' \\
      --after 'systemctl start redis'
                                    lays the newest one down for the server to load

Each has a --help of its own. Configuration: /etc/seawall/seawall.toml, or SEAWALL_REPOSITORY and the like.";

pub fn command() -> Command {
    let command = Command::new("redis-backup")
        .version(env!("CARGO_PKG_VERSION"))
        .long_version(version::without_libpq())
        .about(
            "Takes, shows, restores, verifies, rehearses and prunes backups of Redis and Valkey.",
        )
        .after_help(AFTER)
        .subcommand_required(true);
    command.subcommands(VERBS.map(|(verb, _)| verb()))
}

/// Runs it and returns the exit status.
pub fn main() -> u8 {
    verbs::main(command(), &VERBS)
}
