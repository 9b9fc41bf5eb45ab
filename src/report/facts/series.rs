use jiff::Timestamp;

use super::rehearsals::Rehearsals;
use crate::backup::series::{self, Alone};
use crate::config::{Config, MediaSet};
use crate::error::Error;
use crate::history::Subject;
use crate::report::words::{count, size};
use crate::repository::Repository;
use crate::{media, redis_backup};

/// Backups that each stand alone: of a Redis, or of a media set.
#[derive(Debug)]
pub struct Series {
    /// `Redis` or `Media files`.
    pub kind: &'static str,
    pub name: String,
    /// The oldest first.
    pub backups: Vec<Kept>,
    /// Bytes in each repository.
    pub stored: Vec<u64>,
    pub rehearsals: Rehearsals,
    /// Whether some repository could not be looked at.
    pub partly: bool,
    pub(super) errors: Vec<Error>,
    subject: Option<Subject>,
}

/// One of them.
#[derive(Debug)]
pub struct Kept {
    pub id: String,
    pub label: String,
    pub began: Timestamp,
    pub ended: Timestamp,
    /// Bytes, as it lies in the first repository that has it.
    pub stored: u64,
    /// What is in it, in a few words.
    pub content: String,
    pub pinned: bool,
    pub whole: bool,
    /// Names of the repositories.
    pub places: Vec<String>,
}

impl Series {
    pub fn redis(config: &Config, repositories: &[Repository], all: &str) -> Self {
        let content = |it: &redis_backup::Description| {
            let keys = it.keys.iter().map(|keys| keys.keys).sum();
            format!("{}, {} {}", count(keys, "key"), it.product, it.version)
        };
        let mut series = Self::read(repositories, all, content);
        series.subject = Some(Subject::redis(&config.redis.name));
        series.name.clone_from(&config.redis.name);
        Self { kind: "Redis", ..series }
    }

    pub fn media(set: &MediaSet, repositories: &[Repository], all: &str) -> Self {
        let content = |it: &media::Description| {
            format!("{}, {}", count(it.totals.files, "file"), size(it.totals.size))
        };
        let mut series = Self::read(repositories, all, content);
        series.subject = Some(Subject::media(&set.name));
        series.name.clone_from(&set.name);
        Self { kind: "Media files", ..series }
    }

    fn read<D: Alone>(
        repositories: &[Repository],
        all: &str,
        content: impl Fn(&D) -> String,
    ) -> Self {
        let found = series::Series::<D>::read(repositories, all);
        let name = |at: usize| repositories.get(at).map_or("", Repository::name).to_owned();
        let mut stored = vec![0; repositories.len()];
        for copy in found.backups.iter().flat_map(|backup| &backup.copies) {
            stored[copy.repository] += copy.stored_size;
        }
        let kept = |backup: &series::Backup<D>| Kept {
            id: backup.id.clone(),
            label: backup.description.label().to_owned(),
            began: backup.began,
            ended: backup.ended,
            stored: backup.copies.first().map_or(0, |copy| copy.stored_size),
            content: content(&backup.description),
            pinned: backup.pinned(),
            whole: backup.is_whole(),
            places: backup.copies.iter().map(|copy| name(copy.repository)).collect(),
        };
        Self {
            kind: "",
            name: String::new(),
            backups: found.backups.iter().map(kept).collect(),
            stored,
            rehearsals: Rehearsals::default(),
            partly: !found.failures.is_empty(),
            errors: found.errors().cloned().collect(),
            subject: None,
        }
    }

    /// Reads what was rehearsed of it.
    pub(super) fn rehearse(&mut self, open: &[Option<&Repository>], errors: &mut Vec<Error>) {
        if let Some(subject) = &self.subject {
            self.rehearsals = Rehearsals::read(open, subject, errors);
        }
    }

    /// Whether there is anything to tell: a Redis is part of every configuration, wanted or not.
    pub fn is_used(&self) -> bool {
        self.kind != "Redis" || !self.backups.is_empty()
    }

    /// The newest that can be restored.
    pub fn newest(&self) -> Option<&Kept> {
        self.backups.iter().rfind(|backup| backup.whole)
    }
}
