//! The beginning of a snapshot in each repository: the note that one is being taken, and what can be shared with the
//! newest one there. That is read from the repository, or, where it is encrypted and no private key is here, from what
//! this host remembers of it ([`RememberedIndex`]).

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::super::index::{IndexReader, Previous};
use super::super::problems::Damage;
use super::super::spool::{Spool, SpoolReader};
use super::super::{BEGUN, INDEX};
use super::contents::PackedContents;
use super::pack_lane::not_stored;
use super::set_listing::Listing;
use super::snapshot::{PackedSnapshot, Start};
use super::source::PackedSource;
use super::{CONTENTS, CONTENTS_FORMAT};
use crate::backup::{Fell, StoredObject, create_once, hex};
use crate::codec::read_failed;
use crate::durable::{Temporary, is_temporary, open_to_read, replace};
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;
use crate::media_backup::SnapshotDescription;
use crate::repository::Repository;

impl PackedSnapshot<'_> {
    /// Where files without names are.
    pub(super) fn spools(&self) -> PathBuf {
        let state = self.state.filter(|state| make_folder(state).is_ok());
        state.map_or_else(std::env::temp_dir, Path::to_owned)
    }

    /// Says that a snapshot is being taken, and only then looks what can be shared: who prunes looks the
    /// other way round.
    pub(super) fn begin<'r>(
        &self,
        repository: &&'r Repository,
        spools: &Path,
    ) -> Result<Start<'r>> {
        let say = || {
            // Of two hosts with the same id one is refused: what they write differs.
            let note = serde_json::json!({
                "seawall": CONTENTS_FORMAT,
                "id": self.id,
                "began": self.began.to_string(),
                "process": std::process::id(),
            });
            let note = Bytes::from(note.to_string());
            create_once(repository, &self.folder(), BEGUN, note.clone())?;
            reach("packed.begun");
            Ok::<_, Error>(StoredObject {
                object: BEGUN.to_owned(),
                size: note.len() as u64,
                stored_size: note.len() as u64,
                sha256: hex(Sha256::new_with_prefix(&note)),
            })
        };
        let look = |begun: StoredObject| {
            let listing = Listing::read(repository, &self.all())?;
            let mut start = Start {
                repository,
                begun,
                previous: None,
                reference: None,
                contents: PackedContents::default(),
                index: None,
            };
            if let Some(previous) = listing.newest(repository, &self.all())? {
                start.reference = Some(Fell::reference(&previous));
                self.share(&mut start, previous, &listing, spools)?;
            }
            Ok(start)
        };
        let begun = say().map_err(|error| not_stored(repository, error))?;
        let looked = look(begun).inspect_err(|error| self.withdraw(repository, error));
        looked.map_err(|error| not_stored(repository, error))
    }

    /// Reads what the newest snapshot has. Trouble with that costs time and room, and no more.
    fn share(
        &self,
        start: &mut Start<'_>,
        previous: SnapshotDescription,
        listing: &Listing,
        spools: &Path,
    ) -> Result<()> {
        let (id, name) = (previous.id.clone(), start.repository.name());
        let state = self.state_of(start.repository).and_then(|state| state.load(&previous));
        let found = match state {
            Some((index, contents)) => {
                let plain = zstd::Decoder::new(contents.reader());
                let plain = plain.map_err(|error| read_failed(&error))?;
                PackedContents::read(plain, &previous).map(|contents| (index, contents))
            }
            None if previous.encrypted && self.identities.is_empty() => {
                tracing::info!(
                    "repository {name} gets all content again: snapshot {id} is encrypted, and this \
                     host has neither a private key nor notes about it"
                );
                return Ok(());
            }
            None => {
                let source = PackedSource {
                    storage: start.repository.storage(),
                    all: self.all(),
                    description: &previous,
                    identities: self.identities,
                    attempts: self.attempts,
                };
                source.index(spools).and_then(|index| Ok((index, source.contents()?)))
            }
        };
        match found {
            Ok((index, mut contents)) => {
                contents.keep_those_in(listing, &previous);
                let began = previous.began.parse().unwrap_or(Timestamp::MIN);
                let objects = listing.objects();
                let damage = Damage::noted(start.repository, &self.all(), objects, began);
                contents.leave_out(&damage);
                (start.index, start.contents) = (Some(index), contents);
                start.previous = Some(previous);
            }
            Err(error) if error.class() == Class::Unreachable => return Err(error),
            Err(error) => {
                tracing::warn!("repository {name} can't share content with snapshot {id}: {error}");
            }
        }
        Ok(())
    }

    pub(super) fn state_of(&self, repository: &Repository) -> Option<RememberedIndex> {
        let all = self.state.filter(|_| repository.encrypts())?;
        Some(RememberedIndex::of(all, &self.set.name, repository.name()))
    }
}

impl Start<'_> {
    /// Files are compared with the newest snapshot of all repositories; whether each of them has a content is another
    /// question.
    pub(super) fn newest_index(starts: &[Self]) -> Option<Previous<SpoolReader>> {
        let mut known: Vec<_> = starts
            .iter()
            .filter_map(|start| Some((&start.previous.as_ref()?.id, start.index.as_ref()?)))
            .collect();
        known.sort_by(|one, other| other.0.cmp(one.0));
        known.into_iter().find_map(|(id, index)| {
            let opened = IndexReader::open(index.reader()).and_then(Previous::new);
            opened
                .inspect_err(|error| tracing::warn!("could not use the index of {id}: {error}"))
                .ok()
        })
    }

    /// Entries and bytes of the newest snapshot: this one has about as many.
    pub(super) fn last_time(starts: &[Self]) -> Option<(u64, u64)> {
        let known = starts.iter().filter_map(|start| start.previous.as_ref());
        known
            .max_by(|one, other| one.id.cmp(&other.id))
            .map(|it| (it.totals.entries, it.totals.size))
    }
}

/// What a host that holds no private key remembers of its newest snapshot in one repository: index and contents in the
/// clear, because it could not read them back. They are of use only as long as the repository's newest snapshot is the
/// very one they belong to. Losing them costs one snapshot that reads and sends everything. The folder holds those of
/// one set and one repository.
pub(crate) struct RememberedIndex(PathBuf);

/// Which snapshot the files belong to: SHA-256 of its two objects as they are stored.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RememberedSnapshot {
    id: String,
    index: String,
    contents: String,
}

impl RememberedSnapshot {
    fn of(description: &SnapshotDescription) -> Option<Self> {
        let sum = |name| description.object(name).map(|object| object.sha256.clone());
        let (index, contents) = (sum(INDEX)?, sum(CONTENTS)?);
        Some(Self { id: description.id.clone(), index, contents })
    }
}

impl RememberedIndex {
    pub(crate) fn of(all: &Path, set: &str, repository: &str) -> Self {
        Self(all.join("media").join(set).join(repository))
    }

    /// Index and contents, compressed, if they are those of this snapshot.
    pub(crate) fn load(&self, description: &SnapshotDescription) -> Option<(Spool, Spool)> {
        let note = fs::read(self.path(&description.id, "json")).ok()?;
        let note: RememberedSnapshot = serde_json::from_slice(&note).ok()?;
        if Some(note) != RememberedSnapshot::of(description) {
            return None;
        }
        let open = |name| open_to_read(&self.path(&description.id, name)).ok().map(Spool::of);
        Some((open(INDEX)?, open(CONTENTS)?))
    }

    /// Keeps those of this snapshot, and of no other.
    pub(crate) fn store(
        &self,
        description: &SnapshotDescription,
        index: &Spool,
        contents: &Spool,
    ) -> Result<()> {
        let Some(note) = RememberedSnapshot::of(description) else { return Ok(()) };
        make_folder(&self.0)?;
        for (name, content) in [(INDEX, index), (CONTENTS, contents)] {
            let target = self.path(&description.id, name);
            let mut temporary = Temporary::create_in(&self.0)?;
            let copied = io::copy(&mut content.reader(), temporary.file());
            let copied = copied.and_then(|_| temporary.file().flush());
            copied.map_err(|error| Error::file("write", &target, &error))?;
            temporary.replace(&target)?;
        }
        let note = serde_json::to_vec(&note).unwrap_or_default();
        replace(&self.path(&description.id, "json"), &note)?;
        self.remove_others(&description.id);
        Ok(())
    }

    fn path(&self, id: &str, name: &str) -> PathBuf {
        self.0.join(format!("{id}.{name}"))
    }

    fn remove_others(&self, id: &str) {
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let mine = name.to_string_lossy().starts_with(id);
            if !mine && !is_temporary(&name) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// For its owner only.
fn make_folder(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Error::file("create folder", folder, &error))
}
