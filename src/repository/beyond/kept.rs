//! What one server has of a segment whose name is taken, under a name of its own: stored, listed, read again. No
//! recovery reads it, so nobody else would find it damaged before it is needed.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

use super::Original;
use crate::codec::{
    Digest, Encoder, LABEL_BYTES_MAX, Label, decode, encrypt, label_of_stored, read_failed,
};
use crate::error::{Class, Error, Result};
use crate::postgres::WalSegment;
use crate::repository::archive::metadata;
use crate::repository::{Repository, Source, WalFolder};
use crate::storage::Created;

/// Where the content of a file is kept that differs behind a fork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBeside {
    pub key: String,
    /// Whether it came there now.
    pub new: bool,
}

impl Repository {
    /// Stores a segment under a name of its own, which nobody takes for the segment.
    pub(in crate::repository) fn keep_beyond(
        &self,
        digest: &Digest,
        original: &Original<'_>,
    ) -> Result<KeptBeside> {
        let Original { folder, name, .. } = *original;
        for encrypted in [self.encrypts(), !self.encrypts()] {
            let key = folder.beyond_key(name, digest, encrypted);
            if self.storage.head(&key)?.is_some() {
                self.check_beyond(&key, encrypted, digest)?;
                self.storage.settle(&key)?;
                return Ok(KeptBeside { key, new: false });
            }
        }
        let key = folder.beyond_key(name, digest, self.encrypts());
        let own_name = WalFolder::beyond_name(name, digest);
        let new = self.store_beyond(&key, &own_name, digest, original)? == Created::New;
        if !new {
            self.check_beyond(&key, self.encrypts(), digest)?;
            self.storage.settle(&key)?;
        }
        Ok(KeptBeside { key, new })
    }

    fn store_beyond(
        &self,
        key: &str,
        own_name: &str,
        digest: &Digest,
        original: &Original<'_>,
    ) -> Result<Created> {
        let front = match &self.recipients {
            Some(_) => 0,
            None => Label::frame_length(own_name, original.size),
        };
        let mut object = self.storage.begin(key, front)?;
        let (mut frames, mut written) = (Vec::new(), Ok(()));
        let mut file = Positioned { file: original.file, at: 0 };
        let mut take = |frame: Bytes| {
            if self.recipients.is_some() {
                frames.push(frame);
            } else if written.is_ok() {
                written = object.write(frame);
            }
        };
        let encoded =
            Encoder::new(original.encoding).encode(own_name, original.size, &mut file, &mut take);
        let label = encoded.map_err(|error| Error::new(Class::Input, error.to_string()))?.label;
        written?;
        if label.digest != *digest {
            return Err(Error::new(Class::Input, "the file changed while it was archived"));
        }
        let front = match &self.recipients {
            Some(recipients) => {
                object.write(Bytes::from(encrypt(&label, &frames, recipients)?))?;
                Bytes::new()
            }
            None => Bytes::from(label.to_frame()),
        };
        object.complete(front)?.publish(&metadata(&label))
    }

    /// Half of the digest is in the name.
    pub(in crate::repository) fn check_beyond(
        &self,
        key: &str,
        encrypted: bool,
        digest: &Digest,
    ) -> Result<()> {
        let mut front = Vec::new();
        let mut reader = self.reader(key, Some(LABEL_BYTES_MAX as u64))?;
        reader.read_to_end(&mut front).map_err(|error| read_failed(&error))?;
        match label_of_stored(&front, encrypted) {
            Ok(label) if label.digest == *digest => Ok(()),
            Ok(label) => Err(Error::new(
                Class::Conflict,
                format!("expected an object with BLAKE3 {digest} at {key}, found {}", label.digest),
            )),
            Err(error) => Err(Error::new(Class::Damaged, format!("could not use {key}: {error}"))
                .hint(
                    "Move that object aside after looking at it; then the file is archived again.",
                )),
        }
    }
}

/// Reads a file from its beginning, wherever others are in it.
pub(super) struct Positioned<'a> {
    pub file: &'a File,
    pub at: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A second content of a segment, as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBeyond {
    pub key: String,
    pub segment: WalSegment,
    /// Length of the stored object in bytes.
    pub size: u64,
    pub encrypted: bool,
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
            let message = format!("the object of {} bytes is missing", stored.size);
            Error::new(Class::Damaged, message)
        })?;
        if locked {
            let mut front = Vec::new();
            opened.read_to_end(&mut front).map_err(|error| read_failed(&error))?;
            let label = label_of_stored(&front, true);
            let label = label.map_err(|error| Error::new(Class::Damaged, error.to_string()))?;
            return check_name(&label, &stored.key).map(|()| false);
        }
        let mut decoded = decode(opened, stored.encrypted, source.identities)?;
        check_name(&decoded.label, &stored.key)?;
        let mut buffer = vec![0; super::BUFFER_BYTES];
        while decoded.read(&mut buffer)? > 0 {}
        Ok(true)
    }
}

/// The name has the digest in it.
pub(in crate::repository) fn check_name(label: &Label, key: &str) -> Result<()> {
    let own = key.rsplit_once('/').map_or(key, |(_, name)| name);
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
