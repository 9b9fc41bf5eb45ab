//! A second content of a segment comes over, under its own name: no recovery reads it, and nobody could make it again.

use bytes::Bytes;

use super::super::archive::metadata;
use super::super::beyond::{StoredBeyond, check_name};
use super::{Carried, Carrying};
use crate::codec::{Identities, Label, decode};
use crate::error::Result;
use crate::storage::Created;

const BUFFER_BYTES: usize = 1 << 18;

impl Carrying<'_> {
    /// Brings a second content over. Errors are those of [`Carrying::carry`].
    pub fn carry_beyond(&self, stored: &StoredBeyond) -> Result<Carried> {
        let (from, to) = (self.from.name(), self.to.name());
        self.try_to_carry_beyond(stored).map_err(|error| {
            let key = &stored.key;
            error.while_doing(format!("could not copy {key} from repository {from} to {to}"))
        })
    }

    fn try_to_carry_beyond(&self, stored: &StoredBeyond) -> Result<Carried> {
        let storage = &*self.to.storage;
        let read = || {
            let check = |label: &Label| check_name(label, &stored.key);
            let bytes = self.bytes(stored.size, &stored.key)?;
            self.proved(stored.encrypted, bytes, &|clear| prove(&stored.key, clear), &check)
        };
        let (label, content): (Label, Bytes) =
            self.from.tried_again(self.source, &stored.key, &read)?;
        for encrypted in [self.to.encrypts(), !self.to.encrypts()] {
            let key = key_in(stored, encrypted);
            if storage.head(&key)?.is_some() {
                self.to.check_beyond(&key, encrypted, &label.digest)?;
                return storage.settle(&key).map(|()| Carried::Already);
            }
        }
        let (key, bytes) = (key_in(stored, self.to.encrypts()), content.len() as u64);
        if storage.create(&key, content, &metadata(&label))? == Created::New {
            return Ok(Carried::New { bytes });
        }
        self.to.check_beyond(&key, self.to.encrypts(), &label.digest)?;
        storage.settle(&key).map(|()| Carried::Already)
    }
}

fn prove(key: &str, clear: &[u8]) -> Result<Label> {
    let nobody = Identities::default();
    let mut decoded = decode(clear, false, &nobody)?;
    check_name(&decoded.label, key)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    while decoded.read(&mut buffer)? > 0 {}
    Ok(decoded.label)
}

/// The key that it has where objects are encrypted, or in the clear.
fn key_in(stored: &StoredBeyond, encrypted: bool) -> String {
    let clear = stored.key.strip_suffix(".age").unwrap_or(&stored.key);
    if encrypted { format!("{clear}.age") } else { clear.to_owned() }
}
