//! `redis-backup restore`: the plan, the files, and whether the server has all keys again.
//!
//! `ended` is what programs read of the plan, and all that is said at the end.

mod ended;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use self::ended::{keys, reads};
use super::compare::{Comparing, LOADING, STARTING};
use crate::backup::series::Backup;
use crate::command::hook::run_hook;
use crate::command::restored::{Asking, Ending};
use crate::command::series::{choose, is_latest, read, refuse_fallen};
use crate::command::shown::{at_seconds, count, size, tenths};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::redis_backup::restore::RedisRestore;
use crate::redis_backup::{Description, RedisContent};
use crate::redis_backup::{
    Product, RdbVersion, RedisTarget, ServerConnection, ServerInfo, TargetOverrides,
};
use crate::repository::{self, Repository};
use crate::words::plain;

pub struct Request<'a> {
    pub config: &'a Config,
    /// The beginning of an id; the newest whole backup without it.
    pub id: Option<String>,
    /// The server's configuration file.
    pub conf: Option<PathBuf>,
    pub overrides: TargetOverrides,
    /// Commands of the user's, run before anything is touched and at the end.
    pub before: Option<String>,
    pub after: Option<String>,
    /// Whether to ask the server, once it runs, for its keys.
    pub compare: bool,
}

/// Makes a plan, has it agreed to, and carries it out.
pub fn restore(
    request: &Request<'_>,
    asking: &mut Asking<'_>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Ending> {
    let config = request.config;
    let repositories = repository::open_all(config, None)?;
    let identities = repository::identities(config)?;
    let series = read::<Description>(config, &repositories);
    let backup = choose(&series, &repositories, request.id.as_deref())?;
    if is_latest(request.id.as_deref()) {
        refuse_fallen(&series)?;
    }
    let there = seen(config);
    let target = target(request, &backup.description, there.as_ref())?;
    let unfinished = target.is_unfinished()?;
    let words = plan(backup, &target, &repositories, unfinished);
    let told = ended::told(backup, &target, &repositories, unfinished, &words);
    if !asking.agreed(&words)? {
        return Ok(Ending::planned(told));
    }
    let begun = Instant::now();
    if let Some(command) = &request.before {
        run_hook("before", command, &target.dir)?;
    }
    refuse_its_server(config, &target)?;
    let (size, done) = (backup.size(), AtomicU64::new(0));
    let counted = |bytes| progress(done.fetch_add(bytes, Ordering::Relaxed) + bytes, size);
    let (_, laid) = RedisRestore {
        config,
        repositories: &repositories,
        identities: &identities,
        series: &series,
        backup,
        target: &target,
        progress: &counted,
    }
    .run()?;
    for path in &laid.kept {
        tracing::info!(path = %path.display(), "what was there is kept");
    }
    if !asking.in_words {
        tracing::info!(backup = %backup.id, seconds = tenths(begun.elapsed()), "restored");
    }
    if let Some(command) = &request.after {
        run_hook("after", command, &target.dir)?;
    }
    let compared = request.compare || request.after.is_some();
    if compared {
        let before = there.as_ref().map(|it| it.run_id.as_str());
        let patience = if request.after.is_some() { STARTING } else { LOADING };
        Comparing { config, backup, target: &target, before, patience }.run(begun)?;
    }
    let done = ended::done(backup, &target, &laid.kept, compared, begun);
    Ok(Ending { plan: told, done: Some(done), error: None })
}

fn plan(
    backup: &Backup<Description>,
    target: &RedisTarget,
    repositories: &[Repository],
    unfinished: bool,
) -> String {
    let it = &backup.description;
    let places = backup.copies.iter().filter(|copy| copy.fault.is_none());
    let places = places.filter_map(|copy| repositories.get(copy.repository));
    let places: Vec<&str> = places.map(Repository::name).collect();
    let (reads, keys) = (reads(target), keys(it));
    let kind = match it.content {
        RedisContent::Rdb => "an RDB file",
        RedisContent::AppendOnly => "an append-only file",
    };
    let first = ("first", "carries a restore that was interrupted there to its end".to_owned());
    let lines = [
        (
            "backup",
            format!("{}, of {}", backup.id, at_seconds(it.moment().unwrap_or(backup.began))),
        ),
        ("from", places.join(", then ")),
        ("data", format!("{} in {kind}, {} to write", count(keys, "key"), size(backup.size()))),
        ("into", target.dir.display().to_string()),
        ("the server", format!("reads {reads} there; what is in its way is kept beside it")),
    ];
    let lines = unfinished.then_some(first).into_iter().chain(lines);
    lines.map(|(key, value)| format!("{key:<12}{}\n", plain(&value))).collect()
}

/// The server that answers now, if one does: it may be the one that is restored, or any other.
fn seen(config: &Config) -> Option<ServerInfo> {
    ServerConnection::connect(&config.redis, &config.limits)
        .and_then(|mut server| server.facts())
        .ok()
}

/// What the server will read, and whether it can.
fn target(
    request: &Request<'_>,
    backup: &Description,
    there: Option<&ServerInfo>,
) -> Result<RedisTarget> {
    let mut overrides = request.overrides.clone();
    overrides.likely = overrides.likely.or(backup.appendonly);
    overrides.version.get_or_insert_with(|| match backup.product {
        Product::Redis => backup.version.clone(),
        // Whatever its number, it reads the files of Redis 7.
        Product::Valkey => "7".to_owned(),
    });
    let running = |target: &RedisTarget| {
        let persistence = there.and_then(|it| it.persistence.as_ref());
        persistence.filter(|it| target.is_of(it)).cloned()
    };
    // What runs there tells what nothing else does.
    let target = match RedisTarget::read(request.conf.as_deref(), &overrides) {
        Err(error) if error.class() == Class::Usage => {
            let anyhow = TargetOverrides { likely: Some(false), ..overrides.clone() };
            let target = RedisTarget::read(request.conf.as_deref(), &anyhow)?;
            running(&target).map(|_| target).ok_or(error)
        }
        target => target,
    };
    let mut target = target?;
    let running = running(&target);
    if let Some(running) = running.as_ref().filter(|_| request.overrides.appendonly.is_none()) {
        target.like(running);
    }
    if let Some(master) = target.replica_of.as_ref().filter(|master| *master != "no") {
        let message =
            format!("expected a server with data of its own, found a replica of {master}");
        return Err(Error::new(Class::Input, message).hint(
            "It would replace what is restored by its master's data: restore the master, or take replicaof out.",
        ));
    }
    let reader = there.filter(|_| running.is_some());
    refuse_older(request, backup, &target, reader)?;
    Ok(target)
}

/// A server reads no file of a later version than its own: it would not start.
fn refuse_older(
    request: &Request<'_>,
    backup: &Description,
    target: &RedisTarget,
    running: Option<&ServerInfo>,
) -> Result<()> {
    let Some(file) = RdbVersion::of_server(backup.product, &backup.version) else { return Ok(()) };
    let of = |version: &str| {
        let known = [Product::Redis, Product::Valkey].map(|it| RdbVersion::of_server(it, version));
        (format!("version {version}"), known.into_iter().flatten().collect::<Vec<_>>())
    };
    let readers = match (&request.overrides.version, running, target.reader()) {
        (Some(version), ..) => of(version),
        (None, Some(it), _) => {
            let reader = RdbVersion::of_server(it.product, &it.version);
            (format!("{} {}", it.product, it.version), reader.into_iter().collect())
        }
        (None, None, Some(reader)) => (format!("one that wrote {reader} there"), vec![reader]),
        (None, None, None) => return Ok(()),
    };
    if readers.1.is_empty() || readers.1.iter().any(|reader| reader.reads(file)) {
        return Ok(());
    }
    let message = format!(
        "expected a server that reads the data of {} {} ({file}), found {}",
        backup.product, backup.version, readers.0
    );
    Err(Error::new(Class::Input, message).hint(
        "It would not start with them. Restore with a server that is as new, or say which one it will be: --server-version.",
    ))
}

/// A server in another container shows only over its connection. One that does not answer uses nothing.
fn refuse_its_server(config: &Config, target: &RedisTarget) -> Result<()> {
    match seen(config).and_then(|it| it.persistence) {
        Some(persistence) if target.is_of(&persistence) => {
            let (dir, address) = (&target.dir, &config.redis.address);
            let message = format!("a server is running on {dir:?}, the one at {address}");
            Err(Error::new(Class::Input, message).hint(
                "Stop it first (--before 'systemctl stop redis'); at its end it would write its own data over them.",
            ))
        }
        _ => Ok(()),
    }
}
