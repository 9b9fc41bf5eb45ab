//! The end of a snapshot in one repository: the list of contents, the index, and last the description, by which the
//! snapshot exists. Right before the description, the packs that the snapshot shares are looked for once more: a prune
//! may have deleted them.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::super::INDEX;
use super::super::description::SnapshotTotals;
use super::super::problems::Problems;
use super::super::spool::Spool;
use super::pack_lane::not_made;
use super::set_listing::Listing;
use super::snapshot::{PackedSnapshot, Start};
use super::{CONTENTS, object_name};
use crate::backup::SelfContained as _;
use crate::backup::{StoredObject, hex, make_exist, taken};
use crate::codec::read_failed;
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;
use crate::media_backup::{Earlier, SnapshotDescription, SnapshotKind, Sums};
use crate::repository::Repository;
use crate::storage::{Created, Metadata, NewLargeObject};

const BUFFER_BYTES: usize = 1 << 18;

impl PackedSnapshot<'_> {
    /// Index, contents and description, when all packs are durable.
    pub(super) fn finish(
        &self,
        start: &Start<'_>,
        packs: &[StoredObject],
        index: &Spool,
        spools: &Path,
        (totals, problems): (&SnapshotTotals, &Problems),
    ) -> Result<SnapshotDescription> {
        let repository = start.repository;
        let earlier = self.earlier(start);
        let sent = self.send_lists(start, index, spools).and_then(|sent| {
            self.look_again(repository, &earlier)?;
            Ok(sent)
        });
        let sent = sent.inspect_err(|error| self.withdraw(repository, error));
        let ([stored_contents, stored_index], contents) = sent?;
        let own = [start.begun.clone(), stored_contents, stored_index];
        let description = SnapshotDescription {
            seawall: SnapshotDescription::FORMAT,
            id: self.id.to_owned(),
            label: self.label.to_owned(),
            kind: SnapshotKind::Packed,
            began: self.began.to_string(),
            ended: Timestamp::now().to_string(),
            encrypted: repository.encrypts(),
            totals: Sums::of(totals, problems),
            objects: own.into_iter().chain(packs.iter().cloned()).collect(),
            earlier,
            recipients: repository.recipients().map(crate::codec::Recipients::fingerprint),
            paths: totals.paths.clone(),
            sum: Some(totals.sum.clone()),
            fell: None,
            accepted: false,
        };
        let description = description.judged(start.reference.as_ref(), self.accept_fewer);
        let json =
            serde_json::to_vec_pretty(&description).map_err(|error| not_made(&error.into()))?;
        make_exist(repository, &self.folder(), &description.objects, json.into())?;
        reach("packed.described");
        if let Some(state) = self.state_of(repository) {
            let stored = state.store(&description, index, &contents);
            // The next snapshot will send everything again, and that is all.
            if let Err(error) = stored {
                tracing::warn!("the next snapshot will send all content again: {error}");
            }
            reach("packed.state-stored");
        }
        Ok(description)
    }

    /// Where each content lies, and the index; returns the first once more as it is here.
    fn send_lists(
        &self,
        start: &Start<'_>,
        index: &Spool,
        spools: &Path,
    ) -> Result<([StoredObject; 2], Spool)> {
        let repository = start.repository;
        let (contents, plain_size) = Spool::fill(spools, |file| {
            start.contents.write(self.id, file).map_err(|error| not_made(&error))
        })?;
        let stored_contents = self.send(repository, CONTENTS, &contents, plain_size)?;
        reach("packed.contents-stored");
        let plain_size = index.plain_size().map_err(|error| not_made(&error))?;
        let stored_index = self.send(repository, INDEX, index, plain_size)?;
        reach("packed.index-stored");
        Ok(([stored_contents, stored_index], contents))
    }

    /// What is shared with earlier snapshots.
    fn earlier(&self, start: &Start<'_>) -> Vec<Earlier> {
        let known = start.previous.iter().flat_map(SnapshotDescription::all_objects);
        let known: BTreeMap<(&str, &str), &StoredObject> =
            known.map(|(id, stored)| ((id, stored.object.as_str()), stored)).collect();
        let mut earlier: BTreeMap<&str, Vec<StoredObject>> = BTreeMap::new();
        for holder in start.contents.holders_in_use().filter(|it| it.snapshot != self.id) {
            let stored = known.get(&(holder.snapshot.as_str(), holder.object.as_str()));
            let objects = earlier.entry(&holder.snapshot).or_default();
            objects.extend(stored.map(|stored| (*stored).clone()));
        }
        let sorted = earlier.into_iter().map(|(id, mut objects)| {
            objects.sort_by(|one, other| one.object.cmp(&other.object));
            Earlier { id: id.to_owned(), objects }
        });
        sorted.collect()
    }

    /// Nobody may have deleted meanwhile what is shared.
    fn look_again(&self, repository: &Repository, earlier: &[Earlier]) -> Result<()> {
        if earlier.is_empty() {
            return Ok(());
        }
        let listing = Listing::read(repository, &self.all())?;
        for (id, object) in
            earlier.iter().flat_map(|it| it.objects.iter().map(|object| (&it.id, object)))
        {
            if !listing.has(id, &object.object, object.stored_size) {
                let (key, size) =
                    (format!("{}{id}/{}", self.all(), object.object), object.stored_size);
                let message = format!(
                    "expected {key} with {size} bytes, but it was deleted or changed meanwhile"
                );
                return Err(Error::new(Class::Conflict, message).hint("Take the snapshot again."));
            }
        }
        reach("packed.looked-again");
        Ok(())
    }

    /// Sends a file, encrypted where the repository wants that.
    fn send(
        &self,
        repository: &Repository,
        name: &str,
        content: &Spool,
        size: u64,
    ) -> Result<StoredObject> {
        let name = object_name(name, repository.encrypts());
        let (storage, key) = (repository.storage(), self.folder().key(&name));
        let object =
            storage.begin_large(&key, 0, size.saturating_add(1 << 20), &Metadata::new())?;
        let mut out = HashedUpload { object, hasher: Sha256::new(), length: 0 };
        let mut reader = content.reader();
        match repository.recipients() {
            None => copy(&mut reader, &mut out)?,
            Some(recipients) => {
                let mut wrapped = recipients.wrap(&mut out)?;
                copy(&mut reader, &mut wrapped)?;
                wrapped.finish().map_err(|error| read_failed(&error))?;
            }
        }
        let HashedUpload { object, hasher, length } = out;
        if object.finish(Bytes::new())? == Created::Taken {
            return Err(taken("snapshot", &name));
        }
        Ok(StoredObject { object: name, size, stored_size: length, sha256: hex(hasher) })
    }
}

fn copy(reader: &mut impl Read, out: &mut impl Write) -> Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = reader.read(&mut buffer).map_err(|error| not_made(&error))?;
        if read == 0 {
            return Ok(());
        }
        out.write_all(&buffer[..read]).map_err(|error| not_made(&error))?;
    }
}

struct HashedUpload<'a> {
    object: Box<dyn NewLargeObject + 'a>,
    hasher: Sha256,
    length: u64,
}

impl Write for HashedUpload<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.object.write(Bytes::copy_from_slice(bytes)).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
