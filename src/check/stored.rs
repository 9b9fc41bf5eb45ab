//! Backups that stand alone, by what they are of: what is configured, and what lies there all the same. And whether the
//! Redis that is backed up answers, where somebody said where it is.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;

use crate::backup::Failure;
use crate::backup::{Catalogue, SelfContained};
use crate::config::Config;
use crate::error::{Class, Error};
use crate::redis_backup::{ServerConnection, has_password};
use crate::repository::Repository;
use crate::threads::in_parallel;
use crate::{media_backup, redis_backup};

/// The backups of one Redis, or of one media set.
pub struct NamedSeries<D: SelfContained> {
    pub name: String,
    /// Whether it is for this configuration to see that they are made. Those of another host, or of a set that
    /// was given up, are not.
    pub watched: bool,
    pub series: Catalogue<D>,
}

/// A Redis is part of every configuration: it counts where somebody set something of it, or where there are
/// backups under its name.
pub(super) fn redis(
    config: &Config,
    repositories: &[Repository],
    described: usize,
) -> (Vec<NamedSeries<redis_backup::RedisDescription>>, Vec<Failure>) {
    let ours = config.redis.name.clone();
    let meant: Vec<String> = config.redis.configured.then(|| ours.clone()).into_iter().collect();
    read(repositories, &meant, &|name| name == ours, described)
}

pub(super) fn media(
    config: &Config,
    repositories: &[Repository],
    described: usize,
) -> (Vec<NamedSeries<media_backup::SnapshotDescription>>, Vec<Failure>) {
    let meant: Vec<String> = config.media.iter().map(|set| set.name.clone()).collect();
    read(repositories, &meant, &|_| false, described)
}

/// In all repositories those that are `meant`, whether there is anything of them or not, and all that are there, of which some are
/// ours. So many of the newest of each are described.
fn read<D: SelfContained>(
    repositories: &[Repository],
    meant: &[String],
    ours: &dyn Fn(&str) -> bool,
    described: usize,
) -> (Vec<NamedSeries<D>>, Vec<Failure>) {
    let (mut there, failures) = names(repositories, D::ROOT);
    there.retain(|name| !meant.contains(name));
    let names: Vec<String> = meant.iter().cloned().chain(there).collect();
    let series =
        in_parallel(&names, |name| Catalogue::read_newest(repositories, name, &|_| described));
    let all = names.into_iter().zip(series).map(|(name, series)| {
        let watched = meant.contains(&name) || ours(&name);
        NamedSeries { name, watched, series }
    });
    let mut all: Vec<_> = all.filter(|it| meant.contains(&it.name) || !it.is_empty()).collect();
    all.sort_by_key(|it| !it.watched);
    (all, failures)
}

fn names(repositories: &[Repository], root: &str) -> (BTreeSet<String>, Vec<Failure>) {
    let (mut names, mut failures) = (BTreeSet::new(), Vec::new());
    let numbered: Vec<&Repository> = repositories.iter().collect();
    let found = in_parallel(&numbered, |repository| repository.folders(root));
    for (repository, found) in found.into_iter().enumerate() {
        match found {
            Ok(found) => names.extend(found),
            Err(error) => failures.push(Failure { repository, error }),
        }
    }
    (names, failures)
}

impl<D: SelfContained> NamedSeries<D> {
    fn is_empty(&self) -> bool {
        let series = &self.series;
        let found = series.backups.len() + series.further.len() + series.unfinished.len();
        found + series.broken.len() == 0
    }
}

/// What came of asking it.
pub(super) enum RedisAsked {
    Answered,
    /// It answers, and lets nobody in without a password. This check has none, and whoever takes backups may have.
    Refused,
    /// Who checks may not read the password, and whoever takes backups may.
    NotAsked,
    Failed(Error),
}

/// Asks the Redis; `None` where nobody said where it is.
pub(super) fn ask_redis(config: &Config) -> Option<RedisAsked> {
    let redis = &config.redis;
    if !redis.named {
        return None;
    }
    let closed =
        |file: &_| File::open(file).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    if redis.password_file.as_ref().is_some_and(closed) {
        return Some(RedisAsked::NotAsked);
    }
    Some(match ServerConnection::connect(redis, &config.limits) {
        Ok(_) => RedisAsked::Answered,
        Err(error) if error.class() == Class::Refused && !has_password(redis) => {
            RedisAsked::Refused
        }
        Err(error) => RedisAsked::Failed(error),
    })
}
