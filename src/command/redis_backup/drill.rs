//! `redis-backup drill`: a backup is loaded by a server of its own, and the keys are counted. Root has to name a user first: a
//! drill never runs as root.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Arg, ArgMatches, Command};
use rustix::process::Signal;

use crate::cli::flags;
use crate::cli::flags::switch;
use crate::cli::progress::SharedBar;
use crate::cli::text::{count, size};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::command::backups::id_or_newest;
use crate::command::backups::{choose, read};
use crate::command::recording::Rehearsal;
use crate::config::{Config, RedisConfig};
use crate::drill::redis::{DrillRedis, RedisProgram};
use crate::drill::{Confinement, Deadline, Scratch, become_user};
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::history::RecordSubject;
use crate::redis_backup::RedisRestore;
use crate::redis_backup::{
    Keys, Product, RedisContent, RedisDescription, RedisTarget, ServerConnection, TargetOverrides,
    compare_keys,
};
use crate::repository::{self, Repository};

const ABOUT: &str = "Rehearses a restore with its own server, counts the keys, and records the result

It restores the newest backup into a folder below drill.directory and starts redis-server or valkey-server on
it. This server listens only on a socket in that folder. The drill waits until the server has loaded all keys,
and compares them with the backup. Then it removes the server and the folder, and leaves a record in every
repository.";

pub fn command() -> Command {
    let command = Command::new("drill")
        .about("Rehearses a restore with its own server, counts the keys, and records the result")
        .long_about(ABOUT)
        .after_help("Exit status 5: the server did not load the backup, or not all of it.")
        .arg(id_or_newest())
        .arg(
            Arg::new("user")
                .long("user")
                .value_name("NAME")
                .help("Run as this user; required for root"),
        )
        .arg(switch(
            "unconfined",
            "Let the server change files outside its folder, as far as it may",
        ))
        .arg(switch("keep", "Leave the folder, with the server stopped"))
        .arg(switch("json", "Print the result as JSON"));
    flags::with_settings(command, &["redis", "drill", "objectives"])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    become_user(text("user").as_deref(), "redis-backup")?;
    let bar = SharedBar::new("restore");
    let progress = |done: u64, of: u64| bar.at(done, of);
    let unconfined = matches.get_flag("unconfined");
    let shown = drill(&RedisDrillOptions {
        config,
        id: text("id"),
        confinement: if unconfined { Confinement::Unconfined } else { Confinement::Confined },
        keep: matches.get_flag("keep"),
        as_json: matches.get_flag("json"),
        progress: &progress,
    });
    drop(bar);
    print(shown?)
}

const POLL: Duration = Duration::from_millis(50);

/// How long a server may take to stop.
const PATIENCE: Duration = Duration::from_secs(10);

struct RedisDrillOptions<'a> {
    config: &'a Config,
    /// The beginning of an id; the newest whole backup without it.
    id: Option<String>,
    confinement: Confinement,
    /// Whether the folder is left.
    keep: bool,
    as_json: bool,
    /// Is told how many bytes of the files are there, of how many.
    progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// Whatever comes of it is shown, and recorded if it says something of the backups.
fn drill(options: &RedisDrillOptions<'_>) -> Result<Shown> {
    let config = options.config;
    let deadline = Deadline::after(config.drill.timeout);
    let repositories = deadline.guard(repository::open_all(config, None)?);
    let mut rehearsal = Rehearsal::begin(&config.redis.name);
    let failure = rehearse(options, &repositories, deadline, &mut rehearsal).err();
    rehearsal.store(&repositories, &RecordSubject::redis(&config.redis.name), failure.as_ref());
    rehearsal.shown(options.as_json, config.objectives.rto, failure.into_iter().collect())
}

fn rehearse(
    options: &RedisDrillOptions<'_>,
    repositories: &[Repository],
    deadline: Deadline,
    rehearsal: &mut Rehearsal,
) -> Result<()> {
    let (config, begun) = (options.config, Instant::now());
    let identities = repository::identities(config)?;
    let series = read::<RedisDescription>(config, repositories);
    let backup = choose(&series, repositories, options.id.as_deref())?;
    let description = &backup.facts;
    rehearsal.is_of(&backup.id, backup.began);
    let program = RedisProgram::find(config.drill.redis_bin.as_deref(), description.product)?;
    rehearsal.fact("server", program.to_string());
    let mut scratch = Scratch::create_in(&config.drill.directory)?;
    scratch.check_room(backup.size())?;
    let private = DrillRedis::new(&scratch, description.content == RedisContent::AppendOnly)?;
    durable::lay_folder(&scratch.data())?;
    let overrides = TargetOverrides {
        dir: Some(scratch.data()),
        dbfilename: None,
        likely: None,
        appendonly: Some(description.content == RedisContent::AppendOnly),
        version: Some(match program.product {
            Product::Redis => program.version.clone(),
            // Whatever its number, it reads the files of Redis 7.
            Product::Valkey => "7".to_owned(),
        }),
    };
    let target = RedisTarget::read(None, &overrides)?;
    let (length, done) = (backup.size(), AtomicU64::new(0));
    let restore = RedisRestore {
        config,
        repositories,
        identities: &identities,
        series: &series,
        backup,
        target: &target,
        progress: &|bytes| {
            (options.progress)(done.fetch_add(bytes, Ordering::Relaxed) + bytes, length);
        },
    };
    let restored = restore.run();
    rehearsal.phase("fetch", begun, Some(size(length)));
    rehearsal.comes_from(&repositories[restored?.0]);
    deadline.left()?;
    let own = Own { private: &private, scratch: &scratch, program: &program, deadline };
    let done = load(options, &own, description, rehearsal);
    if options.keep {
        // In order if it runs, so that it leaves its files as they are.
        let _ = scratch.stop(Signal::TERM, PATIENCE);
        rehearsal.keep(&mut scratch, private.start_by_hand(&program))?;
    }
    done
}

/// The server of the drill.
struct Own<'a> {
    private: &'a DrillRedis,
    scratch: &'a Scratch,
    program: &'a RedisProgram,
    deadline: Deadline,
}

/// Has the server load what was laid down, and compares the keys.
fn load(
    options: &RedisDrillOptions<'_>,
    own: &Own<'_>,
    description: &RedisDescription,
    rehearsal: &mut Rehearsal,
) -> Result<()> {
    let keys = &description.keys;
    let (config, private, begun) = (options.config, own.private, Instant::now());
    let databases = keys.iter().map(|keys| keys.database + 1).max().unwrap_or(0);
    private.start(own.scratch, own.program, databases, options.confinement)?;
    let server = RedisConfig { address: private.address(), user: None, ..config.redis.clone() };
    let server = RedisConfig { password_file: Some(private.password_file()), ..server };
    let loaded = loaded(config, &server, own);
    rehearsal.phase("replay", begun, None);
    rehearsal.reached();
    rehearsal.check("keys", loaded.and_then(|now| compare(description, &now)))
}

/// Waits for the server to have loaded its data, and counts its keys.
fn loaded(config: &Config, server: &RedisConfig, own: &Own<'_>) -> Result<Vec<Keys>> {
    loop {
        match ServerConnection::connect(server, &config.limits).and_then(|mut server| server.keys())
        {
            Ok(keys) => return Ok(keys),
            // Starting, or loading.
            Err(error) if error.class() == Class::Unreachable => {}
            Err(error) => return Err(error),
        }
        if own.scratch.ended().is_some() {
            return Err(own.private.failure());
        }
        own.deadline.left()?;
        std::thread::sleep(POLL);
    }
}

/// What was seen; an error when keys are missing whose time has not come.
fn compare(description: &RedisDescription, now: &[Keys]) -> Result<String> {
    let recorded = &description.keys;
    if description.has_its_keys(now) {
        let keys = now.iter().map(|keys| keys.keys).sum();
        return Ok(format!("{} in {}", count(keys, "key"), count(now.len() as u64, "database")));
    }
    let differences = compare_keys(recorded, now).join("; ");
    Err(Error::new(
        Class::Damaged,
        format!("the keys differ from those of the backup: {differences}"),
    ))
}
