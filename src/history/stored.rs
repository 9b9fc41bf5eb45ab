use std::io::Read;
use std::ops::ControlFlow;

use bytes::Bytes;

use super::Subject;
use super::record::{Kind, Record};
use crate::codec::read_failed;
use crate::error::{Class, Error, Result};
use crate::repository::Repository;
use crate::storage::{Created, Facts};

/// A record takes some hundred bytes for each backup.
const BYTES_MAX: u64 = 16 << 20;

/// Stores a record in each of these repositories. Returns what did not work: a host that may only read
/// can rehearse too.
pub fn store(repositories: &[&Repository], subject: &Subject, record: &Record) -> Vec<Error> {
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
        let created = storage.create(&key, content.clone(), &Facts::new());
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

/// The newest records of a kind in one repository, at most `count`, the newest first, and why others could not
/// be read: one listing, and a request for each.
pub fn newest(
    repository: &Repository,
    subject: &Subject,
    kind: Kind,
    count: usize,
) -> (Vec<Record>, Vec<Error>) {
    let (mut keys, ending) = (Vec::new(), format!("-{}.json", kind.word()));
    let listed = repository.storage().list(&subject.prefix, "", &mut |listed| {
        if listed.key.ends_with(&ending) {
            keys.push(listed.key.to_owned());
        }
        ControlFlow::Continue(())
    });
    let said = |error: Error| {
        let (kind, name) = (kind.word(), repository.name());
        error.while_doing(format!("could not read the records of each {kind} in repository {name}"))
    };
    if let Err(error) = listed {
        return (Vec::new(), vec![said(error)]);
    }
    let (mut records, mut failures) = (Vec::new(), Vec::new());
    for key in keys.iter().rev().take(count) {
        match read(repository, key) {
            Ok(record) => records.extend(record),
            Err(error) => {
                // When it stops answering, nobody waits for the rest of it.
                let stop = error.class() == Class::Unreachable;
                failures.push(said(error));
                if stop {
                    break;
                }
            }
        }
    }
    (records, failures)
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
