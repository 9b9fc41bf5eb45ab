//! A file that PostgreSQL still has in `pg_wal`: where no repository has a good copy any more, this is one.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;

use bytes::Bytes;

use super::super::reading::{SMALL_FILE_BYTES_MAX, check_content};
use super::{Carriage, Carried, CarriedContent, Carrying};
use crate::codec::{Digest, Encoder, Encoding, Label, encrypt};
use crate::durable;
use crate::error::{Error, Result};
use crate::postgres::{FIRST_PAGE_HEADER_BYTES, WalFileName};

impl Carrying<'_> {
    /// Stores the file at `path` in the target, if it is of this length in bytes and this digest. [`Carried::Absent`] where
    /// nothing is there, or something else by now: PostgreSQL uses its files again.
    pub fn carry_own(
        &self,
        name: WalFileName,
        path: &Path,
        encoding: Encoding,
        expected: (u64, &Digest),
    ) -> Result<Carried> {
        let carry = || {
            let there = self.look(name, &self.names([name]))?;
            if !there.is_empty() {
                return self.compare(name, &there, expected);
            }
            match self.read_own(name, path, encoding, expected)? {
                Some(carriage) => self.store(carriage),
                None => Ok(Carried::Absent),
            }
        };
        let to = self.to.name();
        carry().map_err(|error: Error| {
            error.while_doing(format!("could not copy {name} from {path:?} to repository {to}"))
        })
    }

    fn read_own(
        &self,
        name: WalFileName,
        path: &Path,
        encoding: Encoding,
        (size, digest): (u64, &Digest),
    ) -> Result<Option<Carriage>> {
        let failed = |error| Error::file("read", path, &error);
        let mut file = match durable::open_to_read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let metadata = file.metadata().map_err(failed)?;
        let is_it = metadata.is_file()
            && metadata.len() == size
            && self.begins_well(name, &mut file, size).map_err(failed)?;
        if !is_it {
            return Ok(None);
        }
        let mut frames: Vec<Bytes> = Vec::new();
        let mut take = |frame| frames.push(frame);
        let encoded = Encoder::new(encoding).encode(&name.to_string(), size, &mut file, &mut take);
        let label = encoded.map_err(failed)?.label;
        if label.digest != *digest {
            return Ok(None);
        }
        let content = self.object(&label, &frames)?;
        Ok(Some(Carriage { name, label, content: CarriedContent::Bytes(content) }))
    }

    /// Whether its first page, or all of a small file, is of this name and system. The file is at its begin afterwards.
    fn begins_well(&self, name: WalFileName, file: &mut File, size: u64) -> io::Result<bool> {
        let limit =
            if name.is_small() { SMALL_FILE_BYTES_MAX } else { FIRST_PAGE_HEADER_BYTES as u64 };
        let mut front = Vec::new();
        file.by_ref().take(limit).read_to_end(&mut front)?;
        file.rewind()?;
        Ok(check_content(&front, size, name, self.source.folder).is_ok())
    }

    fn object(&self, label: &Label, frames: &[Bytes]) -> Result<Bytes> {
        Ok(Bytes::from(match &self.to.recipients {
            Some(recipients) => encrypt(label, frames, recipients)?,
            None => [&label.to_frame()[..], &frames.concat()].concat(),
        }))
    }
}
