//! What a page tells, gathered from the repositories, and from the server where it answers: the backups and windows
//! that `basebackup list` shows, when WAL came, what was rehearsed. Takes as much room as there are backups, holes and
//! hours.
//!
//! `arrivals` sees each listing of WAL and fills `exposure`. `system`, with `timelines`, makes one PostgreSQL system of
//! that; `standalone` is Redis and media. `summary` has the sentences and tiles that sum up all of them.

mod arrivals;
mod exposure;
mod standalone;
mod summary;
mod system;
mod timelines;

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

pub(super) use exposure::{Exposure, LimitKept, Wait};
pub(super) use standalone::SeriesFacts;
pub(super) use summary::Tile;
pub(super) use system::{BaseBackup, CanRestore, Going, SystemFacts};
pub(super) use timelines::{TimelineFacts, WalGap, WalStretch};

use self::arrivals::Arrivals;
use self::system::going;
use super::zone::{Days, PageZone, RATE};
use crate::basebackup::catalogue::SystemWal;
use crate::check::{self, Asked, CheckState, GatherScope, Gathered, Verdict};
use crate::config::{Config, Objectives};
use crate::error::Error;
use crate::history::RecordSubject;
use crate::repository::Repository;

/// Of how many drills the page tells: two years of monthly ones.
const DRILLS: usize = 24;

/// All that the page tells.
#[derive(Debug)]
pub struct ClusterFacts {
    /// When they were gathered.
    pub(crate) now: Timestamp,
    /// Which it is of several on one page.
    pub number: usize,
    /// In which times are told.
    pub(crate) zone: PageZone,
    pub(crate) days: Days,
    /// The configuration that it goes by, if it is a file.
    pub(crate) file: Option<PathBuf>,
    /// Whether that names a file with private keys.
    pub(crate) has_identity: bool,
    pub(crate) cluster: String,
    pub(crate) places: Vec<RepositoryFacts>,
    /// Those that have a base backup, oldest first; that which is backed up now comes last.
    pub(crate) systems: Vec<SystemFacts>,
    /// Systems of which there is WAL alone.
    pub(crate) without_backup: Vec<String>,
    /// Each Redis first, then each media set.
    pub(crate) series: Vec<SeriesFacts>,
    pub(crate) objectives: Objectives,
    /// How it stands with all that.
    pub(crate) verdict: Verdict,
    /// What kept this from being all there is.
    pub(crate) errors: Vec<Error>,
}

/// A repository, and what lies there in bytes, as far as it was seen.
#[derive(Debug)]
pub(crate) struct RepositoryFacts {
    pub name: String,
    pub place: String,
    pub encrypts: bool,
    /// Why it could not be looked at, or not to the end.
    pub trouble: Option<String>,
    pub base_backups: u64,
    pub wal: u64,
    /// What came of these on the days of [`RATE`].
    pub came: u64,
}

impl ClusterFacts {
    /// Looks into all repositories. What fails is said among the facts.
    pub fn gather(
        config: &Config,
        repositories: &[Repository],
        server: &Asked,
        now: Timestamp,
        zone: PageZone,
    ) -> Self {
        let days = Days::until(now, &zone);
        let onlooker = |size| Arrivals::new(size, now, days);
        let look = GatherScope { all: true, drills: DRILLS, onlooker: &onlooker };
        let (gathered, arrivals) = check::gather(config, repositories, server, now, &look);
        let survey = &gathered.survey;
        let verdict = check::judge(config, repositories, server, now, &gathered);
        let systems =
            systems(config, repositories, &gathered, now, (arrivals, is_behind(&verdict)));
        let series = SeriesFacts::all(&gathered, repositories, &days.all(RATE));
        let with_backup = |id: &String| systems.iter().any(|system| system.identifier == *id);
        let without_backup = survey.catalogue.systems.iter().map(ToString::to_string);
        Self {
            now,
            number: 0,
            zone,
            days,
            file: config.file.clone(),
            has_identity: config.encryption.identity_file.is_some(),
            cluster: config.cluster.clone(),
            places: places(&gathered, repositories, &systems, &days.all(RATE)),
            without_backup: without_backup.filter(|id| !with_backup(id)).collect(),
            systems,
            series,
            objectives: config.objectives.clone(),
            verdict,
            errors: gathered.errors(),
        }
    }

    /// The system that backups are taken of now.
    pub(crate) fn system(&self) -> Option<&SystemFacts> {
        self.systems.last()
    }

    /// Since when there is anything.
    pub(crate) fn begun(&self) -> Option<Timestamp> {
        let backups = self.systems.iter().flat_map(|system| &system.backups);
        let alone = self.series.iter().flat_map(|series| &series.backups);
        let stretches = self.systems.iter().flat_map(|it| &it.lines).flat_map(|it| &it.stretches);
        let wal = stretches.filter_map(|it| it.from);
        backups.map(|it| it.began).chain(alone.map(|it| it.began)).chain(wal).min()
    }

    /// How much time would be lost if the server were lost now, with the repository that has most.
    pub(super) fn rpo_now(&self) -> Option<Duration> {
        let numbers = self.verdict.findings.iter().flat_map(|finding| &finding.numbers);
        let found = numbers.filter(|number| number.metric == "seawall_rpo_seconds");
        let least = found.map(|number| number.value).min_by(f64::total_cmp)?;
        Duration::try_from_secs_f64(least).ok()
    }
}

/// Whether no repository has the WAL that it should have by now.
fn is_behind(verdict: &Verdict) -> bool {
    let mut found = verdict.findings.iter().filter(|it| it.check == "RPO now").peekable();
    found.peek().is_some() && found.all(|finding| finding.state == CheckState::Critical)
}

fn systems(
    config: &Config,
    repositories: &[Repository],
    gathered: &Gathered,
    now: Timestamp,
    (arrivals, behind): (Vec<Vec<Option<Arrivals>>>, bool),
) -> Vec<SystemFacts> {
    let survey = &gathered.survey;
    let of_one = |(wal, mut arrivals): (&SystemWal, Vec<Option<Arrivals>>)| {
        arrivals.iter_mut().flatten().for_each(|it| it.finish(behind));
        let subject = RecordSubject::postgres(&config.cluster, wal.system);
        let records = gathered.records_of(&subject);
        let drills = records.map_or(&[][..], |records| &records.drills);
        let holes = survey.holes(wal, config.retention.wal_window, Timestamp::now());
        let system = SystemFacts::of((survey, wal, &holes), &arrivals, drills, repositories);
        SystemFacts { going: going((survey, wal), repositories, config, now), ..system }
    };
    let mut systems: Vec<SystemFacts> = survey.systems.iter().zip(arrivals).map(of_one).collect();
    let watched = gathered.system.map(|system| system.to_string());
    systems.sort_by_key(|system| Some(&system.identifier) == watched.as_ref());
    systems
}

fn places(
    gathered: &Gathered,
    repositories: &[Repository],
    systems: &[SystemFacts],
    when: &Range<Timestamp>,
) -> Vec<RepositoryFacts> {
    let catalogue = &gathered.survey.catalogue;
    let place = |(at, repository): (usize, &Repository)| {
        let failure = gathered.failures().find(|(failed, _)| *failed == at);
        let copies = catalogue.backups.iter().flat_map(|backup| {
            backup.copies.iter().map(|copy| (when.contains(&backup.facts.stop.time), copy))
        });
        let copies = copies.filter(|(_, copy)| copy.repository == at);
        let young = copies.clone().filter(|(young, _)| *young);
        let wal = systems.iter().filter_map(|system| system.wal_came.get(at)).sum::<u64>();
        RepositoryFacts {
            name: repository.name().to_owned(),
            place: repository.place(),
            encrypts: repository.encrypts(),
            trouble: failure.map(|(_, error)| error.to_string()),
            base_backups: copies.map(|(_, copy)| copy.stored_size).sum(),
            wal: systems.iter().filter_map(|system| system.wal_stored.get(at)).sum(),
            came: wal + young.map(|(_, copy)| copy.stored_size).sum::<u64>(),
        }
    };
    repositories.iter().enumerate().map(place).collect()
}
