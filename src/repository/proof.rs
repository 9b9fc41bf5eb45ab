use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::fetch::{BUFFER_BYTES, SMALL_FILE_BYTES_MAX, check_label, tries};
use super::layout::wal_file_of;
use super::{Repository, Source, WalFolder, check_content};
use crate::codec::decode;
use crate::error::{Class, Error, Result};
use crate::postgres::{FIRST_PAGE_HEADER_BYTES, WalFileName};

/// A WAL file in a repository, as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredWal {
    pub name: WalFileName,
    pub encrypted: bool,
    /// Length of the stored object in bytes.
    pub size: u64,
}

impl Repository {
    /// The WAL files of a system that are wanted, in the order of their names. The same one may come twice:
    /// in the clear and encrypted.
    pub fn stored_wal(
        &self,
        folder: &WalFolder,
        wanted: &dyn Fn(WalFileName) -> bool,
    ) -> Result<Vec<StoredWal>> {
        let mut found = Vec::new();
        let listed = self.storage.list(folder.prefix(), "", &mut |listed| {
            let encrypted = listed.key.ends_with(".age");
            let name = wal_file_of(listed.key).filter(|name| wanted(*name));
            // `wal-fetch` would not find it elsewhere.
            let name = name.filter(|name| folder.key(*name, encrypted) == listed.key);
            found.extend(name.map(|name| StoredWal { name, encrypted, size: listed.size }));
            ControlFlow::Continue(())
        });
        listed.map_err(|error| self.not_listed(error))?;
        Ok(found)
    }

    /// Reads a WAL file to its end and proves it as [`Repository::fetch`] does. Of an encrypted one a host
    /// without private keys proves the label only; then this is `false`.
    pub fn prove_wal(&self, source: &Source<'_>, stored: &StoredWal) -> Result<bool> {
        let key = source.folder.key(stored.name, stored.encrypted);
        self.tried_again(source, &key, &|| self.try_to_prove(source, stored))
    }

    /// What may have gone wrong on the way is asked once more.
    pub(super) fn tried_again(
        &self,
        source: &Source<'_>,
        key: &str,
        try_to_prove: &dyn Fn() -> Result<bool>,
    ) -> Result<bool> {
        let started = Instant::now();
        let mut tried = 0;
        loop {
            let failure = match try_to_prove() {
                Ok(read) => return Ok(read),
                Err(failure) => failure,
            };
            tried += 1;
            let late = started.elapsed() >= source.limits.total;
            if late || tried >= tries(failure.class(), source.limits) {
                return Err(self.judged(failure));
            }
            tracing::info!("trying {key} again: {failure}");
            std::thread::sleep(Duration::from_millis(100 << tried.min(6)));
        }
    }

    fn try_to_prove(&self, source: &Source<'_>, stored: &StoredWal) -> Result<bool> {
        let (folder, name) = (source.folder, stored.name);
        let key = folder.key(name, stored.encrypted);
        if stored.encrypted && source.identities.is_empty() {
            return self.front_label(&key, true, name).map(|_| false);
        }
        let opened = self.storage.open(&key, None)?.ok_or_else(|| {
            let message = format!("expected an object of {} bytes, found none", stored.size);
            Error::new(Class::Damaged, message)
        })?;
        let mut decoded = decode(opened, stored.encrypted, source.identities)?;
        let label = decoded.label.clone();
        check_label(&label, name)?;
        let (mut buffer, mut front) = (vec![0; BUFFER_BYTES], Vec::new());
        loop {
            let read = decoded.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            if front.len() < FIRST_PAGE_HEADER_BYTES || label.size <= SMALL_FILE_BYTES_MAX {
                front.extend_from_slice(&buffer[..read]);
            }
        }
        check_content(&front, label.size, name, folder).map(|()| true)
    }
}
