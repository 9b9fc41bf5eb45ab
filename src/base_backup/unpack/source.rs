use std::io::{self, BufRead, Read};
use std::thread;
use std::time::Duration;

use super::ahead::read_ahead;
use super::entry::{PartEntry, read_entries};
use super::stored::{Plain, Stored, damaged};
use crate::base_backup::{Description, Part, StoredObject};
use crate::codec::{Identities, decode_unlabelled, read_failed};
use crate::error::{Class, Error, Result};
use crate::postgres::BackupManifest;
use crate::storage::Storage;

const BUFFER_BYTES: usize = 1 << 18;

/// Bytes that are wrong may have been damaged on the way.
const TRIES_OF_WRONG_BYTES: u32 = 2;

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

/// Why a try failed, and whether another one may do better.
struct Failure {
    error: Error,
    tries: u32,
}

impl BackupSource<'_> {
    /// `backup_manifest` as it is stored, and what it says. Proved by the description and by itself.
    pub fn manifest(&self) -> Result<(Vec<u8>, BackupManifest)> {
        let object = &self.description.manifest;
        self.read_plain(object, &|_| {}, &mut |plain| {
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

    /// Reads a part to its end. When it returns, the visitor was shown all of it in order, and it is what
    /// was stored. `progress` gets the number of plain bytes after each read.
    pub fn part(
        &self,
        part: &Part,
        progress: &dyn Fn(u64),
        visitor: &mut dyn PartVisitor,
    ) -> Result<()> {
        self.read_plain(&part.stored, progress, &mut |plain| {
            visitor.begin();
            read_entries(plain, part, &mut |entry| visitor.entry(entry))
        })
    }

    /// Proves length and SHA-256 of a part or the manifest without opening it: for who has no private key.
    /// `progress` gets the number of stored bytes after each read; a second try tells them once more.
    pub fn stored(&self, object: &StoredObject, progress: &dyn Fn(u64)) -> Result<()> {
        self.read(object, &mut |stored| {
            let mut buffer = vec![0; BUFFER_BYTES];
            loop {
                match stored.read(&mut buffer).map_err(|error| read_failed(&error))? {
                    0 => return Ok(()),
                    read => progress(read as u64),
                }
            }
        })
    }

    fn read_plain<T>(
        &self,
        object: &StoredObject,
        progress: &dyn Fn(u64),
        read: &mut dyn FnMut(&mut dyn BufRead) -> Result<T>,
    ) -> Result<T> {
        self.read(object, &mut |stored| self.unpack(stored, object, progress, read))
    }

    fn read<T>(
        &self,
        object: &StoredObject,
        read: &mut dyn FnMut(&mut Stored<'_>) -> Result<T>,
    ) -> Result<T> {
        let key = format!("{}{}", self.prefix, object.object);
        let mut tried = 0;
        loop {
            let failure = match self.try_to_read(&key, object, read) {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            tried += 1;
            // What went wrong on this host has nothing to do with the object.
            let error = match failure.error.class() {
                Class::LocalFile => failure.error,
                _ => failure.error.while_doing(format!("could not read {key}")),
            };
            if tried >= failure.tries {
                return Err(error);
            }
            tracing::info!("trying again: {error}");
            thread::sleep(Duration::from_millis(100 << tried.min(6)));
        }
    }

    fn try_to_read<T>(
        &self,
        key: &str,
        object: &StoredObject,
        read: &mut dyn FnMut(&mut Stored<'_>) -> Result<T>,
    ) -> Result<T, Failure> {
        let never_again = |error| Failure { error, tries: 1 };
        let stored = self.storage.open(key, None).map_err(never_again)?;
        let stored = stored.ok_or_else(|| {
            let expected = object.stored_size;
            never_again(damaged(format!("expected an object of {expected} bytes, found none")))
        })?;
        let mut stored = Stored::new(stored, object);
        match read(&mut stored) {
            Err(error) if error.class() == Class::Unreachable => {
                Err(Failure { error, tries: self.attempts })
            }
            Err(error) if error.class() != Class::Damaged => Err(never_again(error)),
            // Whether the bytes are wrong or were so before they were stored makes a difference to
            // whoever has to mend it.
            done => match (done, stored.prove()) {
                (Ok(done), Ok(())) => Ok(done),
                (Err(error), Ok(())) => Err(never_again(error)),
                (Ok(_), Err(proof)) => Err(self.wrong_bytes(proof)),
                (Err(error), Err(proof)) if error.to_string().ends_with(&proof.to_string()) => {
                    Err(self.wrong_bytes(proof))
                }
                (Err(error), Err(proof)) => {
                    Err(self.wrong_bytes(Error::new(proof.class(), format!("{proof}; {error}"))))
                }
            },
        }
    }

    fn wrong_bytes(&self, error: Error) -> Failure {
        let broke_off = error.class() == Class::Unreachable;
        Failure { error, tries: if broke_off { self.attempts } else { TRIES_OF_WRONG_BYTES } }
    }

    fn unpack<T>(
        &self,
        stored: &mut Stored<'_>,
        object: &StoredObject,
        progress: &dyn Fn(u64),
        read: &mut dyn FnMut(&mut dyn BufRead) -> Result<T>,
    ) -> Result<T> {
        let (encrypted, identities) = (self.description.encrypted, self.identities);
        let open = || decode_unlabelled(stored, encrypted, identities);
        read_ahead(open, |ahead| {
            let mut plain = Plain::new(ahead, object, progress);
            let done = read(&mut plain)?;
            io::copy(&mut plain, &mut io::sink()).map_err(|error| read_failed(&error))?;
            plain.check_end()?;
            Ok(done)
        })
    }
}
