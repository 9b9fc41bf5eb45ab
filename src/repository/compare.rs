//! What is stored under a name that is taken, compared with what was to be stored there.

use std::io::Read;

use super::beyond::{Original, UpTo};
use super::encoded_frames::Prepared;
use super::names::FoundObject;
use super::reading::check_label;
use super::{Repository, WalFolder};
use crate::codec::{Identities, LABEL_BYTES_MAX, Label, decode, label_of_stored, read_failed};
use crate::error::{Class, Error, Result};
use crate::postgres::WalFileName;
use crate::storage::Metadata;

const IN_THE_WAY: &str =
    "Move that object aside after looking at it; then the file is archived again.";

const WHICH_IS_RIGHT: &str = "Either two servers archive under one cluster name, or this server was restored and has \
     diverged since. Give one of them another cluster name. Do not delete the object before you know which content you need.";

impl Repository {
    /// The same content in each object that was found is success, and made durable; other content stops, unless a
    /// timeline that was left explains it.
    pub(super) fn compare(
        &self,
        original: &Original<'_>,
        found: &[FoundObject],
        ours: &Prepared,
    ) -> Result<Option<UpTo>> {
        let mut up_to = None;
        let name = original.name;
        for one in found {
            let key = original.folder.key(name, one.encrypted);
            let theirs = self.stored_label(&key, name, one, ours).map_err(|error| {
                let error = self.judged(error);
                let damaged = error.class() == Class::Damaged;
                let error =
                    error.while_doing(format!("the object {key} is in the way and can't be read"));
                if damaged { error.hint(IN_THE_WAY) } else { error }
            })?;
            if !ours.is(&theirs) {
                let conflict = is_other(&ours.label, &theirs);
                up_to = Some(original.judge(self, &key, one.encrypted, conflict)?);
            }
            self.storage.settle(&key)?;
        }
        Ok(up_to)
    }

    /// What the stored object is: from reading it all, where that is cheap or where its length is another
    /// than ours; else from what it says of itself.
    fn stored_label(
        &self,
        key: &str,
        name: WalFileName,
        found: &FoundObject,
        ours: &Prepared,
    ) -> Result<Label> {
        let encrypted = found.encrypted;
        if self.storage.reads_are_cheap() && !encrypted {
            return self.read_through(key, false, name, &Identities::default());
        }
        let stored = match &found.stored {
            Some(known) => Some(known.clone()),
            None => self.storage.head(key)?,
        };
        let (size, metadata) = stored.map(|it| (it.size, it.metadata)).unwrap_or_default();
        let plausible = ours.could_be(size, encrypted);
        match label_of(&metadata) {
            Some(label) if plausible || !ours.is(&label) => Ok(label),
            _ if plausible || encrypted => self.front_label(key, encrypted, name),
            // Another level was used, or it is damaged.
            _ => self.read_through(key, false, name, &Identities::default()),
        }
    }

    pub(super) fn front_label(
        &self,
        key: &str,
        encrypted: bool,
        name: WalFileName,
    ) -> Result<Label> {
        let mut front = Vec::new();
        let mut reader = self.reader(key, Some(LABEL_BYTES_MAX as u64))?;
        reader.read_to_end(&mut front).map_err(|error| read_failed(&error))?;
        let label = label_of_stored(&front, encrypted);
        let label = label.map_err(|error| Error::new(Class::Damaged, error.to_string()))?;
        check_label(&label, name)?;
        Ok(label)
    }

    /// The label of a WAL file's object; `None` if the repository has no such object. If it has one in the clear and an
    /// encrypted one, the label is that of the one in the clear.
    pub fn wal_label(&self, folder: &WalFolder, name: WalFileName) -> Result<Option<Label>> {
        for encrypted in [false, true] {
            let key = folder.key(name, encrypted);
            if self.storage.head(&key)?.is_some() {
                return self.front_label(&key, encrypted, name).map(Some);
            }
        }
        Ok(None)
    }

    pub(super) fn reader(&self, key: &str, limit: Option<u64>) -> Result<Box<dyn Read + Send>> {
        let opened = self.storage.open(key, limit)?;
        opened.ok_or_else(|| {
            Error::new(Class::Unreachable, format!("the object {key} was there and is gone"))
        })
    }

    pub(super) fn read_through(
        &self,
        key: &str,
        encrypted: bool,
        name: WalFileName,
        identities: &Identities,
    ) -> Result<Label> {
        let mut decoded = decode(self.reader(key, None)?, encrypted, identities)?;
        check_label(&decoded.label, name)?;
        let mut buffer = vec![0; 1 << 18];
        while decoded.read(&mut buffer)? > 0 {}
        Ok(decoded.label)
    }
}

pub(super) fn is_other(ours: &Label, theirs: &Label) -> Error {
    let message = format!(
        "expected {} bytes with BLAKE3 {}, found an object of that name with {} bytes and BLAKE3 {}; nothing was \
         changed",
        ours.size, ours.digest, theirs.size, theirs.digest
    );
    Error::new(Class::Conflict, message).hint(WHICH_IS_RIGHT)
}

/// The conflict of two hosts that stored a file at the same moment, only one of them encrypted: nobody could refuse
/// the other.
pub(super) fn both_are_stored(error: Error, keys: &[String; 2]) -> Error {
    if error.class() != Class::Conflict {
        return error;
    }
    let message = format!(
        "another server archived other content under this name at the same moment, only one of the two encrypted: \
         {} (of this server) and {} both are stored now",
        keys[0], keys[1]
    );
    Error::new(Class::Conflict, message).hint(WHICH_IS_RIGHT)
}

pub(super) fn label_of(metadata: &Metadata) -> Option<Label> {
    let format = metadata.get("seawall-format")?;
    let size = metadata.get("seawall-size")?.parse().ok()?;
    let digest = metadata.get("seawall-blake3")?.parse().ok()?;
    (format == "1").then(|| Label { name: String::new(), size, digest })
}
