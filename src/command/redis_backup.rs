//! `redis-backup`, which backs up a Redis or Valkey.
//!
//! `create`, `restore` and `drill` are verbs; the others are those of `backups`. Here a backup is read for `verify`, and shown to
//! Redis' own programs where they are installed.

mod create;
mod drill;
mod restore;

use std::io::BufRead;
use std::path::PathBuf;
use std::process::{self, Stdio};

use clap::Command;
use tempfile::TempDir;

use super::backups::delete::{self, Deletes};
use super::backups::prune::{self, Prunes, Scene, SystemPlan, plan_alone};
use super::backups::{Checked, Presented, list, pin, show, verify};
use crate::backup::{ObjectSource, damaged};
use crate::cli::help;
use crate::cli::text::{count, size};
use crate::cli::verbs::{self, Verb};
use crate::codec::read_failed;
use crate::config::Config;
use crate::durable::LaidFile;
use crate::error::{Error, Result};
use crate::history::RecordSubject;
use crate::redis_backup::{Keys, Product, RdbCheck, RedisContent, RedisDescription};

const VERBS: [Verb; 10] = [
    (create::command, create::run),
    (list::command::<RedisDescription>, list::run::<RedisDescription>),
    (show::command::<RedisDescription>, show::run::<RedisDescription>),
    (restore::command, restore::run),
    (verify::command::<RedisDescription>, verify::run::<RedisDescription>),
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

impl Checked for RedisDescription {
    fn check(&self, source: &ObjectSource<'_>, progress: &dyn Fn(u64)) -> Result<()> {
        check(self, source, progress)
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

/// What it says about data of a server that is newer than itself.
const NEWER: [&str; 2] = ["Can't handle RDB format version", "Wrong signature"];

/// Redis' own program, where it is installed, and what it gets to read.
struct CheckProgram {
    program: PathBuf,
    folder: TempDir,
}

pub fn check(
    description: &RedisDescription,
    source: &ObjectSource<'_>,
    progress: &dyn Fn(u64),
) -> Result<()> {
    let tool = CheckProgram::find(description.product, description.content)?;
    for file in &description.files {
        let path = tool.as_ref().map(|tool| tool.folder.path().join(&file.name));
        source.plain(&file.stored, &|_| {}, &mut |plain| {
            let mut copy = path.clone().map(|path| LaidFile::create(path, 0o600)).transpose()?;
            let mut check = (description.content == RedisContent::Rdb).then(RdbCheck::new);
            each_piece(plain, &mut |bytes| {
                copy.as_mut().map_or(Ok(()), |copy| copy.write(bytes))?;
                check.as_mut().map_or(Ok(()), |check| check.write(bytes))
            })?;
            check.map_or(Ok(()), |check| check.finish().map(drop))
        })?;
        progress(file.stored.stored_size);
    }
    match (tool, description.files.last()) {
        (Some(tool), Some(last)) => tool.run(&last.name),
        _ => Ok(()),
    }
}

fn each_piece(plain: &mut dyn BufRead, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    loop {
        let bytes = plain.fill_buf().map_err(|error| read_failed(&error))?;
        if bytes.is_empty() {
            return Ok(());
        }
        take(bytes)?;
        let length = bytes.len();
        plain.consume(length);
    }
}

impl CheckProgram {
    /// The one of the same product.
    fn find(product: Product, content: RedisContent) -> Result<Option<Self>> {
        let product = product.to_string().to_lowercase();
        let name = match content {
            RedisContent::Rdb => format!("{product}-check-rdb"),
            RedisContent::AppendOnly => format!("{product}-check-aof"),
        };
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let mut programs = std::env::split_paths(&folders).map(|folder| folder.join(&name));
        let Some(program) = programs.find(|program| program.is_file()) else {
            return Ok(None);
        };
        let folder = TempDir::with_prefix("seawall-check-");
        let folder =
            folder.map_err(|error| Error::file("create", &std::env::temp_dir(), &error))?;
        Ok(Some(Self { program, folder }))
    }

    fn run(&self, file: &str) -> Result<()> {
        let output = process::Command::new(&self.program)
            .arg(self.folder.path().join(file))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Error::file("run", &self.program, &error))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stdout);
        if NEWER.iter().any(|words| text.contains(words)) {
            let program = self.program.display();
            tracing::info!(%program, "is older than the server was, and can't judge its data");
            return Ok(());
        }
        let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        let program = self.program.display();
        Err(damaged(format!(
            "{program} does not accept it, and ended with {}: {last}",
            output.status
        )))
    }
}
