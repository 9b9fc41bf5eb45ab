//! What is stored of drills and full verifications.

use crate::backup::in_parallel;
use crate::error::Error;
use crate::history::{self, Kind, Record, newest};
use crate::repository::Repository;

/// The newest ones in all repositories.
#[derive(Debug, Default)]
pub struct Records {
    /// The oldest first.
    pub drills: Vec<Record>,
    pub verification: Option<Record>,
    /// With the place of the repository.
    pub failures: Vec<(usize, Error)>,
}

/// Of each of these: the last verification, and so many of the newest drills. They are stored in each
/// repository, but one may have been away.
pub fn records(
    repositories: &[(usize, &Repository)],
    subjects: Vec<history::Subject>,
    drills: usize,
) -> Vec<(history::Subject, Records)> {
    let read = in_parallel(&subjects, |subject| {
        let mut failures = Vec::new();
        let mut all = |kind, count| {
            let mut records: Vec<Record> = Vec::new();
            for (number, repository) in repositories {
                let (found, failed) = newest(repository, subject, kind, count);
                records.extend(found);
                failures.extend(failed.into_iter().map(|error| (*number, error)));
            }
            records.sort_by(|one, other| (one.ended, &one.id).cmp(&(other.ended, &other.id)));
            records.dedup_by(|later, kept| later.id == kept.id);
            records.split_off(records.len().saturating_sub(count))
        };
        let drills = all(Kind::Drill, drills);
        let verification = all(Kind::Verification, 1).pop();
        Records { drills, verification, failures }
    });
    subjects.into_iter().zip(read).collect()
}
