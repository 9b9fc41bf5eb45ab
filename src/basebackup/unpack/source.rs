//! One base backup in a repository, as `restore`, `drill` and `verify` read it: its manifest, and its parts entry by
//! entry.
//!
//! All of it is proved while it is read. What is shown to a visitor before the end of a part may have to be shown
//! again.

use std::cell::Cell;

use super::entry::{PartEntry, read_entries};
use crate::backup::{ObjectSource, StoredObject, damaged};
use crate::basebackup::description::check_manifest_length;
use crate::basebackup::{Description, Part};
use crate::codec::{Identities, read_failed};
use crate::error::{Class, Error, Result};
use crate::postgres::BackupManifest;
use crate::storage::{DAMAGED, Storage};

/// A base backup in a repository, about to be read.
#[derive(Clone, Copy)]
pub struct BackupSource<'a> {
    pub storage: &'a dyn Storage,
    /// What the keys of its objects begin with, its last `/` included.
    pub prefix: &'a str,
    pub description: &'a Description,
    pub identities: &'a Identities,
    /// How often an object is read whose answer breaks off.
    pub attempts: u32,
}

/// Who is shown a part.
pub trait PartVisitor {
    /// The part is read from its beginning: the first time, or because the try before broke off.
    fn begin(&mut self);

    /// An error ends the reading of the part.
    fn entry(&mut self, entry: PartEntry<'_>) -> Result<()>;
}

impl BackupSource<'_> {
    /// `backup_manifest` as it is stored, and what it says. Proved by the description and by itself.
    pub fn manifest(&self) -> Result<(Vec<u8>, BackupManifest)> {
        let object = &self.description.manifest;
        self.check_manifest_length()?;
        self.objects().plain(object, &|_| {}, &mut |plain| {
            let mut bytes = Vec::new();
            plain.read_to_end(&mut bytes).map_err(|error| read_failed(&error))?;
            let manifest = BackupManifest::parse(&bytes);
            let manifest = manifest.map_err(|error| damaged(error.to_string()))?;
            let expected = &self.description.system_identifier;
            if let Some(found) = manifest.system.filter(|found| found.to_string() != *expected) {
                return Err(damaged(format!(
                    "expected the backup_manifest of system {expected}, found that of system {found}"
                )));
            }
            Ok((bytes, manifest))
        })
    }

    /// Before it is read: of its length there is only the word of who described it.
    fn check_manifest_length(&self) -> Result<()> {
        let Description { parts, manifest, .. } = self.description;
        let checked = check_manifest_length(parts, manifest.size);
        checked.map_err(|reason| damaged(reason).hint(DAMAGED))
    }

    /// Reads a part to its end. When it returns, the visitor was shown all of it in order, and it is what
    /// was stored. `progress` gets the number of plain bytes after each read.
    pub fn part(
        &self,
        part: &Part,
        progress: &dyn Fn(u64),
        visitor: &mut dyn PartVisitor,
    ) -> Result<()> {
        self.objects().plain(&part.stored, progress, &mut |plain| {
            visitor.begin();
            read_entries(plain, part, &mut |entry| visitor.entry(entry))
        })
    }

    /// Reads the beginning of the smallest part: whether it comes at all, and opens with the keys that are here.
    pub fn try_part(&self) -> Result<()> {
        let parts = self.description.parts.iter();
        let Some(part) = parts.min_by_key(|part| part.stored.stored_size) else { return Ok(()) };
        let enough = Cell::new(false);
        let tried = self.objects().plain(&part.stored, &|_| {}, &mut |plain| {
            plain.fill_buf().map_err(|error| read_failed(&error))?;
            enough.set(true);
            Err::<(), _>(Error::new(Class::Internal, "the rest is read later"))
        });
        if enough.get() { Ok(()) } else { tried }
    }

    /// Proves a part or the manifest without opening it, see [`ObjectSource::stored`].
    pub fn stored(&self, object: &StoredObject, progress: &dyn Fn(u64)) -> Result<()> {
        self.objects().stored(object, progress)
    }

    fn objects(&self) -> ObjectSource<'_> {
        let Self { storage, prefix, description, identities, attempts } = *self;
        ObjectSource { storage, prefix, encrypted: description.encrypted, identities, attempts }
    }
}
