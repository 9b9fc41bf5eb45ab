//! Reading the objects of a backup again, proved by its description.
//!
//! `stored` proves bytes and lengths while they pass; `ahead` decompresses the next ones meanwhile.

mod ahead;
mod stored;

use std::io::{self, BufRead, Read};

use self::ahead::read_ahead;
use self::stored::{Plain, SummedObject};
use super::StoredObject;
use crate::codec::{Identities, decode_unlabelled, read_failed};
use crate::error::{Class, Error, Result};
use crate::retry::{FailedTry, retry};
use crate::storage::Storage;

pub use stored::damaged;

const BUFFER_BYTES: usize = 1 << 18;

/// Bytes that are wrong may have been damaged on the way.
const TRIES_OF_WRONG_BYTES: u32 = 2;

/// The objects of a backup in a repository, about to be read.
#[derive(Clone, Copy)]
pub struct ObjectSource<'a> {
    pub storage: &'a dyn Storage,
    /// What their keys begin with, the last `/` included.
    pub prefix: &'a str,
    pub encrypted: bool,
    pub identities: &'a Identities,
    /// How often an object is read whose answer breaks off.
    pub attempts: u32,
}

impl ObjectSource<'_> {
    /// Proves length and SHA-256 of an object without opening it: for who has no private key.
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

    /// Shows the stored bytes of an object to `read`, again from their beginning where a try broke off. When this returns
    /// they are what was stored.
    pub fn stored_bytes<T>(
        &self,
        object: &StoredObject,
        read: &mut dyn FnMut(&mut dyn Read) -> Result<T>,
    ) -> Result<T> {
        self.read(object, &mut |stored| read(stored))
    }

    /// Shows the plain content of an object to `read`, all of it, again from its beginning where a try broke
    /// off. When this returns it is what was stored. `progress` gets the number of plain bytes after each
    /// read.
    pub fn plain<T>(
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
        read: &mut dyn FnMut(&mut SummedObject<'_>) -> Result<T>,
    ) -> Result<T> {
        let key = format!("{}{}", self.prefix, object.object);
        let attempt = || {
            self.try_to_read(&key, object, read).map_err(|FailedTry { error, tries }| {
                // What went wrong on this host has nothing to do with the object.
                let error = match error.class() {
                    Class::LocalFile => error,
                    _ => error.while_doing(format!("could not read {key}")),
                };
                FailedTry { error, tries }
            })
        };
        retry(attempt, |error| tracing::info!("trying again: {error}"))
    }

    fn try_to_read<T>(
        &self,
        key: &str,
        object: &StoredObject,
        read: &mut dyn FnMut(&mut SummedObject<'_>) -> Result<T>,
    ) -> Result<T, FailedTry> {
        let never_again = |error| FailedTry { error, tries: 1 };
        let stored = self.storage.open(key, None).map_err(never_again)?;
        let stored = stored.ok_or_else(|| {
            let expected = object.stored_size;
            never_again(damaged(format!("the object of {expected} bytes is missing")))
        })?;
        let mut stored = SummedObject::new(stored, object);
        match read(&mut stored) {
            Err(error) if error.class() == Class::Unreachable => {
                Err(FailedTry { error, tries: self.attempts })
            }
            Err(error) if error.class() != Class::Damaged => Err(never_again(error)),
            // Whether the bytes are wrong or were so before they were stored makes a difference to
            // whoever has to mend it.
            done => match (done, stored.prove()) {
                (Ok(done), Ok(())) => Ok(done),
                (Err(error), Ok(())) => Err(never_again(error)),
                (Ok(_), Err(proof)) => Err(self.wrong_bytes(proof)),
                (Err(error), Err(proof)) if error.message().ends_with(&proof.message()) => {
                    Err(self.wrong_bytes(proof))
                }
                (Err(error), Err(proof)) => {
                    Err(self.wrong_bytes(Error::new(proof.class(), format!("{proof}; {error}"))))
                }
            },
        }
    }

    fn wrong_bytes(&self, error: Error) -> FailedTry {
        let broke_off = error.class() == Class::Unreachable;
        FailedTry { error, tries: if broke_off { self.attempts } else { TRIES_OF_WRONG_BYTES } }
    }

    fn unpack<T>(
        &self,
        stored: &mut SummedObject<'_>,
        object: &StoredObject,
        progress: &dyn Fn(u64),
        read: &mut dyn FnMut(&mut dyn BufRead) -> Result<T>,
    ) -> Result<T> {
        let (encrypted, identities) = (self.encrypted, self.identities);
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
