//! Records of drills and verifications: what was rehearsed is known in the copy as well. They are small and lie in the
//! clear, so each is read whole.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::ops::ControlFlow;

use bytes::Bytes;

use super::session::{AT_ONCE, CopySession};
use super::{CopiedAmount, CopiedLine};
use crate::codec::read_failed;
use crate::error::{Class, Error, Result};
use crate::history::Record;
use crate::repository::Repository;
use crate::storage::{Created, Metadata};
use crate::threads::in_threads;

const ALL: &str = "history/";

/// A record takes some hundred bytes for each backup.
const BYTES_MAX: u64 = 16 << 20;

/// The records that the target lacks.
pub(super) struct RecordPlan {
    pub(super) line: CopiedLine,
    /// Keys, and lengths in bytes.
    lacking: Vec<(String, u64)>,
}

impl RecordPlan {
    pub(super) fn of(session: &CopySession<'_>) -> Result<Option<Self>> {
        let there: BTreeSet<String> =
            listed(session.to())?.into_iter().map(|(key, _)| key).collect();
        let mut lacking = listed(session.from())?;
        lacking.retain(|(key, _)| !there.contains(key) && session.transfer.wants_record(key));
        let mut lacked = CopiedAmount::default();
        lacking.iter().for_each(|(_, size)| lacked.add(*size));
        let what = "records of drills and verifications".to_owned();
        let line = CopiedLine { what, lacked, stored: CopiedAmount::default() };
        Ok((lacked.objects > 0).then_some(Self { line, lacking }))
    }

    pub(super) fn run(&mut self, session: &CopySession<'_>) {
        let stored = in_threads(AT_ONCE, &self.lacking, |(key, size)| {
            if session.is_stopped() {
                return None;
            }
            let copied = copy(session, key, *size);
            session.advance(*size);
            copied.map_err(|error| session.failed(error)).ok()
        });
        stored.into_iter().flatten().for_each(|bytes| self.line.stored.add(bytes));
    }
}

impl super::RepositoryCopy<'_> {
    /// Of another cluster than the one that was asked for nothing is copied.
    fn wants_record(&self, key: &str) -> bool {
        let cluster = key.strip_prefix("history/postgres/").and_then(|rest| rest.split_once('/'));
        match (&self.wanted.cluster, cluster) {
            (Some(wanted), Some((cluster, _))) => wanted == cluster,
            _ => true,
        }
    }
}

fn listed(repository: &Repository) -> Result<Vec<(String, u64)>> {
    let mut keys = Vec::new();
    let listed = repository.storage().list(ALL, "", &mut |listed| {
        if listed.key.ends_with(".json") {
            keys.push((listed.key.to_owned(), listed.size));
        }
        ControlFlow::Continue(())
    });
    let said = |error: Error| {
        error.while_doing(format!("could not list repository {}", repository.name()))
    };
    listed.map_err(said).map(|()| keys)
}

fn copy(session: &CopySession<'_>, key: &str, size: u64) -> Result<u64> {
    let copy = || {
        let bytes = read(session.from(), key)?;
        Record::parse(&bytes)?;
        let created =
            session.to().storage().create(key, Bytes::from(bytes.clone()), &Metadata::new())?;
        if created == Created::Taken && read(session.to(), key)? != bytes {
            let message = format!("object {key} already exists and has other content");
            return Err(Error::new(Class::Conflict, message));
        }
        Ok(bytes.len() as u64)
    };
    copy().map_err(|error| {
        let (from, to) = (session.from().name(), session.to().name());
        let doing = format!("could not copy {key} ({size} bytes) from repository {from} to {to}");
        error.while_doing(doing)
    })
}

fn read(repository: &Repository, key: &str) -> Result<Vec<u8>> {
    let opened = repository.storage().open(key, Some(BYTES_MAX + 1))?;
    let gone = || Error::new(Class::Damaged, "it was there and is gone");
    let mut bytes = Vec::new();
    let read = opened.ok_or_else(gone)?.read_to_end(&mut bytes);
    read.map_err(|error| read_failed(&error))?;
    if bytes.len() as u64 > BYTES_MAX {
        let message = format!("expected {key} to have at most {BYTES_MAX} bytes, found more");
        return Err(Error::new(Class::Damaged, message));
    }
    Ok(bytes)
}
