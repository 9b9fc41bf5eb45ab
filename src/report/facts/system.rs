//! One PostgreSQL system, as the page tells it: its base backups, timelines, WAL and drills, put together from the
//! survey of the catalogue and from what `arrivals` saw. The catalogue decides which base backup can be restored, and the
//! planner of `basebackup prune` which ones go next.

use jiff::Timestamp;

use super::arrivals::Arrivals;
use super::exposure::Exposure;
use super::timelines::{TimelineFacts, lines};
use crate::basebackup::catalogue::{Backup, Restorable, Survey, SystemWal};
use crate::basebackup::holes::Holes;
use crate::basebackup::pruning::gather;
use crate::basebackup::retention::plan;
use crate::config::Config;
use crate::history::Record;
use crate::postgres::ServerVersion;
use crate::report::zone::{DAYS, RATE};
use crate::repository::Repository;
use crate::retention::ago;

/// One PostgreSQL server's life, from `initdb` to the next `pg_upgrade`.
#[derive(Debug)]
pub(crate) struct SystemFacts {
    pub identifier: String,
    /// Like `18.6`, as the newest base backup says.
    pub postgres: String,
    /// The oldest first.
    pub backups: Vec<BaseBackup>,
    /// How many objects hold second contents of segments, wherever.
    pub second_contents: u64,
    /// Timelines, the oldest first.
    pub lines: Vec<TimelineFacts>,
    /// The one that recovery follows when nothing else is said.
    pub newest_timeline: Option<u32>,
    pub exposure: Option<Exposure>,
    /// Bytes of WAL of each day, today last: the most that any repository took.
    pub wal_per_day: [u64; DAYS],
    /// Bytes of WAL in each repository.
    pub wal_stored: Vec<u64>,
    /// The same of what came on the days of [`RATE`].
    pub wal_came: Vec<u64>,
    /// When the newest WAL came.
    pub newest_wal: Option<Timestamp>,
    /// The newest drills, the oldest first.
    pub drills: Vec<Record>,
    /// What retention deletes next; `None` where that is not known.
    pub going: Option<Vec<Going>>,
}

#[derive(Debug)]
pub(crate) struct BaseBackup {
    pub id: String,
    pub label: String,
    pub began: Timestamp,
    pub ended: Timestamp,
    /// Bytes before compression.
    pub size: u64,
    /// Bytes, as it lies in the first repository that has it.
    pub stored: u64,
    pub timeline: u32,
    pub restore: CanRestore,
    pub pinned: bool,
    /// Names of the repositories.
    pub places: Vec<String>,
    /// Whether the server found pages with a wrong checksum.
    pub checksum_failures: bool,
}

/// Whether a base backup can be restored, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CanRestore {
    Yes,
    No(String),
    Unknown(String),
}

impl SystemFacts {
    /// `arrivals` are those of each repository.
    pub(crate) fn of(
        (survey, wal, holes): (&Survey, &SystemWal, &Holes),
        arrivals: &[Option<Arrivals>],
        drills: &[Record],
        repositories: &[Repository],
    ) -> Self {
        let (usable, timelines) = survey.windows(wal);
        let all = survey.catalogue.backups.iter();
        let backups: Vec<&Backup> = all.filter(|it| it.system == wal.system).collect();
        let seen = || arrivals.iter().flatten();
        let mut wal_per_day = [0; DAYS];
        for (day, most) in wal_per_day.iter_mut().enumerate() {
            *most = seen().map(|one| one.per_day[day]).max().unwrap_or(0);
        }
        let version = backups.last().map_or(ServerVersion(0), |it| it.facts.postgres_version);
        let came =
            |it: &Option<Arrivals>| it.as_ref().map_or(0, |it| it.per_day[RATE].iter().sum());
        let exposures = seen().map(|one| one.exposure.clone());
        Self {
            identifier: wal.system.to_string(),
            postgres: version.to_string(),
            backups: backups.iter().map(|it| base_backup(survey, it, repositories)).collect(),
            lines: lines(&timelines, &usable, arrivals, holes, &|first, last| {
                wal.dropped_of(first, last).map(ToString::to_string)
            }),
            second_contents: wal.second_contents(),
            newest_timeline: wal.timelines.newest().map(|timeline| timeline.number()),
            exposure: exposures.reduce(|one, other| one.better(&other)),
            wal_per_day,
            wal_came: arrivals.iter().map(came).collect(),
            wal_stored: arrivals.iter().map(|it| it.as_ref().map_or(0, |it| it.stored)).collect(),
            newest_wal: seen().filter_map(|one| one.newest).max(),
            drills: drills.to_vec(),
            going: None,
        }
    }

    /// How many base backups can be restored.
    pub(crate) fn restorable(&self) -> usize {
        self.backups.iter().filter(|backup| backup.restore == CanRestore::Yes).count()
    }
}

fn base_backup(survey: &Survey, backup: &Backup, repositories: &[Repository]) -> BaseBackup {
    let name = |at: usize| repositories.get(at).map_or("", Repository::name).to_owned();
    let facts = &backup.facts;
    BaseBackup {
        id: backup.id.clone(),
        label: facts.label.clone(),
        began: facts.start.time,
        ended: facts.stop.time,
        size: facts.size,
        stored: backup.copies.first().map_or(0, |copy| copy.stored_size),
        timeline: facts.stop.timeline.number(),
        restore: match survey.restorable(backup) {
            Restorable::Yes => CanRestore::Yes,
            Restorable::No(reason) => CanRestore::No(reason),
            Restorable::Unknown(reason) => CanRestore::Unknown(reason),
        },
        pinned: backup.pinned(),
        places: backup.copies.iter().map(|copy| name(copy.repository)).collect(),
        checksum_failures: facts.checksum_failures,
    }
}

/// A base backup in one repository that the next `basebackup prune` deletes.
#[derive(Debug)]
pub(crate) struct Going {
    pub id: String,
    pub ended: Timestamp,
    /// The name of the repository.
    pub place: String,
    /// Bytes of its folder there.
    pub bytes: u64,
    pub reason: String,
}

/// Those of one system, the oldest first; `None` where the clock of this host is wrong for certain. Nothing is listed
/// once more for that, so the WAL that goes with them is not among them.
pub(crate) fn going(
    (survey, wal): (&Survey, &SystemWal),
    repositories: &[Repository],
    config: &Config,
    now: Timestamp,
) -> Option<Vec<Going>> {
    let holdings = gather(survey, wal, &[], config, ago(now, config.retention.wal_window)).holdings;
    let plan = plan(&holdings, &config.retention, now).ok()?;
    let goes = holdings
        .stored
        .backups
        .iter()
        .zip(plan.stored.backups)
        .filter(|(_, verdict)| !verdict.keep);
    let mut going: Vec<Going> = goes
        .map(|(backup, verdict)| Going {
            id: backup.id.clone(),
            ended: backup.ended,
            place: repositories.get(backup.repository).map_or("", Repository::name).to_owned(),
            bytes: backup.bytes,
            reason: verdict.reason,
        })
        .collect();
    going.sort_by(|one, other| (one.ended, &one.place).cmp(&(other.ended, &other.place)));
    Some(going)
}
