//! `redis-backup restore`: the plan, the files, and whether the server has all keys again.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::backup::series::Backup;
use crate::command::hook::run_hook;
use crate::command::series::{choose, read, refuse_fallen};
use crate::command::shown::{at_seconds, size, tenths};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::redis_backup::restore::Restore;
use crate::redis_backup::{Content, Description};
use crate::redis_server::{Aof, Overrides, Server, Target, compare_keys, is_explained};
use crate::repository::{self, Repository};
use crate::words::plain;

/// Longest wait for a server that was started to load its data.
const LOADING: Duration = Duration::from_secs(3600);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

pub struct Request<'a> {
    pub config: &'a Config,
    /// The beginning of an id; the newest whole backup without it.
    pub id: Option<String>,
    /// The server's configuration file.
    pub conf: Option<PathBuf>,
    pub overrides: Overrides,
    /// Commands of the user's, run before anything is touched and at the end.
    pub before: Option<String>,
    pub after: Option<String>,
    /// Whether to ask the server, once it runs, for its keys.
    pub compare: bool,
}

/// Makes a plan, has it agreed to, and carries it out.
pub fn restore(
    request: &Request<'_>,
    agree: &mut dyn FnMut(&str) -> Result<bool>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<()> {
    let config = request.config;
    let repositories = repository::open_all(config, None)?;
    let identities = repository::identities(config)?;
    let series = read::<Description>(config, &repositories);
    let backup = choose(&series, &repositories, request.id.as_deref())?;
    if request.id.is_none() {
        refuse_fallen(&series)?;
    }
    let mut overrides = request.overrides.clone();
    overrides.version.get_or_insert_with(|| match backup.description.product {
        crate::redis_server::Product::Redis => backup.description.version.clone(),
        // Whatever its number, it reads the files of Redis 7.
        crate::redis_server::Product::Valkey => "7".to_owned(),
    });
    let target = Target::read(request.conf.as_deref(), &overrides)?;
    let unfinished = target.is_unfinished()?;
    if !agree(&plan(backup, &target, &repositories, unfinished))? {
        return Ok(());
    }
    let begun = Instant::now();
    if let Some(command) = &request.before {
        run_hook("before", command, &target.dir)?;
    }
    refuse_its_server(config, &target)?;
    let (size, done) = (backup.size(), AtomicU64::new(0));
    let count = |bytes| progress(done.fetch_add(bytes, Ordering::Relaxed) + bytes, size);
    let (_, laid) = Restore {
        config,
        repositories: &repositories,
        identities: &identities,
        series: &series,
        backup,
        target: &target,
        progress: &count,
    }
    .run()?;
    for path in &laid.kept {
        tracing::info!(path = %path.display(), "what was there is kept");
    }
    tracing::info!(backup = %backup.id, seconds = tenths(begun.elapsed()), "restored");
    if let Some(command) = &request.after {
        run_hook("after", command, &target.dir)?;
    }
    if request.compare || request.after.is_some() {
        compare(config, backup, begun)?;
    }
    Ok(())
}

fn plan(
    backup: &Backup<Description>,
    target: &Target,
    repositories: &[Repository],
    unfinished: bool,
) -> String {
    let it = &backup.description;
    let places = backup.copies.iter().filter(|copy| copy.fault.is_none());
    let places = places.filter_map(|copy| repositories.get(copy.repository));
    let places: Vec<&str> = places.map(Repository::name).collect();
    let reads = match target.aof {
        Aof::Off => target.dbfilename.clone(),
        Aof::Single => target.appendfilename.clone(),
        Aof::MultiPart => format!("{}/{}.manifest", target.appenddirname, target.appendfilename),
    };
    let keys: u64 = it.keys.iter().map(|keys| keys.keys).sum();
    let kind = match it.content {
        Content::Rdb => "an RDB file",
        Content::AppendOnly => "an append-only file",
    };
    let first = ("first", "carries a restore that was interrupted there to its end".to_owned());
    let lines = [
        ("backup", format!("{}, of {}", backup.id, at_seconds(backup.began))),
        ("from", places.join(", then ")),
        ("data", format!("{keys} keys in {kind}, {} to write", size(backup.size()))),
        ("into", target.dir.display().to_string()),
        ("the server", format!("reads {reads} there; what is in its way is kept beside it")),
    ];
    let lines = unfinished.then_some(first).into_iter().chain(lines);
    lines.map(|(key, value)| format!("{key:<12}{}\n", plain(&value))).collect()
}

/// A server in another container shows only over its connection. One that does not answer uses nothing.
fn refuse_its_server(config: &Config, target: &Target) -> Result<()> {
    let persistence = Server::connect(&config.redis, &config.limits)
        .and_then(|mut server| server.persistence())
        .ok()
        .flatten();
    match persistence {
        Some(persistence) if target.is_of(&persistence) => {
            let (dir, address) = (&target.dir, &config.redis.address);
            let message = format!("expected no server on {dir:?}, found the one at {address}");
            Err(Error::new(Class::Input, message).hint(
                "Stop it first (--before 'systemctl stop redis'); at its end it would write its own data over them.",
            ))
        }
        _ => Ok(()),
    }
}

/// Waits for the server to have loaded its data, and counts its keys.
fn compare(config: &Config, backup: &Backup<Description>, begun: Instant) -> Result<()> {
    let until = Instant::now() + LOADING;
    let now = loop {
        let keys = Server::connect(&config.redis, &config.limits).and_then(|mut it| it.keys());
        match keys {
            Ok(keys) => break keys,
            // Starting, or loading.
            Err(error) if error.class() == Class::Unreachable && Instant::now() < until => {
                std::thread::sleep(BETWEEN_LOOKS);
            }
            Err(error) => return Err(error),
        }
    };
    let recorded = &backup.description.keys;
    let differences = compare_keys(recorded, &now);
    for line in &differences {
        tracing::warn!("{line}");
    }
    if !is_explained(recorded, &now) {
        let message = "the server does not have the keys of the backup".to_owned();
        return Err(Error::new(Class::Damaged, message).hint(
            "The lines above say where. Did it load these files? Its log says what it loaded; did anybody write \
             meanwhile?",
        ));
    }
    let keys: u64 = now.iter().map(|it| it.keys).sum();
    tracing::info!(keys, rto_seconds = tenths(begun.elapsed()), "the server has its keys again");
    Ok(())
}
