//! Uploads to a bucket that were begun for a backup and not ended, judged by the rule for unfinished backups.
//!
//! An upload that was cut short takes room, and no listing of objects shows it. So `prune` asks for uploads by
//! themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use jiff::Timestamp;

use super::begun;
use crate::config::KeepConfig;
use crate::error::{Class, Error};
use crate::repository::Repository;
use crate::retention::RetentionVerdict;
use crate::storage::PendingUpload;

/// So many are in memory; the next prune finds the rest.
const UPLOADS_MAX: usize = 10_000;

/// Objects of one backup that are on their way into a bucket, or were when whoever sent them died.
#[derive(Debug, Clone)]
pub struct Uploads {
    /// Its number.
    pub repository: usize,
    /// Of the backup.
    pub id: String,
    pub all: Vec<PendingUpload>,
    pub verdict: RetentionVerdict,
}

/// The uploads under way for backups whose keys begin with `prefix`, and what becomes of them. A repository
/// in which nothing is deleted is not asked. One that can't tell, or refuses to, has none as far as is known:
/// that is said, and keeps nobody from pruning it.
pub fn uploads(
    repositories: &[Repository],
    prefix: &str,
    closed: &BTreeSet<usize>,
    keep: &KeepConfig,
    now: Timestamp,
) -> (Vec<Uploads>, Vec<Error>) {
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for (number, repository) in repositories.iter().enumerate() {
        if closed.contains(&number) {
            continue;
        }
        let (mut found, mut count) = (BTreeMap::<String, Vec<PendingUpload>>::new(), 0);
        let listed = repository.storage().pending_uploads(prefix, &mut |upload| {
            let below = upload.key.strip_prefix(prefix).and_then(|below| below.split_once('/'));
            if let Some(id) = below.map(|(id, _)| id.to_owned()) {
                found.entry(id).or_default().push(upload);
                count += 1;
            }
            if count < UPLOADS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        match listed {
            Ok(true) => {}
            Ok(false) => tracing::info!(
                repository = repository.name(),
                "this store can't list uploads that were cut short; a rule of the bucket may end them"
            ),
            Err(error) if error.class() == Class::Refused => refused(repository, &error),
            Err(error) => errors.push(error.while_doing(format!(
                "could not list the uploads under way in repository {}",
                repository.name()
            ))),
        }
        all.extend(found.into_iter().map(|(id, all)| {
            let verdict = verdict(&id, &all, keep, now);
            Uploads { repository: number, id, all, verdict }
        }));
    }
    (all, errors)
}

/// Said and no more: the backups are none the worse for it.
pub fn refused(repository: &Repository, error: &Error) {
    let name = repository.name();
    tracing::warn!("uploads that were cut short stay in repository {name}: {error}");
}

/// The host that takes a backup and the store have a clock each: the later time counts.
fn verdict(id: &str, all: &[PendingUpload], keep: &KeepConfig, now: Timestamp) -> RetentionVerdict {
    let what = match all.len() {
        1 => "1 unfinished upload".to_owned(),
        count => format!("{count} unfinished uploads"),
    };
    let begun = begun(id);
    RetentionVerdict::of_leavings(&what, begun, later(begun, all), keep, now)
}

/// When the newest of them was begun, by the clock of the store, if that is later than the name says. Not every store
/// says when it was.
pub fn later(begun: Option<Timestamp>, all: &[PendingUpload]) -> Option<Timestamp> {
    all.iter().filter_map(|it| it.begun).max().filter(|seen| Some(*seen) > begun)
}
