//! Backups that stand alone, by what they are of: what is configured, and what lies there all the same.

use std::collections::BTreeSet;

use crate::backup::series::{SelfContained, Series};
use crate::backup::{Failure, in_parallel};
use crate::config::Config;
use crate::repository::Repository;
use crate::{media_backup, redis_backup};

/// The backups of one Redis, or of one media set.
pub struct Stored<D> {
    pub name: String,
    /// Whether it is for this configuration to see that they are made. Those of another host, or of a set that
    /// was given up, are not.
    pub watched: bool,
    pub series: Series<D>,
}

/// All in all repositories, and why some of it was not seen.
pub type All<D> = (Vec<Stored<D>>, Vec<Failure>);

/// A Redis is part of every configuration: it counts where somebody set something of it, or where there are
/// backups under its name.
pub fn redis(
    config: &Config,
    repositories: &[Repository],
    described: usize,
) -> All<redis_backup::Description> {
    let ours = config.redis.name.clone();
    let meant: Vec<String> = config.redis.configured.then(|| ours.clone()).into_iter().collect();
    read(repositories, "redis/", &meant, &|name| name == ours, described)
}

pub fn media(
    config: &Config,
    repositories: &[Repository],
    described: usize,
) -> All<media_backup::Description> {
    let meant: Vec<String> = config.media.iter().map(|set| set.name.clone()).collect();
    read(repositories, "media/", &meant, &|_| false, described)
}

/// Those that are `meant`, whether there is anything of them or not, and all that are there, of which some are
/// ours. So many of the newest of each are described.
fn read<D: SelfContained>(
    repositories: &[Repository],
    root: &str,
    meant: &[String],
    ours: &dyn Fn(&str) -> bool,
    described: usize,
) -> All<D> {
    let (mut there, failures) = names(repositories, root);
    there.retain(|name| !meant.contains(name));
    let names: Vec<String> = meant.iter().cloned().chain(there).collect();
    let series = in_parallel(&names, |name| {
        Series::read_newest(repositories, &format!("{root}{name}/"), &|_| described)
    });
    let all = names.into_iter().zip(series).map(|(name, series)| {
        let watched = meant.contains(&name) || ours(&name);
        Stored { name, watched, series }
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

impl<D> Stored<D> {
    fn is_empty(&self) -> bool {
        let series = &self.series;
        let found = series.backups.len() + series.further.len() + series.unfinished.len();
        found + series.broken.len() == 0
    }
}
