//! What is stored of drills and full verifications, as far as it can be believed: who may add objects may add records.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::backup::begun;
use crate::error::Error;
use crate::history::{self, Record, RecordKind, StoredRecord, newest};
use crate::repository::Repository;
use crate::retention::{CLOCKS_APART, believable, doubt};
use crate::threads::in_parallel;

/// An id tells whole seconds.
const WITHIN: SignedDuration = SignedDuration::from_secs(2);

/// The newest ones in all repositories.
#[derive(Debug, Default)]
pub struct Records {
    /// The oldest first.
    pub drills: Vec<Record>,
    pub verification: Option<Record>,
    /// Those that count for nothing although they say that they are newer: their keys, and why.
    pub doubtful: Vec<(RecordKind, String, String)>,
    /// With the place of the repository.
    pub failures: Vec<(usize, Error)>,
}

/// Of each of these: the last verification, and so many of the newest drills. They are stored in each
/// repository, but one may have been away.
pub fn records(
    repositories: &[(usize, &Repository)],
    subjects: Vec<history::RecordSubject>,
    drills: usize,
    now: Timestamp,
) -> Vec<(history::RecordSubject, Records)> {
    let read = in_parallel(&subjects, |subject| {
        let mut failures = Vec::new();
        let mut doubtful = BTreeMap::new();
        let mut all = |kind, count| {
            let mut records: Vec<Record> = Vec::new();
            for (number, repository) in repositories {
                let mut found = newest(repository, subject, kind, count, &|it| disbelief(it, now));
                records.append(&mut found.records);
                doubtful.extend(found.doubtful.into_iter().map(|(key, why)| (key, (kind, why))));
                failures.extend(found.failures.into_iter().map(|error| (*number, error)));
            }
            records.sort_by(|one, other| (one.ended, &one.id).cmp(&(other.ended, &other.id)));
            records.dedup_by(|later, kept| later.id == kept.id);
            records.split_off(records.len().saturating_sub(count))
        };
        let drills = all(RecordKind::Drill, drills);
        let verification = all(RecordKind::Verification, 1).pop();
        let doubtful = doubtful.into_iter().map(|(key, (kind, why))| (kind, key, why)).collect();
        Records { drills, verification, doubtful, failures }
    });
    subjects.into_iter().zip(read).collect()
}

/// Why a record counts for nothing: it is of a time that has not come, was stored at another time than it says, or lies
/// under another name than its own.
fn disbelief(claim: &StoredRecord<'_>, now: Timestamp) -> Option<String> {
    let Some(began) = begun(claim.id) else {
        return Some("its name begins with no time".to_owned());
    };
    let Some(record) = claim.record else {
        return (began > now + CLOCKS_APART)
            .then(|| format!("its time, {began:.0}, is in the future"));
    };
    let own = record.id == claim.id && record.kind == claim.kind;
    if !own || record.began.duration_since(began).abs() > WITHIN {
        return Some(format!("it says that it is {} of {:.0}", record.id, record.began));
    }
    if record.ended < record.began || record.ended > now + CLOCKS_APART {
        return Some(format!("it says that it lasted from {began:.0} to {:.0}", record.ended));
    }
    doubt(record.ended, believable(claim.stored)).map(|why| format!("it {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_stored_when_it_ended_is_believed() {
        let at = |text: &str| -> Timestamp { format!("2026-11-{text}Z").parse().unwrap() };
        let now = at("30T12:00:00");
        let said = |key: &str, id: &str, [began, ended, stored]: [&str; 3]| {
            let json = format!(
                "{{\"seawall\":1,\"id\":\"{id}\",\"kind\":\"drill\",\"began\":\"2026-11-{began}Z\",\
                 \"ended\":\"2026-11-{ended}Z\",\"passed\":true,\"backups\":[]}}"
            );
            let record = Record::parse(json.as_bytes()).unwrap();
            let stored = Some(at(stored));
            let claim = StoredRecord { id: key, kind: RecordKind::Drill, stored, record: None };
            let claim = |record| StoredRecord { record, ..claim };
            disbelief(&claim(None), now).or_else(|| disbelief(&claim(Some(&record)), now))
        };
        let id = "20261129T020000Z-4f2a";
        let whole = ["29T02:00:00.5", "29T03:00:00", "29T03:00:01"];
        assert_eq!(said(id, id, whole), None);
        assert_eq!(said("next", id, whole).unwrap(), "its name begins with no time");
        assert_eq!(
            said("20261130T130001Z-4f2a", id, whole).unwrap(),
            "its time, 2026-11-30T13:00:01Z, is in the future"
        );
        assert_eq!(
            said("20261129T020000Z-0000", id, whole).unwrap(),
            "it says that it is 20261129T020000Z-4f2a of 2026-11-29T02:00:00Z"
        );
        assert_eq!(
            said(id, id, ["29T02:00:03", "29T03:00:00", "29T03:00:01"]).unwrap(),
            "it says that it is 20261129T020000Z-4f2a of 2026-11-29T02:00:03Z"
        );
        for ended in ["29T01:59:59", "30T13:00:01"] {
            assert_eq!(
                said(id, id, [whole[0], ended, ended]).unwrap(),
                format!("it says that it lasted from 2026-11-29T02:00:00Z to 2026-11-{ended}Z")
            );
        }
        assert_eq!(
            said(id, id, [whole[0], whole[1], "30T11:00:00"]).unwrap(),
            "it says that it ended at 2026-11-29T03:00:00Z, and was stored at 2026-11-30T11:00:00Z"
        );
    }
}
