use std::collections::BTreeMap;

use crate::error::Error;
use crate::history::{Kind, Record, Subject, newest};
use crate::repository::Repository;

/// Of how many drills the page tells: two years of monthly ones.
const DRILLS: usize = 24;

/// What was rehearsed and verified.
#[derive(Debug, Default)]
pub struct Rehearsals {
    /// The oldest first.
    pub drills: Vec<Record>,
    /// The last full verification.
    pub verified: Option<Record>,
}

impl Rehearsals {
    /// From all repositories that answer: records are stored in each, but one may have been away.
    pub fn read(open: &[Option<&Repository>], subject: &Subject, errors: &mut Vec<Error>) -> Self {
        let mut all = |kind, count| {
            let mut records = BTreeMap::new();
            for repository in open.iter().flatten() {
                match newest(repository, subject, kind, count) {
                    Ok(found) => {
                        records.extend(found.into_iter().map(|it| (it.id.clone(), it)));
                    }
                    Err(error) => errors.push(error),
                }
            }
            let from = records.len().saturating_sub(count);
            records.into_values().skip(from).collect::<Vec<Record>>()
        };
        let drills = all(Kind::Drill, DRILLS);
        Self { drills, verified: all(Kind::Verification, 1).pop() }
    }

    pub fn last(&self) -> Option<&Record> {
        self.drills.last()
    }
}
