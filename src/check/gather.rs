use std::collections::BTreeSet;

use jiff::Timestamp;

use super::arriving::arriving;
use super::server::{Asked, is_named};
use crate::backup::series::{Alone, Series};
use crate::backup::{begun, in_parallel};
use crate::base_backup::catalogue::Survey;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::history::{self, Kind, Record, Subject};
use crate::media;
use crate::postgres::{SystemIdentifier, WalSegment};
use crate::redis_backup;
use crate::repository::Repository;

/// At least so many of the newest backups of a kind are described, and at most.
const DESCRIBED_MIN: usize = 4;
const DESCRIBED_MAX: usize = 64;

/// All that was seen.
pub struct Gathered {
    pub survey: Survey,
    /// The one that is watched; `None` where there is none.
    pub system: Option<SystemIdentifier>,
    /// First missing segments of holes in the WAL that closed while this was gathered, by repository.
    pub arriving: BTreeSet<(usize, WalSegment)>,
    pub redis: Series<redis_backup::Description>,
    /// By set.
    pub media: Vec<(String, Series<media::Description>)>,
    /// Of the system, the Redis, then each set.
    pub records: Vec<(Subject, Records)>,
}

/// The newest ones in all repositories.
#[derive(Default)]
pub struct Records {
    pub drill: Option<Record>,
    pub verification: Option<Record>,
    /// With the place of the repository.
    pub failures: Vec<(usize, Error)>,
}

pub fn gather(
    config: &Config,
    repositories: &[Repository],
    server: &Asked,
    now: Timestamp,
) -> Gathered {
    // A store that is down costs its time limit once, and not once for each kind of backup.
    let (survey, redis, media) = std::thread::scope(|scope| {
        let survey = scope.spawn(|| survey(config, repositories, now));
        let redis = scope.spawn(|| series(repositories, &redis_backup::all_backups(config), 0));
        let of_set = |name: &String| series(repositories, &format!("media/{name}/"), 0);
        let names: Vec<String> = config.media.iter().map(|set| set.name.clone()).collect();
        let media = in_parallel(&names, of_set);
        let media = names.into_iter().zip(media).collect();
        (joined(survey.join()), joined(redis.join()), media)
    });
    let system = match server {
        Asked::Answered(server) => Some(server.system),
        Asked::Silent { .. } => watched(&survey),
    };
    let arriving = system
        .map_or_else(BTreeSet::new, |system| arriving(config, repositories, &survey, system, now));
    let mut gathered = Gathered { survey, system, arriving, redis, media, records: Vec::new() };
    gathered.records = records(config, repositories, &gathered);
    gathered
}

fn joined<T>(thread: std::thread::Result<T>) -> T {
    thread.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// That of the newest base backup; without one, the youngest that has WAL.
fn watched(survey: &Survey) -> Option<SystemIdentifier> {
    let backups = survey.catalogue.backups.iter();
    let newest = backups.max_by_key(|backup| backup.facts.stop.time);
    newest.map(|backup| backup.system).or(survey.catalogue.systems.last().copied())
}

/// The base backups that a recovery within the window of the WAL may begin with are described, and no
/// fewer than are wanted.
fn survey(config: &Config, repositories: &[Repository], now: Timestamp) -> Survey {
    let wanted = config.objectives.base_backups.count;
    let window = config.retention.wal_window.as_secs_f64();
    let within = |id: &&&str| {
        begun(id).is_some_and(|begun| now.duration_since(begun).as_secs_f64() <= window)
    };
    Survey::read_newest(repositories, config, &|ids| {
        let within = ids.iter().filter(within).count();
        (within + 1).clamp(DESCRIBED_MIN, DESCRIBED_MAX).max(wanted)
    })
}

fn series<D: Alone>(repositories: &[Repository], all: &str, wanted: usize) -> Series<D> {
    Series::read_newest(repositories, all, &|_| wanted.max(DESCRIBED_MIN))
}

fn records(
    config: &Config,
    repositories: &[Repository],
    gathered: &Gathered,
) -> Vec<(Subject, Records)> {
    let system = gathered.system.map(|system| Subject::postgres(&config.cluster, system));
    let redis = Some(Subject::redis(&config.redis.name)).filter(|_| gathered.watches_redis(config));
    let media = gathered.media.iter().map(|(name, _)| Subject::media(name));
    let subjects: Vec<Subject> = system.into_iter().chain(redis).chain(media).collect();
    let down: Vec<usize> = gathered.failures().map(|(number, _)| number).collect();
    let up = repositories.iter().enumerate().filter(|(number, _)| !down.contains(number));
    let up: Vec<_> = up.collect();
    in_parallel(&subjects, |subject| (subject.clone(), of_subject(subject, &up)))
}

fn of_subject(subject: &Subject, repositories: &[(usize, &Repository)]) -> Records {
    let mut records = Records::default();
    for (number, repository) in repositories {
        let newest = |kind| -> Result<Option<Record>> {
            Ok(history::newest(repository, subject, kind, 1)?.into_iter().next())
        };
        for (kind, known) in
            [(Kind::Drill, &mut records.drill), (Kind::Verification, &mut records.verification)]
        {
            match newest(kind) {
                Ok(Some(found)) if known.as_ref().is_none_or(|it| it.ended < found.ended) => {
                    *known = Some(found);
                }
                Ok(_) => {}
                Err(error) => records.failures.push((*number, error)),
            }
        }
    }
    records
}

impl Gathered {
    /// Why repositories could not be looked at, each once.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Error)> {
        let survey = &self.survey.catalogue.failures;
        let media = self.media.iter().flat_map(|(_, series)| &series.failures);
        let all = survey.iter().chain(&self.redis.failures).chain(media);
        let mut seen = BTreeSet::new();
        all.filter_map(move |it| seen.insert(it.repository).then_some((it.repository, &it.error)))
    }

    /// Whether a Redis is backed up, or somebody means to.
    pub fn watches_redis(&self, config: &Config) -> bool {
        let redis = &self.redis;
        let found = redis.backups.len() + redis.further.len() + redis.unfinished.len();
        config.redis.configured || found + redis.broken.len() > 0
    }

    /// Whether there is a PostgreSQL: something of it was found, or somebody said where it is, or nothing
    /// else is configured.
    pub fn watches_postgres(&self, config: &Config, server: &Asked) -> bool {
        // One that answers by chance may be nobody's concern.
        let named = match server {
            Asked::Answered(_) => is_named(config),
            Asked::Silent { named, .. } => *named,
        };
        let others = self.watches_redis(config) || !config.media.is_empty();
        named || !self.survey.catalogue.systems.is_empty() || !others
    }

    pub fn records_of(&self, subject: &Subject) -> Option<&Records> {
        self.records.iter().find(|(known, _)| known == subject).map(|(_, records)| records)
    }
}
