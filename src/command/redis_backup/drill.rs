//! `redis-backup drill`: a backup is loaded by a server of its own, and the keys are counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::command::recording::Rehearsal;
use crate::command::series::{choose, read};
use crate::command::shown::{Shown, count, size};
use crate::config::{Config, RedisConfig};
use crate::drill::redis::{DrillRedis, RedisProgram};
use crate::drill::{Confinement, Deadline, Scratch};
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::history::Subject;
use crate::redis_backup::restore::RedisRestore;
use crate::redis_backup::{Description, RedisContent};
use crate::redis_backup::{
    Keys, Product, RedisTarget, ServerConnection, TargetOverrides, compare_keys,
};
use crate::repository::{self, Repository};

const POLL: Duration = Duration::from_millis(50);

/// How long a server may take to stop.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Request<'a> {
    pub config: &'a Config,
    /// The beginning of an id; the newest whole backup without it.
    pub id: Option<String>,
    pub confinement: Confinement,
    /// Whether the folder is left.
    pub keep: bool,
    pub as_json: bool,
    /// Is told how many bytes of the files are there, of how many.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// Whatever comes of it is shown, and recorded if it says something of the backups.
pub fn run(request: &Request<'_>) -> Result<Shown> {
    let config = request.config;
    let deadline = Deadline::after(config.drill.timeout);
    let repositories = deadline.guard(repository::open_all(config, None)?);
    let mut rehearsal = Rehearsal::begin(&config.redis.name);
    let failure = rehearse(request, &repositories, deadline, &mut rehearsal).err();
    rehearsal.store(&repositories, &Subject::redis(&config.redis.name), failure.as_ref());
    rehearsal.shown(request.as_json, config.objectives.rto, failure.into_iter().collect())
}

fn rehearse(
    request: &Request<'_>,
    repositories: &[Repository],
    deadline: Deadline,
    rehearsal: &mut Rehearsal,
) -> Result<()> {
    let (config, begun) = (request.config, Instant::now());
    let identities = repository::identities(config)?;
    let series = read::<Description>(config, repositories);
    let backup = choose(&series, repositories, request.id.as_deref())?;
    let description = &backup.description;
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
            (request.progress)(done.fetch_add(bytes, Ordering::Relaxed) + bytes, length);
        },
    };
    let restored = restore.run();
    rehearsal.phase("fetch", begun, Some(size(length)));
    rehearsal.comes_from(&repositories[restored?.0]);
    deadline.left()?;
    let own = Own { private: &private, scratch: &scratch, program: &program, deadline };
    let done = load(request, &own, description, rehearsal);
    if request.keep {
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
    request: &Request<'_>,
    own: &Own<'_>,
    description: &Description,
    rehearsal: &mut Rehearsal,
) -> Result<()> {
    let keys = &description.keys;
    let (config, private, begun) = (request.config, own.private, Instant::now());
    let databases = keys.iter().map(|keys| keys.database + 1).max().unwrap_or(0);
    private.start(own.scratch, own.program, databases, request.confinement)?;
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
fn compare(description: &Description, now: &[Keys]) -> Result<String> {
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
