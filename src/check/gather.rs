//! Gathers all that is judged, from all repositories at once: backups of every kind, WAL, and records of drills and
//! verifications. `seawall list` and the report look closer with the same code. What was gathered becomes a [`Case`].

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;

use super::finding::{CheckSubject, Service};
use super::in_motion::{archived, arriving, awaits_history, forget_deleted};
use super::records::{Records, records};
use super::server::{Asked, Server, is_named};
use super::stored::{NamedSeries, RedisAsked, ask_redis, media, redis};
use crate::backup::{Failure, begun};
use crate::basebackup::catalogue::{Survey, noted};
use crate::config::Config;
use crate::debts::Ledger;
use crate::error::Error;
use crate::history::RecordSubject;
use crate::postgres::{SystemIdentifier, WalSegment, WalSegmentSize};
use crate::repository::{ListingVisitor, Repository, identities};
use crate::threads::beside;
use crate::{media_backup, redis_backup};

/// How many of the newest backups of a kind are described: the least, the most within the window of the WAL, and the most within
/// the time that was promised.
const DESCRIBED_MIN: usize = 4;
const DESCRIBED_MAX: usize = 64;
pub(super) const PROMISED_MAX: usize = 400;

/// How closely it is looked. The check needs little of it.
pub struct GatherScope<'a, O> {
    /// Whether all backups are described, and the records of all systems are read.
    pub all: bool,
    /// How many of the newest drills of each are read.
    pub drills: usize,
    /// Who sees the WAL pass by.
    pub onlooker: &'a (dyn Fn(WalSegmentSize) -> O + Sync),
}

impl GatherScope<'_, ()> {
    /// What the check needs.
    pub fn newest() -> Self {
        Self { all: false, drills: 1, onlooker: &|_| () }
    }
}

/// All that was seen.
pub struct Gathered {
    pub survey: Survey,
    /// The one that is watched; `None` where there is none.
    pub system: Option<SystemIdentifier>,
    /// Whether the server or this host says that it is this one, or else only what lies there.
    pub told: bool,
    /// First missing segments of holes in the WAL that close by themselves, by repository.
    pub arriving: BTreeSet<(usize, WalSegment)>,
    /// Those that are watched come first.
    pub redis: Vec<NamedSeries<redis_backup::RedisDescription>>,
    pub media: Vec<NamedSeries<media_backup::SnapshotDescription>>,
    /// Of the systems, each Redis, then each media set.
    pub records: Vec<(RecordSubject, Records)>,
    /// What came of asking the Redis; `None` where nobody said where it is.
    pub(super) redis_server: Option<RedisAsked>,
    /// Why the private keys that this host is said to have can't be read.
    pub no_key: Option<Error>,
    /// What is owed to whom.
    pub(super) ledger: Ledger,
    /// Why it is not known what else lies in a repository.
    pub not_listed: Vec<Failure>,
}

/// Looks into all repositories. What an onlooker saw comes as from [`Survey::read_watched`].
pub fn gather<O: ListingVisitor>(
    config: &Config,
    repositories: &[Repository],
    server: &Asked,
    now: Timestamp,
    look: &GatherScope<'_, O>,
) -> (Gathered, Vec<Vec<Option<O>>>) {
    let described = if look.all { usize::MAX } else { DESCRIBED_MIN };
    // A store that is down costs its time limit once, and not once for each kind of backup.
    let ((survey, seen), (redis, no_redis), redis_server, ledger, (media, no_media)) =
        thread::scope(|scope| {
            let survey = beside(scope, || {
                let (mut survey, seen) = settled(config, repositories, server, now, look);
                forget_deleted(config, repositories, &mut survey, now);
                (survey, seen)
            });
            let redis = beside(scope, || redis(config, repositories, described));
            let server = beside(scope, || ask_redis(config));
            let ledger = beside(scope, || Ledger::read(repositories, &config.cluster));
            let media = media(config, repositories, described);
            let (survey, redis) = (joined(survey.join()), joined(redis.join()));
            (survey, redis, joined(server.join()), joined(ledger.join()), media)
        });
    let (system, told) = match server {
        Asked::Answered(server) => (Some(server.facts.system), true),
        Asked::Silent { .. } => watched(config, repositories, &survey),
    };
    let archived = archived(server);
    let arriving = system.map_or_else(BTreeSet::new, |system| {
        arriving(config, repositories, &survey, (system, archived), now)
    });
    let not_listed = no_redis.into_iter().chain(no_media).collect();
    let records = Vec::new();
    let no_key = identities(config).err();
    let mut gathered = Gathered {
        survey,
        system,
        told,
        arriving,
        redis,
        media,
        records,
        redis_server,
        ledger,
        no_key,
        not_listed,
    };
    gathered.records = records_of_all(config, repositories, &gathered, look, now);
    (gathered, seen)
}

fn joined<T>(thread: thread::Result<T>) -> T {
    thread.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The one that this host backs up, where it notes that; or else the one that lives, as the stores date what is there. Without
/// a base backup, the youngest that has WAL. Who may add objects adds systems as well.
fn watched(
    config: &Config,
    repositories: &[Repository],
    survey: &Survey,
) -> (Option<SystemIdentifier>, bool) {
    let Some(succession) = survey.succession() else {
        return (survey.catalogue.systems.last().copied(), false);
    };
    let noted = noted(config, repositories, &succession.candidates());
    (noted.or(Some(succession.living.system)), noted.is_some())
}

/// A server that was promoted a moment ago has not stored the history of its timeline yet, and nothing seems to lead there.
fn settled<O: ListingVisitor>(
    config: &Config,
    repositories: &[Repository],
    server: &Asked,
    now: Timestamp,
    look: &GatherScope<'_, O>,
) -> (Survey, Vec<Vec<Option<O>>>) {
    let seen = survey(config, repositories, now, look);
    if !awaits_history(server, &seen.0) {
        return seen;
    }
    thread::sleep(config.wal.gap_wait);
    survey(config, repositories, now, look)
}

/// The base backups that a recovery within the window of the WAL may begin with are described, and no
/// fewer than are wanted.
fn survey<O: ListingVisitor>(
    config: &Config,
    repositories: &[Repository],
    now: Timestamp,
    look: &GatherScope<'_, O>,
) -> (Survey, Vec<Vec<Option<O>>>) {
    let wanted = config.objectives.base_backups.count;
    let within = |ids: &[&str], time: Duration| {
        let young = |begun| now.duration_since(begun).as_secs_f64() <= time.as_secs_f64();
        ids.iter().filter(|id| begun(id).is_some_and(young)).count()
    };
    let how_many = |ids: &[&str]| match look.all {
        true => ids.len(),
        false => {
            let window = within(ids, config.retention.wal_window) + 1;
            let promised = config.objectives.reaches_back.map_or(0, |it| within(ids, it) + 1);
            let promised = promised.min(PROMISED_MAX);
            window.clamp(DESCRIBED_MIN, DESCRIBED_MAX).max(wanted).max(promised)
        }
    };
    Survey::read_watched(repositories, config, &how_many, look.onlooker)
}

fn records_of_all<O>(
    config: &Config,
    repositories: &[Repository],
    gathered: &Gathered,
    look: &GatherScope<'_, O>,
    now: Timestamp,
) -> Vec<(RecordSubject, Records)> {
    let mut systems: Vec<SystemIdentifier> = gathered.system.into_iter().collect();
    if look.all {
        let others = gathered.survey.systems.iter().map(|one| one.system);
        systems.extend(others.filter(|one| Some(*one) != gathered.system));
    }
    let systems =
        systems.into_iter().map(|system| RecordSubject::postgres(&config.cluster, system));
    let redis = gathered.redis.iter().filter(|it| it.watched || look.all);
    let redis = redis.map(|it| RecordSubject::redis(&it.name));
    let media = gathered.media.iter().filter(|it| it.watched || look.all);
    let media = media.map(|it| RecordSubject::media(&it.name));
    let subjects: Vec<RecordSubject> = systems.chain(redis).chain(media).collect();
    let down: Vec<usize> = gathered.failures().map(|(number, _)| number).collect();
    let up = repositories.iter().enumerate().filter(|(number, _)| !down.contains(number));
    records(&up.collect::<Vec<_>>(), subjects, look.drills, now)
}

impl Gathered {
    /// Why repositories could not be looked at, each once.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Error)> {
        let survey = &self.survey.catalogue.failures;
        let redis = self.redis.iter().flat_map(|it| &it.series.failures);
        let media = self.media.iter().flat_map(|it| &it.series.failures);
        let all = survey.iter().chain(redis).chain(media).chain(&self.not_listed);
        let mut seen = BTreeSet::new();
        all.filter_map(move |it| seen.insert(it.repository).then_some((it.repository, &it.error)))
    }

    /// What kept this from being all there is. What stops several readers is said once.
    pub fn errors(&self) -> Vec<Error> {
        let redis = self.redis.iter().flat_map(|it| it.series.errors());
        let media = self.media.iter().flat_map(|it| it.series.errors());
        let not_listed = self.not_listed.iter().map(|it| &it.error);
        let records = self.records.iter().flat_map(|(_, it)| &it.failures);
        let records = records.map(|(_, error)| error);
        let all = self.survey.errors().chain(redis).chain(media).chain(not_listed).chain(records);
        let mut said = BTreeSet::new();
        all.filter(|error| said.insert(error.to_string())).cloned().collect()
    }

    /// Whether there is a PostgreSQL: something of it was found, or somebody said where it is, or nothing
    /// else is configured.
    pub fn watches_postgres(&self, config: &Config, server: &Asked) -> bool {
        // One that answers by chance may be nobody's concern.
        let named = match server {
            Asked::Answered(_) => is_named(config),
            Asked::Silent { named, .. } => *named,
        };
        let others = self.redis.iter().any(|it| it.watched) || !config.media.is_empty();
        named || !self.survey.catalogue.systems.is_empty() || !others
    }

    pub fn records_of(&self, subject: &RecordSubject) -> Option<&Records> {
        self.records.iter().find(|(known, _)| known == subject).map(|(_, records)| records)
    }
}

/// What every judgement is made of: everything that is known, and one time for all.
pub(super) struct Case<'a> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub server: &'a Asked,
    pub now: Timestamp,
    pub gathered: &'a Gathered,
}

impl Case<'_> {
    pub(super) fn postgres(&self) -> CheckSubject {
        CheckSubject { service: Service::Postgresql, name: self.config.cluster.clone() }
    }

    pub(super) fn repository(&self, number: usize) -> CheckSubject {
        CheckSubject {
            service: Service::Repository,
            name: self.repositories[number].name().to_owned(),
        }
    }

    pub(super) fn name(&self, number: usize) -> &str {
        self.repositories.get(number).map_or("", Repository::name)
    }

    /// The places of the repositories that could be looked at to the end.
    pub(super) fn answering(&self) -> Vec<usize> {
        let down: Vec<usize> = self.gathered.failures().map(|(number, _)| number).collect();
        (0..self.repositories.len()).filter(|number| !down.contains(number)).collect()
    }

    pub(super) fn server(&self) -> Option<&Server> {
        match self.server {
            Asked::Answered(server) => Some(server),
            Asked::Silent { .. } => None,
        }
    }
}
