use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;

use super::coming::{Coming, Prepared};
use super::fetch::check_label;
use super::siblings::Siblings;
use super::{Repository, WalFolder};
use crate::codec::{Identities, LABEL_BYTES_MAX, Label, decode, label_of_stored, read_failed};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::WalFileName;
use crate::storage::{Created, Facts};

/// What became of a file that was to be archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archived {
    /// Stored now, in so many bytes.
    New { bytes: u64 },
    /// The same content was there already, and is durable.
    Already,
}

const IN_THE_WAY: &str =
    "Move that object aside after looking at it; then the file is archived again.";

impl Repository {
    /// Stores a WAL file under its name, once and for ever, from what comes while it is compressed.
    /// `siblings` says what is stored under the other encryption setting, which may have been changed
    /// since the name was stored; it is asked first.
    pub fn archive(
        &self,
        folder: &WalFolder,
        name: WalFileName,
        coming: Coming,
        siblings: &Siblings,
    ) -> Result<Archived> {
        let said = |error: Error| {
            error.while_doing(format!("could not archive {name} in repository {}", self.name))
        };
        self.archive_unnamed(folder, name, coming, siblings).map_err(said)
    }

    fn archive_unnamed(
        &self,
        folder: &WalFolder,
        name: WalFileName,
        coming: Coming,
        siblings: &Siblings,
    ) -> Result<Archived> {
        let encrypted = self.recipients.is_some();
        if siblings.have(self, folder, name)? {
            let prepared = coming.prepared()?;
            return self.compare(&folder.key(name, !encrypted), !encrypted, name, &prepared);
        }
        let key = folder.key(name, encrypted);
        let (created, prepared, bytes) = self.store(&key, coming)?;
        failpoint::reach("push.repository-done");
        match created {
            Created::New => Ok(Archived::New { bytes }),
            Created::Taken => self.compare(&key, encrypted, name, &prepared),
        }
    }

    /// What became of it, what was stored and in how many bytes.
    fn store(&self, key: &str, mut coming: Coming) -> Result<(Created, Arc<Prepared>, u64)> {
        if let Some(recipients) = &self.recipients {
            let prepared = coming.prepared()?;
            let bytes = prepared.encrypted(recipients)?;
            let length = bytes.len() as u64;
            let created = self.storage.create(key, bytes, &facts(&prepared))?;
            return Ok((created, prepared, length));
        }
        let mut object = self.storage.begin(key, coming.front_length())?;
        while let Some(frame) = coming.next_frame() {
            object.write(frame)?;
        }
        let prepared = coming.prepared()?;
        let created = object.finish(Bytes::from(prepared.label.to_frame()), &facts(&prepared))?;
        let length = prepared.length;
        Ok((created, prepared, length))
    }

    /// The name is taken: the same content is success, other content stops.
    fn compare(
        &self,
        key: &str,
        encrypted: bool,
        name: WalFileName,
        prepared: &Prepared,
    ) -> Result<Archived> {
        let theirs = self.stored_label(key, encrypted, name, prepared).map_err(|error| {
            let error = self.judged(error);
            let damaged = error.class() == Class::Damaged;
            let error =
                error.while_doing(format!("the object {key} is in the way and can't be read"));
            if damaged { error.hint(IN_THE_WAY) } else { error }
        })?;
        if prepared.is(&theirs) {
            self.storage.settle(key)?;
            return Ok(Archived::Already);
        }
        let ours = &prepared.label;
        Err(Error::new(
            Class::Conflict,
            format!(
                "expected {} bytes with BLAKE3 {}, found an object of that name with {} bytes and BLAKE3 {}; \
                 nothing was changed",
                ours.size, ours.digest, theirs.size, theirs.digest
            ),
        )
        .hint(
            "Two servers archive into one cluster name, or this server was restored and went its own way. \
             Give one of them another cluster name; never delete the object before you know which is right.",
        ))
    }

    /// What the stored object is: from reading it all, where that is cheap or where its length is another
    /// than ours; else from what it says of itself.
    fn stored_label(
        &self,
        key: &str,
        encrypted: bool,
        name: WalFileName,
        ours: &Prepared,
    ) -> Result<Label> {
        if self.storage.reads_are_cheap() && !encrypted {
            return self.read_through(key, false, name, &Identities::default());
        }
        let stored = self.storage.head(key)?.map(|it| (it.size, it.facts));
        let (size, facts) = stored.unwrap_or_default();
        let plausible = ours.could_be(size, encrypted);
        match label_of_facts(&facts) {
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

    fn reader(&self, key: &str, limit: Option<u64>) -> Result<Box<dyn Read + Send>> {
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

fn facts(prepared: &Prepared) -> Facts {
    let digest = prepared.label.digest.to_string();
    let size = prepared.label.size.to_string();
    let facts = [("seawall-format", "1"), ("seawall-size", &size), ("seawall-blake3", &digest)];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn label_of_facts(facts: &Facts) -> Option<Label> {
    let format = facts.get("seawall-format")?;
    let size = facts.get("seawall-size")?.parse().ok()?;
    let digest = facts.get("seawall-blake3")?.parse().ok()?;
    (format == "1").then(|| Label { name: String::new(), size, digest })
}
