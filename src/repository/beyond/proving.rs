//! Reading second contents again. No recovery does, so nobody else would find them damaged before they are needed.

use std::io::Read;
use std::ops::ControlFlow;

use crate::codec::{LABEL_BYTES_MAX, Label, decode, label_of_stored, read_failed};
use crate::error::{Class, Error, Result};
use crate::postgres::WalSegment;
use crate::repository::{Repository, Source, WalFolder};

/// A second content of a segment, as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBeyond {
    pub key: String,
    pub segment: WalSegment,
    /// Length of the stored object in bytes.
    pub size: u64,
    encrypted: bool,
}

impl Repository {
    /// All second contents of one system, in the order of their names.
    pub fn stored_beyond(&self, folder: &WalFolder) -> Result<Vec<StoredBeyond>> {
        let mut found = Vec::new();
        let listed = self.storage.list(folder.prefix(), "", &mut |listed| {
            let (key, size) = (listed.key.to_owned(), listed.size);
            let encrypted = key.ends_with(".age");
            let segment = folder.second_content_of(listed.key);
            let stored = |segment| StoredBeyond { key, segment, size, encrypted };
            found.extend(segment.map(stored));
            ControlFlow::Continue(())
        });
        listed.map_err(|error| self.not_listed(error))?;
        Ok(found)
    }

    /// Reads one to its end, and proves that it is what its name says. Of an encrypted one a host without private keys
    /// proves the label only; then this is `false`.
    pub fn prove_beyond(&self, source: &Source<'_>, stored: &StoredBeyond) -> Result<bool> {
        self.tried_again(source, &stored.key, &|| self.try_to_prove_beyond(source, stored))
    }

    fn try_to_prove_beyond(&self, source: &Source<'_>, stored: &StoredBeyond) -> Result<bool> {
        let locked = stored.encrypted && source.identities.is_empty();
        let limit = locked.then_some(LABEL_BYTES_MAX as u64);
        let mut opened = self.storage.open(&stored.key, limit)?.ok_or_else(|| {
            let message = format!("expected an object of {} bytes, found none", stored.size);
            Error::new(Class::Damaged, message)
        })?;
        if locked {
            let mut front = Vec::new();
            opened.read_to_end(&mut front).map_err(|error| read_failed(&error))?;
            let label = label_of_stored(&front, true);
            let label = label.map_err(|error| Error::new(Class::Damaged, error.to_string()))?;
            return check_name(&label, stored).map(|()| false);
        }
        let mut decoded = decode(opened, stored.encrypted, source.identities)?;
        check_name(&decoded.label, stored)?;
        let mut buffer = vec![0; super::BUFFER_BYTES];
        while decoded.read(&mut buffer)? > 0 {}
        Ok(true)
    }
}

/// The name has the digest in it.
fn check_name(label: &Label, stored: &StoredBeyond) -> Result<()> {
    let own = stored.key.rsplit_once('/').map_or(stored.key.as_str(), |(_, name)| name);
    let own = own.strip_suffix(".age").unwrap_or(own);
    let own = own.strip_suffix(".zst").unwrap_or(own);
    let name = WalFolder::first_of_beyond(own);
    if label.name == own && name.is_some_and(|it| WalFolder::beyond_name(it, &label.digest) == own)
    {
        return Ok(());
    }
    let (name, digest) = (&label.name, &label.digest);
    Err(Error::new(
        Class::Damaged,
        format!("expected the object of {own}, found that of {name} with BLAKE3 {digest}"),
    ))
}
