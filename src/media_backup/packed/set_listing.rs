//! What a repository has of a set, by one listing, and the newest snapshot that the next one can share content with. A
//! snapshot that is a tree, damaged, or for other keys is passed over: that costs time and room, and nothing else.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::backup::{BackupFolder, DESCRIPTION, describe};
use crate::codec::Recipients;
use crate::error::{Class, Result};
use crate::media_backup::{SnapshotDescription, SnapshotKind};
use crate::repository::Repository;

/// How many descriptions are looked at for one that is of use.
const LOOKED_AT: usize = 3;

/// So much of an id is the second in which it began.
const SECOND: usize = 16;

/// What lies below the folder of a set in one repository: `ID/OBJECT`, and lengths in bytes.
pub struct Listing(BTreeMap<String, u64>);

impl Listing {
    pub(crate) fn read(repository: &Repository, all: &str) -> Result<Self> {
        let mut objects = BTreeMap::new();
        let listed = repository.storage().list(all, "", &mut |listed| {
            let below = listed.key.strip_prefix(all).unwrap_or_default();
            objects.insert(below.to_owned(), listed.size);
            ControlFlow::Continue(())
        });
        listed.map_err(|error| {
            error.while_doing(format!("could not list repository {}", repository.name()))
        })?;
        Ok(Self(objects))
    }

    pub fn has(&self, id: &str, object: &str, size: u64) -> bool {
        self.0.get(&format!("{id}/{object}")) == Some(&size)
    }

    /// In bytes; 0 when there is no such object.
    pub fn size(&self, id: &str, object: &str) -> u64 {
        self.0.get(&format!("{id}/{object}")).copied().unwrap_or(0)
    }

    /// `ID/OBJECT`.
    pub fn objects(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The objects of each folder, by id.
    pub fn folders(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, object) in self.0.keys().filter_map(|key| key.split_once('/')) {
            folders.entry(id).or_default().push(object);
        }
        folders
    }

    /// The newest snapshot that this repository could share content with. One that is damaged or otherwise
    /// encrypted is passed over, and that is said.
    pub fn newest(
        &self,
        repository: &Repository,
        all: &str,
    ) -> Result<Option<SnapshotDescription>> {
        let described =
            |key: &String| key.strip_suffix(DESCRIPTION)?.strip_suffix('/').map(str::to_owned);
        let mut newest: Option<SnapshotDescription> = None;
        for id in self.0.keys().rev().filter_map(described).take(LOOKED_AT) {
            // Of those that began in one second the ids do not tell which is newer.
            if newest.as_ref().is_some_and(|it| it.id.get(..SECOND) != id.get(..SECOND)) {
                break;
            }
            match read(repository, all, &id) {
                Ok(Some(found)) => match why_not(repository, &found) {
                    None if newest.as_ref().is_none_or(|it| it.began < found.began) => {
                        newest = Some(found);
                    }
                    None => {}
                    Some(why) => {
                        let name = repository.name();
                        tracing::info!(
                            "repository {name} can't share content with snapshot {id}: {why}"
                        );
                    }
                },
                Ok(None) => {}
                Err(error) if error.class() == Class::Damaged => tracing::warn!("{error}"),
                Err(error) => return Err(error),
            }
        }
        Ok(newest)
    }
}

/// `None` when the description is gone by now.
pub(crate) fn read(
    repository: &Repository,
    all: &str,
    id: &str,
) -> Result<Option<SnapshotDescription>> {
    describe(repository, &BackupFolder::below(all, id), ())
}

fn why_not(repository: &Repository, found: &SnapshotDescription) -> Option<&'static str> {
    if found.kind != SnapshotKind::Packed {
        return Some("it is a tree");
    }
    if found.encrypted != repository.encrypts() {
        return Some("encryption was switched since");
    }
    let recipients = repository.recipients().map(Recipients::fingerprint);
    (found.recipients != recipients).then_some("the recipients changed since")
}
