//! The rows of `seawall list`, made of what `check` gathered and judged.
//!
//! Only backups that can be restored count, and of base backups only those whose time nobody doubts: a row says what a
//! restore could bring back.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::backup::{Backup, SelfContained};
use crate::basebackup::catalogue::{Backup as BaseBackup, Restorable, Survey, SystemWal};
use crate::check::{CheckState, CheckSubject, Gathered, NamedSeries, Service, Verdict};
use crate::config::Config;
use crate::postgres::SystemIdentifier;

/// What is backed up: a cluster, a Redis, a media set.
#[derive(Debug, Serialize)]
pub struct OverviewRow {
    #[serde(flatten)]
    pub subject: CheckSubject,
    /// Whether it is for this configuration to see that backups are made.
    pub configured: bool,
    /// Of a cluster that has base backups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The worst that `check` finds of it; `None` where it judges nothing of it.
    pub state: Option<CheckState>,
    /// How many can be restored.
    pub backups: usize,
    pub newest: Option<NewestBackup>,
    /// The earliest time that can be restored, without a gap up to the newest.
    pub reaches_back_to: Option<Timestamp>,
    /// The latest; of a cluster the WAL says it, else it is that of the newest backup.
    pub reaches_up_to: Option<Timestamp>,
    /// Whether there are earlier times behind a gap.
    pub gaps: bool,
    /// Bytes that lie in the repository that has most.
    pub stored: u64,
    /// When the newest will be too old.
    pub next_due: Option<Timestamp>,
}

/// The newest backup that can be restored.
#[derive(Debug, Serialize)]
pub struct NewestBackup {
    pub id: String,
    pub ended: Timestamp,
    /// Bytes before compression.
    pub size: u64,
}

/// PostgreSQL first, then each Redis, then each media set.
pub fn rows(
    config: &Config,
    gathered: &Gathered,
    verdict: &Verdict,
    postgres: bool,
) -> Vec<OverviewRow> {
    let objectives = &config.objectives;
    let subject = |service, name: &str| CheckSubject { service, name: name.to_owned() };
    let cluster = subject(Service::Postgresql, &config.cluster);
    let cluster =
        postgres.then(|| of_cluster(cluster, gathered, objectives.base_backups.age)).into_iter();
    let redis = gathered.redis.iter().map(|it| {
        let subject = subject(Service::Redis, &it.name);
        of_series(subject, it, objectives.redis.age, Backup::size)
    });
    let media = gathered.media.iter().map(|it| {
        let subject = subject(Service::Media, &it.name);
        of_series(subject, it, objectives.media.age, |backup| backup.facts.totals.size)
    });
    let mut rows: Vec<OverviewRow> = cluster.chain(redis).chain(media).collect();
    for row in &mut rows {
        let found = verdict.findings.iter().filter(|it| it.subject == row.subject);
        row.state = found.map(|finding| finding.state).max();
    }
    rows
}

fn nothing(subject: CheckSubject) -> OverviewRow {
    OverviewRow {
        subject,
        configured: true,
        system: None,
        state: None,
        backups: 0,
        newest: None,
        reaches_back_to: None,
        reaches_up_to: None,
        gaps: false,
        stored: 0,
        next_due: None,
    }
}

fn due(ended: Timestamp, age: Duration) -> Option<Timestamp> {
    ended.checked_add(SignedDuration::try_from(age).ok()?).ok()
}

fn of_cluster(subject: CheckSubject, gathered: &Gathered, age: Duration) -> OverviewRow {
    let Some(system) = gathered.system else { return nothing(subject) };
    let survey = &gathered.survey;
    let good: Vec<&BaseBackup> = good(survey, system).collect();
    let newest = good.iter().max_by_key(|it| it.facts.stop.time);
    let oldest = good.iter().map(|it| it.facts.stop.time).min();
    let wal = survey.system(system);
    let window = wal.and_then(|wal| window(survey, wal));
    let ended = newest.map(|it| it.facts.stop.time);
    OverviewRow {
        system: wal.map(|wal| wal.system.to_string()),
        backups: good.len(),
        newest: newest.map(|it| NewestBackup {
            id: it.id.clone(),
            ended: it.facts.stop.time,
            size: it.facts.size,
        }),
        reaches_back_to: window.as_ref().map(|it| it.from).or(oldest),
        reaches_up_to: window.as_ref().map(|it| it.to).or(ended),
        gaps: window.is_some_and(|it| it.interrupted),
        stored: stored(survey, system, wal),
        next_due: ended.and_then(|ended| due(ended, age)),
        ..nothing(subject)
    }
}

/// Those that can be restored, and of whose times nobody has a doubt.
fn good(survey: &Survey, system: SystemIdentifier) -> impl Iterator<Item = &BaseBackup> {
    let ours = survey.catalogue.backups.iter().filter(move |it| it.system == system);
    ours.filter(|it| it.ahead().is_none() && survey.restorable(it) == Restorable::Yes)
}

/// Every moment in it can be restored.
struct RecoveryWindow {
    from: Timestamp,
    to: Timestamp,
    /// Whether there are others before it.
    interrupted: bool,
}

/// The last one of the newest timeline.
fn window(survey: &Survey, wal: &SystemWal) -> Option<RecoveryWindow> {
    let (backups, timelines) = survey.windows(wal);
    let newest = timelines.into_iter().find(|it| Some(it.timeline) == wal.timelines.newest())?;
    let mut stretches = newest.stretches.iter().filter_map(|it| Some((it.window?, it.wal.end)));
    let (window, end) = stretches.next_back()?;
    let ended = |at: usize| backups.get(at).map(|it| it.facts.stop.time);
    let from = ended(window.first)?;
    let last = wal.stored(end).max(ended(window.last));
    Some(RecoveryWindow { from, to: last.unwrap_or(from), interrupted: stretches.next().is_some() })
}

fn stored(survey: &Survey, system: SystemIdentifier, wal: Option<&SystemWal>) -> u64 {
    let repositories = wal.map_or(0, |wal| wal.inventories.len());
    let in_one = |number: usize| {
        let base = survey.catalogue.volumes.iter();
        let base = base.filter(|(at, it, _)| *at == number && *it == system);
        let wal = wal.and_then(|wal| wal.inventories.get(number)?.as_ref());
        let wal = wal.map_or(0, |inventory| inventory.volume.total());
        base.map(|(.., volume)| volume.total()).sum::<u64>() + wal
    };
    (0..repositories).map(in_one).max().unwrap_or_default()
}

fn of_series<D: SelfContained>(
    subject: CheckSubject,
    found: &NamedSeries<D>,
    age: Duration,
    size: impl Fn(&Backup<D>) -> u64,
) -> OverviewRow {
    let series = &found.series;
    let good: Vec<_> = series.backups.iter().filter(|it| it.is_whole()).collect();
    let newest = good.iter().max_by_key(|it| it.ended);
    let ended = newest.map(|it| it.ended);
    OverviewRow {
        configured: found.watched,
        backups: good.len(),
        newest: newest.map(|it| NewestBackup {
            id: it.id.clone(),
            ended: it.ended,
            size: size(it),
        }),
        reaches_back_to: good.iter().map(|it| it.ended).min(),
        reaches_up_to: ended,
        stored: series.volumes.iter().map(|(.., it)| it.total()).max().unwrap_or_default(),
        next_due: ended.filter(|_| found.watched).and_then(|ended| due(ended, age)),
        ..nothing(subject)
    }
}
