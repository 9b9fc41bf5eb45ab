//! What `redis-backup` does beside the verbs that all backups have.
//!
//! `restore` and `drill` are verbs. `compare` asks a restored server for its keys; `check` reads a backup for `verify`.

pub mod drill;
pub mod restore;

mod check;
mod compare;

use crate::backup::ObjectSource;
use crate::command::series::{Checked, Kind};
use crate::command::shown::{count, size};
use crate::config::{Config, KeepConfig};
use crate::error::Result;
use crate::history::Subject;
use crate::redis_backup::Keys;
use crate::redis_backup::{Description, all_backups};

impl Kind for Description {
    const PROGRAM: &'static str = "redis-backup";
    const NAMED_BY: &'static str = "redis.name";
    const TABLE: &'static str = "redis";
    const NOTES: &'static str = "redis";
    const COLUMNS: &'static [&'static str] = &["SERVER", "DATA", "KEYS"];

    fn all(config: &Config) -> String {
        all_backups(config)
    }

    fn subject(config: &Config) -> Subject {
        Subject::redis(&config.redis.name)
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

impl Checked for Description {
    fn check(&self, source: &ObjectSource<'_>, progress: &dyn Fn(u64)) -> Result<()> {
        check::check(self, source, progress)
    }
}

impl Description {
    fn server(&self) -> String {
        format!("{} {}", self.product, self.version)
    }
}

fn keys(keys: &Keys) -> String {
    let Keys { database, keys, expires } = *keys;
    format!("database {database}: {}, {expires} with an expiry", count(keys, "key"))
}
