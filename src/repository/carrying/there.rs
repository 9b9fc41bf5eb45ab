//! What the target has already under the name of a file: the same, other content, or ours beside it.

use super::super::compare::{is_other, label_of};
use super::super::listing::StoredWal;
use super::super::names::FoundObject;
use super::{Carried, Carrying, agrees};
use crate::codec::{Digest, Identities, Label};
use crate::error::{Class, Error, Result};
use crate::postgres::WalFileName;

impl Carrying<'_> {
    /// The target has something under the name: whether it is what the source has.
    pub(super) fn is_there(
        &self,
        stored: &StoredWal,
        there: &[FoundObject],
        expected: Option<(u64, &Digest)>,
    ) -> Result<Carried> {
        let name = stored.name;
        let key = self.source.folder.key(name, stored.encrypted);
        let said = self.from.front_label(&key, stored.encrypted, name)?;
        agrees(&said, expected)?;
        let compared = self.compare(name, there, (said.size, &said.digest));
        match compared {
            // Before anybody hears of two lines: a damaged source is none.
            Err(error) if error.class() == Class::Conflict => {
                self.read(stored, expected)?;
                Err(error)
            }
            compared => compared,
        }
    }

    /// The same content in each object that was found is success, and made durable; other content stops, unless the
    /// target keeps ours beside it, because a timeline was left within this segment.
    pub(super) fn compare(
        &self,
        name: WalFileName,
        found: &[FoundObject],
        (size, digest): (u64, &Digest),
    ) -> Result<Carried> {
        let folder = self.source.folder;
        for one in found {
            let key = folder.key(name, one.encrypted);
            let theirs =
                self.label_there(name, one, &key).map_err(|error| in_the_way(&key, error))?;
            if (theirs.size, &theirs.digest) != (size, digest) {
                let ours = Label { name: name.to_string(), size, digest: *digest };
                if self.is_beside(name, digest)? {
                    continue;
                }
                return Err(is_other(&ours, &theirs));
            }
            self.to.storage.settle(&key)?;
            self.remember(name, &key);
        }
        Ok(Carried::Already)
    }

    fn label_there(&self, name: WalFileName, one: &FoundObject, key: &str) -> Result<Label> {
        if self.to.storage.reads_are_cheap() && !one.encrypted {
            return self.to.read_through(key, false, name, &Identities::default());
        }
        let stored = match &one.stored {
            Some(known) => Some(known.clone()),
            None => self.to.storage.head(key)?,
        };
        match stored.and_then(|it| label_of(&it.metadata)) {
            Some(label) => Ok(label),
            None => self.to.front_label(key, one.encrypted, name),
        }
    }

    fn is_beside(&self, name: WalFileName, digest: &Digest) -> Result<bool> {
        if !matches!(name, WalFileName::Segment(_) | WalFileName::Partial(_)) {
            return Ok(false);
        }
        for encrypted in [self.to.encrypts(), !self.to.encrypts()] {
            let key = self.source.folder.beyond_key(name, digest, encrypted);
            if self.to.storage.head(&key)?.is_some() {
                self.to.check_beyond(&key, encrypted, digest)?;
                self.to.storage.settle(&key)?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// An object that can't be read there is no reason to doubt the source.
fn in_the_way(key: &str, error: Error) -> Error {
    let said = format!("the object {key} is in the way and can't be read");
    if error.class() != Class::Damaged {
        return error.while_doing(said);
    }
    Error::new(Class::Conflict, format!("{said}: {}", error.message()))
        .hint("Move that object aside after looking at it; then the file is copied again.")
}
