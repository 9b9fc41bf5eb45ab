//! What a page tells, gathered from the repositories alone: the backups and windows that `basebackup list`
//! shows, when WAL came, what was rehearsed. Takes as much room as there are backups, holes and hours.

mod arrivals;
mod clock;
mod exposure;
mod headline;
mod rehearsals;
mod series;
mod system;
mod windows;

use std::collections::BTreeSet;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use jiff::Timestamp;

pub use arrivals::DAYS;
pub use exposure::Exposure;
pub use series::Series;
pub use system::{BaseBackup, Restore, System};
pub use windows::{Gap, Line, Stretch};

use crate::backup::in_parallel;
use crate::base_backup::catalogue::Survey;
use crate::check::{self, Asked, Verdict};
use crate::config::{Config, Objectives};
use crate::error::Error;
use crate::redis_backup;
use crate::repository::Repository;

/// All that the page tells.
#[derive(Debug)]
pub struct Facts {
    /// When they were gathered.
    pub now: Timestamp,
    pub cluster: String,
    pub places: Vec<Place>,
    /// Those that have a base backup, oldest first.
    pub systems: Vec<System>,
    /// Systems of which there is WAL alone.
    pub without_backup: Vec<String>,
    /// Redis first, then each media set.
    pub series: Vec<Series>,
    pub objectives: Objectives,
    /// How it stands with all that.
    pub verdict: Verdict,
    /// What kept this from being all there is.
    pub errors: Vec<Error>,
}

/// A repository, and what lies there in bytes, as far as it was seen.
#[derive(Debug)]
pub struct Place {
    pub name: String,
    pub place: String,
    pub encrypts: bool,
    /// Why it could not be looked at, or not to the end.
    pub trouble: Option<String>,
    pub base_backups: u64,
    pub wal: u64,
    /// Of each of [`Facts::series`].
    pub series: Vec<u64>,
}

impl Facts {
    /// Looks into all repositories. What fails is said among the facts.
    pub fn gather(
        config: &Config,
        repositories: &[Repository],
        server: &Asked,
        now: Timestamp,
    ) -> Self {
        // Who waits for a repository that does not answer waits once.
        let (survey, mut series, verdict) = thread::scope(|scope| {
            let series = scope.spawn(|| all_series(config, repositories));
            let verdict = scope.spawn(|| check::run(config, repositories, server, now));
            let survey = Survey::read(repositories, config);
            (survey, joined(series), joined(verdict))
        });
        let mut errors: Vec<Error> = survey.errors().cloned().collect();
        let failed = |at: usize| survey.catalogue.failures.iter().any(|it| it.repository == at);
        let open: Vec<Option<&Repository>> = (repositories.iter().enumerate())
            .map(|(at, repository)| (!failed(at)).then_some(repository))
            .collect();
        let view = system::View { config, survey: &survey, open: &open, repositories, now };
        let systems = survey.systems.iter().map(|wal| System::read(&view, wal, &mut errors));
        let systems: Vec<System> = systems.collect();
        for one in &mut series {
            one.rehearse(&open, &mut errors);
        }
        errors.extend(series.iter_mut().flat_map(|one| std::mem::take(&mut one.errors)));
        // What stops several readers is said once.
        let mut said = BTreeSet::new();
        errors.retain(|error| said.insert(error.to_string()));
        let with_backup = |id: &String| systems.iter().any(|system| system.identifier == *id);
        let without_backup = survey.catalogue.systems.iter().map(ToString::to_string);
        Self {
            now,
            cluster: config.cluster.clone(),
            places: places(&survey, repositories, &systems, &series),
            without_backup: without_backup.filter(|id| !with_backup(id)).collect(),
            systems,
            series,
            objectives: config.objectives.clone(),
            verdict,
            errors,
        }
    }

    /// The system that backups are taken of now.
    pub fn system(&self) -> Option<&System> {
        self.systems.last()
    }

    /// How much time would be lost if the server were lost now, with the repository that has most.
    pub fn rpo_now(&self) -> Option<Duration> {
        let numbers = self.verdict.findings.iter().flat_map(|finding| &finding.numbers);
        let found = numbers.filter(|number| number.metric == "seawall_rpo_seconds");
        let least = found.map(|number| number.value).min_by(f64::total_cmp)?;
        Duration::try_from_secs_f64(least).ok()
    }
}

/// A panic is the bug that it is, there or here.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn all_series(config: &Config, repositories: &[Repository]) -> Vec<Series> {
    let mut wanted = vec![(None, redis_backup::all_backups(config))];
    wanted.extend(config.media.iter().map(|set| (Some(set), format!("media/{}/", set.name))));
    in_parallel(&wanted, |(set, all)| match set {
        None => Series::redis(config, repositories, all),
        Some(set) => Series::media(set, repositories, all),
    })
}

fn places(
    survey: &Survey,
    repositories: &[Repository],
    systems: &[System],
    series: &[Series],
) -> Vec<Place> {
    let place = |(at, repository): (usize, &Repository)| {
        let failure = survey.catalogue.failures.iter().find(|it| it.repository == at);
        let copies = survey.catalogue.backups.iter().flat_map(|backup| &backup.copies);
        let copies = copies.filter(|copy| copy.repository == at);
        Place {
            name: repository.name().to_owned(),
            place: repository.place(),
            encrypts: repository.encrypts(),
            trouble: failure.map(|it| it.error.to_string()),
            base_backups: copies.map(|copy| copy.stored_size).sum(),
            wal: systems.iter().filter_map(|system| system.wal_stored.get(at)).sum(),
            series: series.iter().map(|one| one.stored.get(at).copied().unwrap_or(0)).collect(),
        }
    };
    repositories.iter().enumerate().map(place).collect()
}
