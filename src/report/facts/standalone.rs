//! The backups of each Redis and each media set, as the page tells them, with their bytes in every repository and the
//! last drill. None of these backups needs WAL; PostgreSQL is told in `system`.

use std::ops::Range;

use jiff::Timestamp;

use crate::backup::{Backup, SelfContained};
use crate::check::{Gathered, NamedSeries};
use crate::history::{Record, RecordSubject};
use crate::report::words::{count, size};
use crate::repository::Repository;
use crate::{media_backup, redis_backup};

/// Backups that each stand alone: of a Redis, or of a media set.
#[derive(Debug)]
pub(crate) struct SeriesFacts {
    /// `Redis` or `Media files`.
    pub kind: &'static str,
    pub name: String,
    /// Whether it is configured here, or there only because another host stores it.
    pub watched: bool,
    /// The oldest first.
    pub backups: Vec<StandaloneBackup>,
    /// Bytes in each repository.
    pub stored: Vec<u64>,
    /// The same of those that came on the days of [`RATE`](crate::report::zone::RATE).
    pub came: Vec<u64>,
    /// The last one.
    pub drill: Option<Record>,
    /// Whether some repository could not be looked at.
    pub partly: bool,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct StandaloneBackup {
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
}

impl SeriesFacts {
    /// Each Redis first, then each media set.
    pub(crate) fn all(
        gathered: &Gathered,
        repositories: &[Repository],
        when: &Range<Timestamp>,
    ) -> Vec<Self> {
        let redis = gathered.redis.iter().map(|it| {
            let content = |it: &redis_backup::RedisDescription| {
                let keys = it.keys.iter().map(|keys| keys.keys).sum();
                format!("{}, {} {}", count(keys, "key"), it.product, it.version)
            };
            let subject = RecordSubject::redis(&it.name);
            Self::of("Redis", it, last(gathered, &subject), (repositories, when), content)
        });
        let media = gathered.media.iter().map(|it| {
            let content = |it: &media_backup::SnapshotDescription| {
                format!("{}, {}", count(it.totals.files, "file"), size(it.totals.size))
            };
            let subject = RecordSubject::media(&it.name);
            Self::of("Media files", it, last(gathered, &subject), (repositories, when), content)
        });
        redis.chain(media).collect()
    }

    fn of<D: SelfContained>(
        kind: &'static str,
        found: &NamedSeries<D>,
        drill: Option<Record>,
        (repositories, when): (&[Repository], &Range<Timestamp>),
        content: impl Fn(&D) -> String,
    ) -> Self {
        let series = &found.series;
        let mut stored = vec![0; repositories.len()];
        let mut came = stored.clone();
        for backup in &series.backups {
            for copy in &backup.copies {
                stored[copy.repository] += copy.stored_size;
                came[copy.repository] +=
                    if when.contains(&backup.ended) { copy.stored_size } else { 0 };
            }
        }
        let kept = |backup: &Backup<D>| StandaloneBackup {
            id: backup.id.clone(),
            label: backup.facts.label().to_owned(),
            began: backup.began,
            ended: backup.ended,
            stored: backup.copies.first().map_or(0, |copy| copy.stored_size),
            content: content(&backup.facts),
            pinned: backup.pinned(),
            whole: backup.is_whole(),
        };
        Self {
            kind,
            name: found.name.clone(),
            watched: found.watched,
            backups: series.backups.iter().map(kept).collect(),
            stored,
            came,
            drill,
            partly: !series.failures.is_empty(),
        }
    }

    /// The newest that can be restored.
    pub(crate) fn newest(&self) -> Option<&StandaloneBackup> {
        self.backups.iter().rfind(|backup| backup.whole)
    }
}

fn last(gathered: &Gathered, subject: &RecordSubject) -> Option<Record> {
    gathered.records_of(subject)?.drills.last().cloned()
}
