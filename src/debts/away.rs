//! Repositories that just failed: a host leaves such a one out, and tries it again once a minute, so that a dead store costs
//! no further call its deadline. It changes who is asked first and who is written to, never what is concluded from answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::note::creditor_of;
use crate::durable;
use crate::error::Error;
use crate::repository::Repository;

/// How long a repository that failed is left out.
const LEFT_OUT_FOR: Duration = Duration::from_secs(60);

/// The notes of one host, a file for each repository that failed last time. Losing them costs a deadline.
#[derive(Debug, Clone)]
pub struct AwayNotes(PathBuf);

#[derive(Serialize, Deserialize)]
struct AwayNote {
    seawall: u32,
    /// Since when it is away, and when it was tried last, by the clock of this host.
    since: Timestamp,
    tried: Timestamp,
    why: String,
}

impl AwayNotes {
    /// In a folder of this host, which need not be there yet.
    pub fn new(state: &Path) -> Self {
        Self(state.join("away"))
    }

    /// Whether it failed within the last minute.
    pub fn is_left_out(&self, repository: &Repository) -> bool {
        let now = SystemTime::now();
        let age = |note: AwayNote| now.duration_since(note.tried.into()).ok();
        self.read(repository).and_then(age).is_some_and(|age| age < LEFT_OUT_FOR)
    }

    /// Whether it failed last time, however long ago.
    pub fn failed_before(&self, repository: &Repository) -> bool {
        self.read(repository).is_some()
    }

    /// It is being tried: until it answers, nobody else need try it.
    pub fn is_tried(&self, repository: &Repository) {
        if let Some(note) = self.read(repository) {
            self.write(repository, &AwayNote { tried: Timestamp::now(), ..note });
        }
    }

    pub fn failed(&self, repository: &Repository, why: &Error) {
        let now = Timestamp::now();
        let since = self.read(repository).map_or(now, |note| note.since);
        let why = why.to_string();
        self.write(repository, &AwayNote { seawall: 1, since, tried: now, why });
    }

    pub fn answered(&self, repository: &Repository) {
        // That there is none is the rule.
        let _ = fs::remove_file(self.path(repository));
    }

    fn read(&self, repository: &Repository) -> Option<AwayNote> {
        let note: AwayNote =
            serde_json::from_slice(&durable::read_small(&self.path(repository)).ok()?).ok()?;
        (note.seawall == 1).then_some(note)
    }

    fn write(&self, repository: &Repository, note: &AwayNote) {
        let Ok(json) = serde_json::to_vec(note) else { return };
        let _ = fs::create_dir(&self.0);
        if let Err(error) = durable::replace(&self.path(repository), &json) {
            tracing::warn!(
                "the next call waits for repository {} again: {error}",
                repository.name()
            );
        }
    }

    fn path(&self, repository: &Repository) -> PathBuf {
        self.0.join(format!("{}-{}.json", repository.name(), creditor_of(repository)))
    }
}
