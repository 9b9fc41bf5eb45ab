//! `redis-backup`, which backs up a Redis or Valkey.
//!
//! `create`, `restore` and `drill` are verbs; the others are those of `series`. `compare` asks a restored server for its keys;
//! `check` reads a backup for `verify`.

mod check;
mod compare;
mod create;
mod drill;
mod restore;

use clap::Command;

use super::series::{Checked, Kind, flags};
use super::shown::{count, size};
use crate::backup::ObjectSource;
use crate::cli::help;
use crate::cli::verbs::{self, Verb};
use crate::config::{Config, KeepConfig};
use crate::error::Result;
use crate::history::RecordSubject;
use crate::redis_backup::{Keys, RedisDescription, all_backups};

const VERBS: [Verb; 10] = [
    (create::command, create::run),
    (flags::list_command::<RedisDescription>, flags::list::<RedisDescription>),
    (flags::show_command::<RedisDescription>, flags::show::<RedisDescription>),
    (restore::command, restore::run),
    (flags::verify_command::<RedisDescription>, flags::verify::<RedisDescription>),
    (drill::command, drill::run),
    (flags::prune_command::<RedisDescription>, flags::prune::<RedisDescription>),
    (flags::delete_command::<RedisDescription>, flags::delete::<RedisDescription>),
    (flags::pin_command::<RedisDescription>, flags::pin::<RedisDescription>),
    (flags::unpin_command::<RedisDescription>, flags::unpin::<RedisDescription>),
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
        .long_version(help::version_without_libpq())
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

impl Kind for RedisDescription {
    const PROGRAM: &'static str = "redis-backup";
    const NAMED_BY: &'static str = "redis.name";
    const TABLE: &'static str = "redis";
    const NOTES: &'static str = "redis";
    const COLUMNS: &'static [&'static str] = &["SERVER", "DATA", "KEYS"];

    fn all(config: &Config) -> String {
        all_backups(config)
    }

    fn subject(config: &Config) -> RecordSubject {
        RecordSubject::redis(&config.redis.name)
    }

    fn keep(config: &Config) -> KeepConfig {
        config.redis.keep
    }

    fn cells(&self) -> Vec<String> {
        let keys: u64 = self.keys.iter().map(|it| it.keys).sum();
        vec![self.server(), self.content.to_string(), keys.to_string()]
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![
            ("Server", self.server()),
            ("Taken from", format!("{}, as {}", self.source, self.content)),
            ("Memory in use", size(self.used_memory)),
        ];
        facts.extend(self.moment.as_ref().map(|moment| ("Data of", moment.clone())));
        if let (Some(id), Some(offset)) = (&self.replication_id, self.replication_offset) {
            facts.push(("Replication", format!("offset {offset} of {id}")));
        }
        facts.extend(self.keys.iter().map(|it| ("Keys", keys(it))));
        facts
    }
}

impl Checked for RedisDescription {
    fn check(&self, source: &ObjectSource<'_>, progress: &dyn Fn(u64)) -> Result<()> {
        check::check(self, source, progress)
    }
}

impl RedisDescription {
    fn server(&self) -> String {
        format!("{} {}", self.product, self.version)
    }
}

fn keys(keys: &Keys) -> String {
    let Keys { database, keys, expires } = *keys;
    format!("database {database}: {}, {expires} with an expiry", count(keys, "key"))
}
