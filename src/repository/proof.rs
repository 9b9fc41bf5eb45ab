//! Reading WAL files only to know that they can be read: for `verify`, and for a base backup that waits for its WAL.

use std::ops::ControlFlow;
use std::time::Instant;

use super::listing::StoredWal;
use super::reading::{check_label, failed, read_checked};
use super::{Repository, Source, WalFolder, WalRange};
use crate::codec::{Identities, decode};
use crate::error::{Class, Error, Result};
use crate::postgres::{WalFileName, WalSegment};
use crate::retry::retry;

impl Repository {
    /// Reads a WAL file to its end and proves it as [`Repository::fetch`] does. Of an encrypted one a host
    /// without private keys proves the label only; then this is `false`.
    pub fn prove_wal(&self, source: &Source<'_>, stored: &StoredWal) -> Result<bool> {
        let key = source.folder.key(stored.name, stored.encrypted);
        self.tried_again(source, &key, &|| self.try_to_prove(source, stored))
    }

    /// What may have gone wrong on the way is asked once more.
    pub(super) fn tried_again<T>(
        &self,
        source: &Source<'_>,
        key: &str,
        try_to_prove: &dyn Fn() -> Result<T>,
    ) -> Result<T> {
        let started = Instant::now();
        let attempt = || try_to_prove().map_err(|error| failed(error, source.limits, started));
        let say = |error: &Error| tracing::info!("trying {key} again: {error}");
        retry(attempt, say).map_err(|error| self.judged(error))
    }

    fn try_to_prove(&self, source: &Source<'_>, stored: &StoredWal) -> Result<bool> {
        let (folder, name) = (source.folder, stored.name);
        let key = folder.key(name, stored.encrypted);
        if stored.encrypted && source.identities.is_empty() {
            return self.front_label(&key, true, name).map(|_| false);
        }
        let opened = self.storage.open(&key, None)?.ok_or_else(|| {
            let message = format!("the object of {} bytes is missing", stored.size);
            Error::new(Class::Damaged, message)
        })?;
        let decoded = decode(opened, stored.encrypted, source.identities)?;
        let nobody = &mut |_: &[u8]| Ok(ControlFlow::Continue(()));
        read_checked(decoded, name, folder, nobody).map(|_| true)
    }

    /// The first segment of `range` that is not there; what is there is read. Of an encrypted object a
    /// host without the private key reads the label only.
    pub fn first_missing(
        &self,
        folder: &WalFolder,
        range: WalRange,
        identities: &Identities,
    ) -> Result<Option<WalSegment>> {
        for segment in range.segments() {
            let name = WalFileName::Segment(segment);
            let proved = self.prove(folder, name, identities).map_err(|error| {
                error.while_doing(format!("could not read {name} in repository {}", self.name))
            })?;
            if !proved {
                return Ok(Some(segment));
            }
        }
        Ok(None)
    }

    /// Whether it is there, and then whether it can be read.
    fn prove(
        &self,
        folder: &WalFolder,
        name: WalFileName,
        identities: &Identities,
    ) -> Result<bool> {
        for encrypted in [false, true] {
            let key = folder.key(name, encrypted);
            if self.storage.head(&key)?.is_none() {
                continue;
            }
            let label = if encrypted && identities.is_empty() {
                self.front_label(&key, encrypted, name)?
            } else {
                self.read_through(&key, encrypted, name, identities)?
            };
            check_label(&label, name)?;
            return Ok(true);
        }
        Ok(false)
    }
}
