//! The server whose data come back: what it will read at its start, and why it may not be touched; and once it runs,
//! whether it has the keys of the backup.

use std::time::{Duration, Instant};

use super::RedisRestoreOptions;
use crate::backup::Backup;
use crate::cli::text::tenths;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::redis_backup::{
    Product, RdbVersion, RedisDescription, RedisTarget, ServerConnection, ServerInfo,
    TargetOverrides, compare_keys,
};

/// The server that answers now, if one does: it may be the one that is restored, or any other.
pub fn answering(config: &Config) -> Option<ServerInfo> {
    ServerConnection::connect(&config.redis, &config.limits)
        .and_then(|mut server| server.facts())
        .ok()
}

/// What the server will read, and whether it can.
pub fn target(
    options: &RedisRestoreOptions<'_>,
    backup: &RedisDescription,
    there: Option<&ServerInfo>,
) -> Result<RedisTarget> {
    let mut overrides = options.overrides.clone();
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
    let target = match RedisTarget::read(options.conf.as_deref(), &overrides) {
        Err(error) if error.class() == Class::Usage => {
            let anyhow = TargetOverrides { likely: Some(false), ..overrides.clone() };
            let target = RedisTarget::read(options.conf.as_deref(), &anyhow)?;
            running(&target).map(|_| target).ok_or(error)
        }
        target => target,
    };
    let mut target = target?;
    let running = running(&target);
    if let Some(running) = running.as_ref().filter(|_| options.overrides.appendonly.is_none()) {
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
    refuse_older(options, backup, &target, reader)?;
    Ok(target)
}

/// A server reads no file of a later version than its own: it would not start.
fn refuse_older(
    options: &RedisRestoreOptions<'_>,
    backup: &RedisDescription,
    target: &RedisTarget,
    running: Option<&ServerInfo>,
) -> Result<()> {
    let Some(file) = RdbVersion::of_server(backup.product, &backup.version) else { return Ok(()) };
    let of = |version: &str| {
        let known = [Product::Redis, Product::Valkey].map(|it| RdbVersion::of_server(it, version));
        (format!("version {version}"), known.into_iter().flatten().collect::<Vec<_>>())
    };
    let readers = match (&options.overrides.version, running, target.reader()) {
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
pub fn refuse_running(config: &Config, target: &RedisTarget) -> Result<()> {
    match answering(config).and_then(|it| it.persistence) {
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

/// Longest wait for a server that was started to load its data.
pub const LOADING: Duration = Duration::from_secs(3600);
/// And for one that shows no sign of life.
pub const STARTING: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
const TELL_EVERY: Duration = Duration::from_secs(30);

pub struct Comparing<'a> {
    pub config: &'a Config,
    pub backup: &'a Backup<RedisDescription>,
    pub target: &'a RedisTarget,
    /// Which run of a server answered before the restore.
    pub before: Option<&'a str>,
    /// How long to wait for a sign of life.
    pub patience: Duration,
}

impl Comparing<'_> {
    /// Waits for the server to have loaded its data, and counts its keys.
    pub fn run(&self, begun: Instant) -> Result<()> {
        let facts = self.loaded()?;
        self.is_it(&facts)?;
        let (recorded, now) = (&self.backup.facts.keys, &facts.keys);
        for line in compare_keys(recorded, now) {
            tracing::warn!("{line}");
        }
        if !self.backup.facts.has_its_keys(now) {
            let message = "the server does not have the keys of the backup".to_owned();
            return Err(Error::new(Class::Damaged, message).hint(
                "The lines above say where. Did it load these files? Its log says what it loaded; did anybody write \
                 meanwhile?",
            ));
        }
        let keys: u64 = now.iter().map(|it| it.keys).sum();
        tracing::info!(
            keys,
            rto_seconds = tenths(begun.elapsed()),
            "the server has its keys again"
        );
        Ok(())
    }

    fn loaded(&self) -> Result<ServerInfo> {
        let config = self.config;
        let (begun, mut alive, mut told) = (Instant::now(), Instant::now(), Instant::now());
        loop {
            let facts = ServerConnection::connect(&config.redis, &config.limits)
                .and_then(|mut it| it.facts());
            let error = match facts {
                Ok(facts) => return Ok(facts),
                Err(error) if error.class() != Class::Unreachable => return Err(error),
                Err(error) => error,
            };
            // Loading, or starting: a process is there, or answers that it is busy.
            if error.to_string().contains("LOADING") || self.target.refuse_used().is_err() {
                alive = Instant::now();
            }
            if alive.elapsed() >= self.patience {
                return Err(self.dead(&error));
            }
            if begun.elapsed() >= LOADING {
                return Err(error);
            }
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                tracing::info!(
                    seconds = begun.elapsed().as_secs(),
                    "waiting for the server: {error}"
                );
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    fn dead(&self, error: &Error) -> Error {
        let (address, dir) = (&self.config.redis.address, &self.target.dir);
        let patience = humantime::format_duration(self.patience);
        let message = format!("no server at {address} loaded {dir:?} within {patience}: {error}");
        Error::new(Class::Unreachable, message).hint(
            "Its log says why: a server older than the one that was backed up can't load its data, and redis.url has to \
             name the one that is started. The earlier files are kept in that folder.",
        )
    }

    /// Another server would be counted in place of the restored one.
    fn is_it(&self, facts: &ServerInfo) -> Result<()> {
        let other = facts.persistence.as_ref().filter(|it| !self.target.is_of(it));
        // A container has other names for its folders: then a process in it is seen.
        let elsewhere = other.filter(|it| it.dir.is_dir() && self.target.refuse_used().is_ok());
        let same_run = self.before == Some(facts.run_id.as_str());
        let found = match elsewhere {
            _ if same_run => "the one that has been running since before the restore".to_owned(),
            Some(other) => format!("one that works in {:?}", other.dir),
            None => return Ok(()),
        };
        let (address, dir) = (&self.config.redis.address, &self.target.dir);
        let message = format!("expected the server of {dir:?} at {address}, found {found}");
        Err(Error::new(Class::Input, message)
            .hint("Set redis.url to the server that was restored, and compare again: its keys were not counted."))
    }
}
