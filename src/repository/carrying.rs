//! A WAL file comes from one repository into another: a debt that is paid, a second copy, a repair. What is stored is what
//! was archived: the source is proved before anything of it goes on, and the target is asked as by a push.
//!
//! Where both keep their objects alike the stored bytes are taken as they are. Encryption is put around them or taken
//! off them, so nothing is compressed anew. `there` is what the target has under a name already, `second` brings
//! second contents over, and `own` takes a file that PostgreSQL still has itself.

mod own;
mod second;
#[cfg(test)]
mod tests;
mod there;

use std::io::Read as _;
use std::ops::ControlFlow;

use bytes::Bytes;

use super::archive::metadata;
use super::compare::both_are_stored;
use super::listing::StoredWal;
use super::memory::RepositoryMemory;
use super::names::{FoundObject, NamesThere, ask};
use super::reading::{check_label, read_checked};
use super::{Repository, Source};
use crate::codec::{
    Digest, Identities, LABEL_BYTES_MAX, Label, decode, decrypted, encrypt, label_of_stored,
    read_failed,
};
use crate::error::{Class, Error, Result};
use crate::postgres::{WalFileName, WalSegmentSize};
use crate::storage::{Created, StorePlace};

/// Nothing that was archived is longer: the largest segment, what can't be compressed of it, and encryption.
const STORED_BYTES_MAX: u64 = WalSegmentSize::MAX_BYTES + (WalSegmentSize::MAX_BYTES >> 6);

/// From where to where WAL files come.
pub struct Carrying<'a> {
    pub from: &'a Repository,
    pub to: &'a Repository,
    /// Where the files lie in both, and the private keys of this host, if it has any.
    pub source: &'a Source<'a>,
    /// What this host stored in `to` before. With it a repository that was exchanged takes nothing.
    pub memory: Option<&'a RepositoryMemory>,
    /// Whether what is encrypted is encrypted once more, to the keys that `to` has now.
    pub anew: bool,
}

/// What became of a file that was to be carried over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// Stored now, in so many bytes, and durable.
    New { bytes: u64 },
    /// The same content was there already, and is durable.
    Already,
    /// The source has no such file, and there is nothing to compare that of the target with.
    Absent,
}

/// A file that was read and proved, as it is to be stored.
pub struct Carriage {
    name: WalFileName,
    label: Label,
    content: CarriedContent,
}

enum CarriedContent {
    Bytes(Bytes),
    /// The store of both has it, and copies it by itself.
    InStore(StorePlace, StoredWal),
}

impl Carriage {
    /// Length of the plain content in bytes, and its digest.
    pub fn content(&self) -> (u64, Digest) {
        (self.label.size, self.label.digest)
    }
}

impl Carrying<'_> {
    /// Brings one file over. `expected`: length in bytes and digest of its plain content, where they are known.
    ///
    /// Errors: [`Class::Damaged`] is of the source: it is not what was archived or not what was expected.
    /// [`Class::Conflict`]: something else is under this name in the target. Nothing was changed then.
    pub fn carry(&self, name: WalFileName, expected: Option<(u64, &Digest)>) -> Result<Carried> {
        let names = self.names([name]);
        let carry = || {
            let there = self.look(name, &names)?;
            let stored = self.find(name)?;
            if there.is_empty() {
                let Some(stored) = stored else { return Ok(Carried::Absent) };
                return self.store(self.read(&stored, expected)?);
            }
            match (stored, expected) {
                (Some(stored), _) => self.is_there(&stored, &there, expected),
                (None, Some(expected)) => self.compare(name, &there, expected),
                (None, None) => Ok(Carried::Absent),
            }
        };
        carry().map_err(|error| self.not_carried(name, error))
    }

    /// Fails where both have a file and not the same: of two servers each archived into one of them.
    pub fn check_same(&self, name: WalFileName) -> Result<()> {
        let check = || {
            let there = self.look(name, &self.names([name]))?;
            match self.find(name)? {
                Some(stored) if !there.is_empty() => self.is_there(&stored, &there, None).map(drop),
                _ => Ok(()),
            }
        };
        check().map_err(|error| self.not_carried(name, error))
    }

    /// The error of a file that could not be carried over.
    pub fn not_carried(&self, name: WalFileName, error: Error) -> Error {
        let (from, to) = (self.from.name(), self.to.name());
        error.while_doing(format!("could not copy {name} from repository {from} to {to}"))
    }

    /// Fails where the target is not the repository any more that it was when this host stored something there. `name`
    /// is about to be stored.
    pub fn check_target(&self, name: WalFileName) -> Result<()> {
        self.look(name, &self.names([name]))
            .map(drop)
            .map_err(|error| self.not_carried(name, error))
    }

    /// The names of files of one call, for [`Carrying::look`].
    fn names(&self, names: impl IntoIterator<Item = WalFileName>) -> NamesThere {
        let names = NamesThere::of(names);
        match self.memory {
            Some(memory) => names.remembering(memory, self.to, self.source.folder),
            None => names,
        }
    }

    /// What the target has under this name; an error where it is not the repository that it was.
    fn look(&self, name: WalFileName, names: &NamesThere) -> Result<Vec<FoundObject>> {
        let folder = self.source.folder;
        let looked = names.look(self.to, folder, name)?;
        if let (true, Some(remembered)) = (looked.lacks, &names.remembered) {
            self.to.accept_without(remembered, folder, name)?;
        }
        Ok(looked.found)
    }

    /// What the source has: rather as the target keeps it.
    fn find(&self, name: WalFileName) -> Result<Option<StoredWal>> {
        let folder = self.source.folder;
        for encrypted in [self.to.encrypts(), !self.to.encrypts()] {
            if let Some(head) = self.from.storage.head(&folder.key(name, encrypted))? {
                return Ok(Some(StoredWal { name, encrypted, size: head.size }));
            }
        }
        Ok(None)
    }

    /// Reads a file of the source whole and proves it. Of an encrypted one a host without private keys proves what its
    /// label says and its length.
    pub fn read(&self, stored: &StoredWal, expected: Option<(u64, &Digest)>) -> Result<Carriage> {
        let key = self.source.folder.key(stored.name, stored.encrypted);
        self.from.tried_again(self.source, &key, &|| {
            let (name, bytes) = (stored.name, self.bytes(stored.size, &key)?);
            let prove = |clear: &[u8]| self.prove(name, clear);
            let check = |label: &Label| check_label(label, name);
            let (label, content) = self.proved(stored.encrypted, bytes, &prove, &check)?;
            agrees(&label, expected)?;
            Ok(Carriage { name, label, content: CarriedContent::Bytes(content) })
        })
    }

    /// The same, unless one store has both and keeps the file alike in both: then it is not read, and its label tells what
    /// it is.
    pub fn read_or_refer(&self, stored: &StoredWal) -> Result<Carriage> {
        let as_it_is = stored.encrypted == self.to.encrypts() && !(self.anew && stored.encrypted);
        let place = self.from.storage.server_side().filter(|_| as_it_is);
        let theirs = self.to.storage.server_side();
        let place = place.filter(|place| theirs.is_some_and(|it| it.store == place.store));
        let Some(place) = place else { return self.read(stored, None) };
        let (name, key) = (stored.name, self.source.folder.key(stored.name, stored.encrypted));
        self.from.tried_again(self.source, &key, &|| {
            let label = self.from.front_label(&key, stored.encrypted, name)?;
            let content = CarriedContent::InStore(place.clone(), *stored);
            Ok(Carriage { name, label, content })
        })
    }

    fn bytes(&self, size: u64, key: &str) -> Result<Bytes> {
        if size > STORED_BYTES_MAX {
            let message =
                format!("expected at most {STORED_BYTES_MAX} bytes at {key}, found {size}");
            return Err(Error::new(Class::Damaged, message));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        let mut reader = self.from.reader(key, None)?.take(size + 1);
        reader.read_to_end(&mut bytes).map_err(|error| read_failed(&error))?;
        if bytes.len() as u64 != size {
            let found = bytes.len();
            let message =
                format!("expected {size} bytes at {key} as the repository says, found {found}");
            return Err(Error::new(Class::Damaged, message));
        }
        Ok(Bytes::from(bytes))
    }

    /// The object as the target is to have it. `prove` decodes what is in the clear, `check` looks at a label.
    fn proved(
        &self,
        encrypted: bool,
        bytes: Bytes,
        prove: &dyn Fn(&[u8]) -> Result<Label>,
        check: &dyn Fn(&Label) -> Result<()>,
    ) -> Result<(Label, Bytes)> {
        let recipients = self.to.recipients.as_ref();
        if !encrypted {
            let label = prove(&bytes)?;
            let content = match recipients {
                Some(recipients) => Bytes::from(encrypt(&label, &[frames(&bytes)?], recipients)?),
                None => bytes,
            };
            return Ok((label, content));
        }
        let front = &bytes[..bytes.len().min(LABEL_BYTES_MAX)];
        let said = label_of_stored(front, true).map_err(|error| damaged(&error))?;
        check(&said)?;
        let as_it_is = recipients.is_some() && !self.anew;
        let clear = match decrypted(&bytes, self.source.identities) {
            // Who can't open it knows of it what a push knows.
            Err(error) if error.class() == Class::Configuration && as_it_is => {
                return Ok((said, bytes));
            }
            opened => Bytes::from(opened.map_err(|error| self.needs_key(error))?),
        };
        let label = prove(&clear)?;
        if label != said {
            let message = format!(
                "expected {} bytes with BLAKE3 {} as the front of the object says, found {} with {} in it",
                said.size, said.digest, label.size, label.digest
            );
            return Err(Error::new(Class::Damaged, message));
        }
        let content = match recipients {
            Some(_) if as_it_is => bytes,
            Some(recipients) => Bytes::from(encrypt(&label, &[frames(&clear)?], recipients)?),
            None => clear,
        };
        Ok((label, content))
    }

    /// Decodes an object that is in the clear to its end.
    fn prove(&self, name: WalFileName, clear: &[u8]) -> Result<Label> {
        let nobody = Identities::default();
        let decoded = decode(clear, false, &nobody)?;
        let pass = &mut |_: &[u8]| Ok(ControlFlow::Continue(()));
        read_checked(decoded, name, self.source.folder, pass)
    }

    fn needs_key(&self, error: Error) -> Error {
        if error.class() != Class::Configuration {
            return error;
        }
        let wanted = match self.to.encrypts() {
            true => "it is to be encrypted to other keys",
            false => "that repository keeps its objects in the clear",
        };
        error.adding(format_args!("; {wanted}, so it has to be opened"))
    }

    /// Stores what was read, if nothing is under its name.
    pub fn store(&self, carriage: Carriage) -> Result<Carried> {
        let Carriage { name, label, content } = carriage;
        let (folder, encrypts) = (self.source.folder, self.to.encrypts());
        let key = folder.key(name, encrypts);
        let (created, bytes) = match content {
            CarriedContent::Bytes(content) => {
                let bytes = content.len() as u64;
                (self.to.storage.create(&key, content, &metadata(&label))?, bytes)
            }
            CarriedContent::InStore(place, stored) => {
                let storage = &*self.to.storage;
                let Some(created) = storage.copy_within(&place, &key, &key, stored.size)? else {
                    return self.store(self.read(&stored, Some((label.size, &label.digest)))?);
                };
                (created, stored.size)
            }
        };
        let ours = (label.size, &label.digest);
        if created == Created::Taken {
            let found = [FoundObject { encrypted: encrypts, stored: None }];
            return self.compare(name, &found, ours);
        }
        // A host with the other encryption setting may have done the same at the same moment.
        let beside = ask(&*self.to.storage, folder, name, &[!encrypts])?.found;
        let keys = [encrypts, !encrypts].map(|encrypted| folder.key(name, encrypted));
        self.compare(name, &beside, ours).map_err(|error| both_are_stored(error, &keys))?;
        self.remember(name, &key);
        Ok(Carried::New { bytes })
    }

    fn remember(&self, name: WalFileName, key: &str) {
        if let Some(memory) = self.memory {
            memory.keep(self.to, self.source.folder, name, key);
        }
    }
}

/// What comes behind the label of an object in the clear.
fn frames(clear: &Bytes) -> Result<Bytes> {
    let (_, length) = Label::parse_frame(clear).map_err(|error| damaged(&error))?;
    Ok(clear.slice(length..))
}

fn agrees(label: &Label, expected: Option<(u64, &Digest)>) -> Result<()> {
    let Some((size, digest)) = expected.filter(|it| *it != (label.size, &label.digest)) else {
        return Ok(());
    };
    let message = format!(
        "expected {size} bytes with BLAKE3 {digest}, found {} bytes with BLAKE3 {}",
        label.size, label.digest
    );
    Err(Error::new(Class::Damaged, message))
}

fn damaged(reason: &dyn std::fmt::Display) -> Error {
    Error::new(Class::Damaged, reason.to_string())
}
