//! Storing a record in every repository, and finding the newest ones. Who may add objects may add records too, so a record
//! is a claim: what it says of a backup counts only where it fits what is there.

use std::io::Read;
use std::ops::ControlFlow;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Record, RecordKind, RecordSubject};
use crate::codec::read_failed;
use crate::error::{Class, Error, Result};
use crate::repository::Repository;
use crate::storage::{Created, Metadata};

/// A record takes some hundred bytes for each backup.
const BYTES_MAX: u64 = 16 << 20;

/// Stores a record in each of these repositories. Returns what did not work: a host that may only read
/// can rehearse too.
pub fn store(repositories: &[&Repository], subject: &RecordSubject, record: &Record) -> Vec<Error> {
    let content = match record.to_json() {
        Ok(json) if json.len() as u64 > BYTES_MAX => {
            let message = format!(
                "could not record the {}: expected at most {BYTES_MAX} bytes, found {}",
                record.kind.word(),
                json.len()
            );
            return vec![Error::new(Class::Refused, message)];
        }
        Ok(json) => Bytes::from(json),
        Err(error) => return vec![error],
    };
    let key = subject.key(&record.id, record.kind);
    let failed = repositories.iter().filter_map(|repository| {
        let storage = repository.storage();
        let created = storage.create(&key, content.clone(), &Metadata::new());
        let error = match created {
            Ok(Created::New) => return None,
            Ok(Created::Taken) => Error::new(
                Class::Conflict,
                format!("expected no object {key}, found one of another {}", record.kind.word()),
            ),
            Err(error) => error,
        };
        let (kind, name) = (record.kind.word(), repository.name());
        Some(error.while_doing(format!("could not record the {kind} in repository {name}")))
    });
    failed.collect()
}

/// A record as somebody stored it. Who may add objects may add these.
pub struct StoredRecord<'a> {
    /// As its key says.
    pub id: &'a str,
    pub kind: RecordKind,
    /// When it was stored, by the clock of the store, where it says.
    pub stored: Option<Timestamp>,
    /// `None` before it was read.
    pub record: Option<&'a Record>,
}

/// What was found of a kind, the newest first.
#[derive(Debug, Default)]
pub struct NewestRecords {
    pub records: Vec<Record>,
    /// Those that nobody believes: their keys, and why.
    pub doubtful: Vec<(String, String)>,
    /// Why others could not be read.
    pub failures: Vec<Error>,
}

/// So many records that can't be read are passed over on the way to those that count.
const UNREADABLE_MAX: usize = 8;

/// The newest records of a kind in one repository that count, at most `count`: one listing, and a request for each. `doubt`
/// says why a record does not count; it is asked before a record is read, and again when it was.
pub fn newest(
    repository: &Repository,
    subject: &RecordSubject,
    kind: RecordKind,
    count: usize,
    doubt: &dyn Fn(&StoredRecord<'_>) -> Option<String>,
) -> NewestRecords {
    let (mut keys, ending) = (Vec::new(), format!("-{}.json", kind.word()));
    let listed = repository.storage().list(&subject.prefix, "", &mut |listed| {
        if listed.key.ends_with(&ending) {
            keys.push((listed.key.to_owned(), listed.created));
        }
        ControlFlow::Continue(())
    });
    let said = |error: Error| {
        let (kind, name) = (kind.word(), repository.name());
        error.while_doing(format!("could not read the records of each {kind} in repository {name}"))
    };
    let mut found = NewestRecords::default();
    if let Err(error) = listed {
        found.failures.push(said(error));
        return found;
    }
    for (key, stored) in keys.into_iter().rev() {
        if found.records.len() >= count || found.failures.len() >= UNREADABLE_MAX {
            break;
        }
        let id = key.strip_prefix(&subject.prefix).and_then(|it| it.strip_suffix(&ending));
        let claim = StoredRecord { id: id.unwrap_or_default(), kind, stored, record: None };
        if let Some(why) = doubt(&claim) {
            found.doubtful.push((key, why));
            continue;
        }
        match read(repository, &key) {
            Ok(None) => {}
            Ok(Some(record)) => match doubt(&StoredRecord { record: Some(&record), ..claim }) {
                Some(why) => found.doubtful.push((key, why)),
                None => found.records.push(record),
            },
            Err(error) => {
                // When it stops answering, nobody waits for the rest of it.
                let stop = error.class() == Class::Unreachable;
                found.failures.push(said(error));
                if stop {
                    break;
                }
            }
        }
    }
    found
}

/// `None` when it was deleted since it was listed.
fn read(repository: &Repository, key: &str) -> Result<Option<Record>> {
    let Some(mut reader) = repository.storage().open(key, Some(BYTES_MAX + 1))? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| read_failed(&error))?;
    if bytes.len() as u64 > BYTES_MAX {
        let message = format!("expected {key} to have at most {BYTES_MAX} bytes, found more");
        return Err(Error::new(Class::Damaged, message));
    }
    Record::parse(&bytes).map(Some)
}
