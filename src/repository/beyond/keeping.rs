//! What one server has of a segment whose name is taken, under a name of its own.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use bytes::Bytes;

use super::Original;
use crate::codec::{
    Digest, Encoder, LABEL_BYTES_MAX, Label, encrypt, label_of_stored, read_failed,
};
use crate::error::{Class, Error, Result};
use crate::repository::archive::facts;
use crate::repository::{Repository, WalFolder};
use crate::storage::Created;

/// Where the content of a file is kept that differs behind a fork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
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
    ) -> Result<Kept> {
        let Original { folder, name, .. } = *original;
        for encrypted in [self.encrypts(), !self.encrypts()] {
            let key = folder.beyond_key(name, digest, encrypted);
            if self.storage.head(&key)?.is_some() {
                self.check_beyond(&key, encrypted, digest)?;
                self.storage.settle(&key)?;
                return Ok(Kept { key, new: false });
            }
        }
        let key = folder.beyond_key(name, digest, self.encrypts());
        let own_name = WalFolder::beyond_name(name, digest);
        let new = self.store_beyond(&key, &own_name, digest, original)? == Created::New;
        if !new {
            self.check_beyond(&key, self.encrypts(), digest)?;
            self.storage.settle(&key)?;
        }
        Ok(Kept { key, new })
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
        object.complete(front)?.publish(&facts(&label))
    }

    /// Half of the digest is in the name.
    fn check_beyond(&self, key: &str, encrypted: bool, digest: &Digest) -> Result<()> {
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
pub struct Positioned<'a> {
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
