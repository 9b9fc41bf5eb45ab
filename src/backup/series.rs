//! Backups of one thing, such as a Redis, of which each stands alone.
//!
//! Here the copies of all repositories are put together; `plan` judges them, and `deletions` carries that out.

mod deletions;
mod plan;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    BackupFolder, Contents, DESCRIPTION, Described, Failure, Fell, HowMany, Measure, NotDescribed,
    StoredBackup, StoredObject, Unfinished, describe, fallen, in_parallel, look,
};
use crate::error::{Class, Error, Result};
use crate::repository::Repository;
use crate::retention::Clocks;
use crate::storage::Volume;

pub use deletions::carry_out;
pub use plan::{Line, What, newest, plan};

/// What the description of a backup that stands alone tells.
pub trait SelfContained: Described + Serialize + Clone + Sync {
    fn id(&self) -> &str;
    fn label(&self) -> &str;
    /// When it was begun and when it was complete: RFC 3339 in UTC.
    fn times(&self) -> [&str; 2];
    /// How much it holds of what should not vanish.
    fn measures(&self) -> Vec<Measure>;
    /// As was found when it was taken.
    fn fell(&self) -> Option<&Fell>;
    /// Somebody said that it may hold less than those before.
    fn accepted(&self) -> bool;
}

/// All of them, in all repositories.
#[derive(Debug)]
pub struct Series<D> {
    /// What all their keys begin with, such as `redis/main/`.
    pub all: String,
    /// The oldest first.
    pub backups: Vec<Backup<D>>,
    pub unfinished: Vec<(usize, Unfinished)>,
    pub broken: Vec<Broken>,
    /// Finished ones that were not described, with the place of their repository.
    pub further: Vec<(usize, NotDescribed)>,
    /// What lies in each repository.
    pub volumes: Vec<Volume>,
    /// Repositories that could not be looked at, or not to the end. What was seen of them counts.
    pub failures: Vec<Failure>,
}

#[derive(Debug)]
pub struct Backup<D> {
    pub id: String,
    pub began: Timestamp,
    pub ended: Timestamp,
    /// That of its first copy; in another repository names and lengths of its objects may differ.
    pub description: D,
    /// In the order of the repositories. There is at least one.
    pub copies: Vec<StoredBackup>,
}

/// One whose description can't be read or is not its own.
#[derive(Debug)]
pub struct Broken {
    pub repository: usize,
    pub id: String,
    pub error: Error,
}

impl<D: SelfContained> Series<D> {
    /// Looks into all repositories at the same time.
    pub fn read(repositories: &[Repository], all: &str) -> Self {
        Self::read_newest(repositories, all, &|ids| ids.len())
    }

    /// The same, but reads the descriptions of the newest `how_many` in each repository only.
    pub fn read_newest(repositories: &[Repository], all: &str, how_many: HowMany<'_>) -> Self {
        let numbered: Vec<_> = repositories.iter().enumerate().collect();
        let found = in_parallel(&numbered, |(number, repository)| {
            look(repository, *number, all, how_many, &checked::<D>)
        });
        let mut series = Self {
            all: all.to_owned(),
            backups: Vec::new(),
            unfinished: Vec::new(),
            broken: Vec::new(),
            further: Vec::new(),
            volumes: Vec::new(),
            failures: Vec::new(),
        };
        let mut backups: BTreeMap<String, Backup<D>> = BTreeMap::new();
        for (repository, found) in found.into_iter().enumerate() {
            series.unfinished.extend(found.unfinished.into_iter().map(|it| (repository, it)));
            series.further.extend(found.further.into_iter().map(|it| (repository, it)));
            series.volumes.push(found.volume);
            let broken = found.broken.into_iter();
            series.broken.extend(broken.map(|(id, error)| Broken { repository, id, error }));
            series.failures.extend(found.failure.map(|error| Failure { repository, error }));
            for (id, (description, began, ended), stored) in found.backups {
                match backups.get_mut(&id) {
                    None => {
                        let copies = vec![stored];
                        let backup = Backup { id: id.clone(), began, ended, description, copies };
                        backups.insert(id, backup);
                    }
                    Some(known) if known.began == began => {
                        known.copies.push(stored);
                    }
                    Some(known) => {
                        let error = another::<D>(&id, began, known.began);
                        series.broken.push(Broken { repository, id, error });
                    }
                }
            }
        }
        series.backups = backups.into_values().collect();
        series.backups.sort_by_key(|backup| (backup.began, backup.ended));
        series
    }

    /// What kept this from being all there is.
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        let failures = self.failures.iter().map(|failure| &failure.error);
        failures.chain(self.broken.iter().map(|broken| &broken.error))
    }

    /// In stores whose clock is wrong nothing can be judged.
    pub fn close(&mut self, clocks: &Clocks) {
        let wrong = clocks.wrong.iter();
        let failure =
            |(at, error): (&usize, &Error)| Failure { repository: *at, error: error.clone() };
        self.failures.extend(wrong.map(failure));
    }

    /// Whether somebody has deleted it since it was seen: its description goes first.
    pub fn is_gone(&self, id: &str, repository: &Repository) -> bool {
        matches!(repository.storage().head(&self.folder(id).key(DESCRIPTION)), Ok(None))
    }

    pub fn folder(&self, id: &str) -> BackupFolder {
        BackupFolder::below(&self.all, id)
    }

    /// Reads what a backup is and what there is of it in one repository; `None` when it is not there.
    pub fn contents(&self, id: &str, repository: &Repository) -> Result<Option<Contents<D>>> {
        let folder = self.folder(id);
        let described = describe(repository, &folder, &checked::<D>)?;
        described.map(|(it, _)| Contents::look(repository, &folder, it)).transpose()
    }
}

impl<D> Backup<D> {
    pub fn pinned(&self) -> bool {
        self.copies.iter().any(|copy| copy.pinned)
    }

    /// Whether some repository has all its objects.
    pub fn is_whole(&self) -> bool {
        self.copies.iter().any(|copy| copy.fault.is_none())
    }
}

impl<D> Series<D> {
    /// When each backup ended, with each copy of it.
    pub fn copies(&self) -> impl Iterator<Item = (Timestamp, &StoredBackup)> {
        self.backups.iter().flat_map(|it| it.copies.iter().map(|copy| (it.ended, copy)))
    }
}

impl<D: SelfContained> Series<D> {
    /// Whether the newest whole one holds far less than one before it: that one, the other's id, and how much less.
    pub fn newest_fell(&self) -> Option<(&Backup<D>, String, String)> {
        let whole: Vec<&Backup<D>> = self.backups.iter().filter(|it| it.is_whole()).collect();
        let newest = *whole.last()?;
        let fell = fallen(whole.iter().map(|it| &it.description)).pop()??;
        let said = fell.said(&newest.description.measures())?;
        Some((newest, fell.since, said))
    }
}

impl<D: SelfContained> Backup<D> {
    /// Length before compression, in bytes.
    pub fn size(&self) -> u64 {
        self.description.objects().map(|object: &StoredObject| object.size).sum()
    }
}

fn checked<D: SelfContained>(folder: &BackupFolder, it: &D) -> Result<(D, Timestamp, Timestamp)> {
    let damaged = |message| Error::new(Class::Damaged, message);
    if it.id() != folder.id() {
        let (expected, found) = (folder.id(), it.id());
        let message = format!("expected the description of {expected}, found that of {found}");
        return Err(damaged(message));
    }
    let time = |text: &str| {
        text.parse::<Timestamp>().map_err(|_| {
            damaged(format!("expected a time like 2026-11-22T20:30:00Z, found {text:?}"))
        })
    };
    let [began, ended] = it.times();
    Ok((it.clone(), time(began)?, time(ended)?))
}

/// Two hosts made one id, each in a repository of its own: the first repository's is the one.
fn another<D: SelfContained>(id: &str, found: Timestamp, expected: Timestamp) -> Error {
    let message = format!(
        "expected {} {id} to be the same in all repositories, found one that began at {found} and not at \
         {expected}",
        D::WHAT
    );
    Error::new(Class::Conflict, message)
        .hint("To see it, name its repository alone with --repository.")
}
