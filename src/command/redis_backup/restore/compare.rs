//! Whether the server that was started on a restored folder has its keys.

use std::time::{Duration, Instant};

use crate::backup::Backup;
use crate::cli::text::tenths;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::redis_backup::RedisDescription;
use crate::redis_backup::{RedisTarget, ServerConnection, ServerInfo, compare_keys};

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
