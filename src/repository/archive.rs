//! A WAL file comes into one repository: looked for, written, and only then named, so that whoever has several
//! repositories can hear all of them before the first one stores anything.

use std::sync::Arc;

use bytes::Bytes;

use super::Repository;
use super::beyond::{KeptBeside, Original, UpTo};
use super::compare::both_are_stored;
use super::encoded_frames::{EncodedFrames, Prepared};
use super::memory::RepositoryMemory;
use super::names::{FoundObject, NameThere, NamesThere, ask};
use crate::codec::Label;
use crate::error::{Error, Result};
use crate::failpoint;
use crate::postgres::WalFileName;
use crate::storage::{Created, Metadata, WholeObject};

/// What became of a file that was to be archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Archived {
    /// Stored now, in so many bytes.
    New { bytes: u64 },
    /// The same content was there already, and is durable.
    Already,
    /// Other content is there, the same up to the place where its timeline was left. What the file has behind that is
    /// kept under another name, if it has anything there.
    UpTo(UpTo, Option<KeptBeside>),
}

/// A file of which one repository has no other content, and all that is needed to store it. Dropped, it never was.
pub struct UnnamedWalFile<'a> {
    repository: &'a Repository,
    original: &'a Original<'a>,
    prepared: Arc<Prepared>,
    looked: NameThere,
    standing: Standing<'a>,
}

/// What there is under the name of a file.
enum Standing<'a> {
    Nothing(UnnamedObject<'a>),
    Same,
    UpTo(UpTo),
}

impl From<Option<UpTo>> for Standing<'_> {
    fn from(compared: Option<UpTo>) -> Self {
        compared.map_or(Self::Same, Self::UpTo)
    }
}

struct UnnamedObject<'a> {
    object: Box<dyn WholeObject + 'a>,
    /// Its length.
    bytes: u64,
}

impl Repository {
    /// Looks whether a WAL file is there, and writes what comes while it is compressed: all but its name. Other
    /// content under its name is a conflict.
    pub fn prepare<'a>(
        &'a self,
        original: &'a Original<'a>,
        frames: EncodedFrames,
        names: &NamesThere,
    ) -> Result<UnnamedWalFile<'a>> {
        let Original { folder, name, .. } = *original;
        let looked = names.look(self, folder, name);
        let looked = looked.map_err(|error| self.not_archived(name, error))?;
        if let (true, Some(remembered)) = (looked.lacks, &names.remembered) {
            let accepted = self.accept_without(remembered, folder, name);
            accepted.map_err(|error| error.while_doing(format!("could not archive {name}")))?;
        }
        let prepare = || {
            let (prepared, standing) = if looked.found.is_empty() {
                let (prepared, object) = self.write(&folder.key(name, self.encrypts()), frames)?;
                (prepared, Standing::Nothing(object))
            } else {
                let prepared = frames.prepared()?;
                let compared = self.compare(original, &looked.found, &prepared)?;
                (prepared, compared.into())
            };
            Ok(UnnamedWalFile { repository: self, original, prepared, looked, standing })
        };
        prepare().map_err(|error| self.not_archived(name, error))
    }

    fn not_archived(&self, name: WalFileName, error: Error) -> Error {
        error.while_doing(format!("could not archive {name} in repository {}", self.name))
    }

    fn write(
        &self,
        key: &str,
        mut frames: EncodedFrames,
    ) -> Result<(Arc<Prepared>, UnnamedObject<'_>)> {
        if let Some(recipients) = &self.recipients {
            let prepared = frames.prepared()?;
            let content = prepared.encrypted(recipients)?;
            let bytes = content.len() as u64;
            let mut object = self.storage.begin(key, 0)?;
            object.write(content)?;
            return Ok((prepared, UnnamedObject { object: object.complete(Bytes::new())?, bytes }));
        }
        let mut object = self.storage.begin(key, frames.front_length())?;
        while let Some(frame) = frames.next_frame() {
            object.write(frame)?;
        }
        let prepared = frames.prepared()?;
        let object = object.complete(Bytes::from(prepared.label.to_frame()))?;
        let bytes = prepared.length;
        Ok((prepared, UnnamedObject { object, bytes }))
    }
}

impl<'a> UnnamedWalFile<'a> {
    /// Looks once more where the first look says nothing of now.
    pub fn look_again(mut self) -> Result<Self> {
        let cheap = self.repository.storage.reads_are_cheap();
        if matches!(self.standing, Standing::Nothing(_)) && (cheap || self.looked.is_old()) {
            self.look_now(&[false, true]).map_err(|error| self.failed(error))?;
        }
        Ok(self)
    }

    /// Gives it its name, once and for ever.
    pub fn publish(mut self) -> Result<NamedWalFile<'a>> {
        let archived = self.named().map_err(|error| self.failed(error))?;
        Ok(NamedWalFile { candidate: self, archived })
    }

    fn named(&mut self) -> Result<Archived> {
        let UnnamedObject { object, bytes } =
            match std::mem::replace(&mut self.standing, Standing::Same) {
                Standing::Nothing(object) => object,
                Standing::Same => return Ok(Archived::Already),
                Standing::UpTo(up_to) => return self.keep_beyond(up_to),
            };
        let created = object.publish(&metadata(&self.prepared.label))?;
        failpoint::reach("push.repository-done");
        if created == Created::Taken {
            let found = [FoundObject { encrypted: self.repository.encrypts(), stored: None }];
            return match self.compare(&found)? {
                Some(up_to) => self.keep_beyond(up_to),
                None => Ok(Archived::Already),
            };
        }
        if self.repository.storage.reads_are_cheap() {
            self.look_beside()?;
        }
        Ok(Archived::New { bytes })
    }

    fn look_now(&mut self, settings: &[bool]) -> Result<()> {
        self.looked = self.ask(settings)?;
        if self.looked.found.is_empty() {
            return Ok(());
        }
        self.standing = Standing::Same;
        self.standing = self.compare(&self.looked.found)?.into();
        Ok(())
    }

    fn ask(&self, settings: &[bool]) -> Result<NameThere> {
        let Original { folder, name, .. } = *self.original;
        ask(&*self.repository.storage, folder, name, settings)
    }

    fn compare(&self, found: &[FoundObject]) -> Result<Option<UpTo>> {
        self.repository.compare(self.original, found, &self.prepared)
    }

    fn keep_beyond(&self, up_to: UpTo) -> Result<Archived> {
        let digest = &self.prepared.label.digest;
        let keep = || self.repository.keep_beyond(digest, self.original);
        let kept = up_to.goes_on.then(keep).transpose()?;
        Ok(Archived::UpTo(up_to, kept))
    }

    /// A host with the other encryption setting may have done the same at the same moment, under its own name.
    /// Of two such hosts, the one that was later sees the other's.
    fn look_beside(&self) -> Result<()> {
        let (ours, theirs) = (self.repository.encrypts(), !self.repository.encrypts());
        let looked = self.ask(&[theirs])?;
        if looked.found.is_empty() {
            return Ok(());
        }
        let Original { folder, name, .. } = *self.original;
        let keys = [ours, theirs].map(|encrypted| folder.key(name, encrypted));
        let compared = self.compare(&looked.found);
        if compared.map_err(|error| both_are_stored(error, &keys))?.is_some() {
            // Both are stored, whole.
            return Ok(());
        }
        tracing::warn!(
            "two hosts archived the same content at the same moment, only one of them encrypted: {} and {} are \
             both stored now in repository {}",
            keys[0],
            keys[1],
            self.repository.name
        );
        Ok(())
    }

    fn failed(&self, error: Error) -> Error {
        self.repository.not_archived(self.original.name, error)
    }
}

/// A file that has its name.
pub struct NamedWalFile<'a> {
    candidate: UnnamedWalFile<'a>,
    archived: Archived,
}

impl<'a> NamedWalFile<'a> {
    pub fn repository(&self) -> &'a Repository {
        self.candidate.repository
    }

    /// Makes a note that the repository took it, by which it is known again.
    pub fn remember(&self, memory: &RepositoryMemory) {
        let UnnamedWalFile { repository, original, looked, .. } = &self.candidate;
        let Original { folder, name, .. } = original;
        let found = looked.found.first().map_or(repository.encrypts(), |found| found.encrypted);
        memory.keep(repository, folder, *name, &folder.key(*name, found));
    }

    /// What became of it, once nobody else has stored it in another way. A bucket is asked here, so that those who
    /// wait for their turn need not wait for this.
    pub fn confirm(self) -> Result<Archived> {
        let Self { candidate, archived } = self;
        let is_new = matches!(archived, Archived::New { .. });
        if is_new && !candidate.repository.storage.reads_are_cheap() {
            candidate.look_beside().map_err(|error| candidate.failed(error))?;
        }
        Ok(archived)
    }
}

/// What a bucket keeps beside an object, so that a HEAD is enough to compare.
pub(super) fn metadata(label: &Label) -> Metadata {
    let digest = label.digest.to_string();
    let size = label.size.to_string();
    let metadata = [("seawall-format", "1"), ("seawall-size", &size), ("seawall-blake3", &digest)];
    metadata.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
