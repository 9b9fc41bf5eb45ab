//! `redis-backup`, which backs up a Redis or Valkey.
//!
//! `create`, `restore` and `drill` are verbs; the others are those of `backups`, to which `verify` adds how such a backup is
//! read.

mod create;
mod drill;
mod restore;
mod verify;

use clap::Command;

use super::backups::delete::{self, Deletes};
use super::backups::prune::{self, Prunes, Scene, SystemPlan, plan_alone};
use super::backups::{self, Presented, list, pin, show};
use crate::cli::help;
use crate::cli::text::{count, size};
use crate::cli::verbs::{self, Verb};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::history::RecordSubject;
use crate::redis_backup::{Keys, RedisDescription};

const VERBS: [Verb; 10] = [
    (create::command, create::run),
    (list::command::<RedisDescription>, list::run::<RedisDescription>),
    (show::command::<RedisDescription>, show::run::<RedisDescription>),
    (restore::command, restore::run),
    (backups::verify::command::<RedisDescription>, backups::verify::run::<RedisDescription>),
    (drill::command, drill::run),
    (prune::command::<RedisDescription>, prune::run::<RedisDescription>),
    (delete::command::<RedisDescription>, delete::run::<RedisDescription>),
    (pin::pin_command::<RedisDescription>, pin::pin::<RedisDescription>),
    (pin::unpin_command::<RedisDescription>, pin::unpin::<RedisDescription>),
];

const AFTER: &str = "The verbs in the order in which you need them:
  redis-backup create               takes the data of the server, as a replica does
  redis-backup list                 shows what there is
  redis-backup prune --dry-run      shows what retention would delete, and why
  redis-backup verify               reads all of it again
  redis-backup drill                loads a backup into its own server, counts the keys
  redis-backup restore --conf /etc/redis/redis.conf --before 'systemctl stop redis' \\
      --after 'systemctl start redis'
                                    restores the newest backup for the server to load

Each verb has its own --help. Configuration: /etc/seawall/seawall.toml, or variables such as SEAWALL_REPOSITORY.";

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

impl Prunes for RedisDescription {
    type Beside<'a> = ();

    fn plans<'a>(
        scene: &Scene<'a, Self>,
        errors: &mut Vec<Error>,
    ) -> Result<Vec<SystemPlan<(), ()>>> {
        plan_alone(scene, errors, &mut |_, _| {})
    }
}

impl Deletes for RedisDescription {}

impl Presented for RedisDescription {
    const COLUMNS: &'static [&'static str] = &["SERVER", "DATA", "KEYS"];

    fn subject(config: &Config) -> RecordSubject {
        RecordSubject::redis(&config.redis.name)
    }

    fn cells(&self) -> Vec<String> {
        let keys: u64 = self.keys.iter().map(|it| it.keys).sum();
        vec![self.server(), self.content.to_string(), keys.to_string()]
    }

    fn told(&self) -> Vec<(&'static str, String)> {
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

impl RedisDescription {
    fn server(&self) -> String {
        format!("{} {}", self.product, self.version)
    }
}

fn keys(keys: &Keys) -> String {
    let Keys { database, keys, expires } = *keys;
    format!("database {database}: {}, {expires} with an expiry", count(keys, "key"))
}
