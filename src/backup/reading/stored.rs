//! The two proofs under every read: the stored bytes are those that the description names, and the content has the
//! length that the description promises.
//!
//! Each reader stops at the promised length, so neither an endless object nor a forged frame can go on for ever.

use std::io::{self, BufRead, Read};

use sha2::{Digest, Sha256};

use crate::backup::{StoredObject, hex};
use crate::codec::read_failed;
use crate::error::{Class, Error, Result};

/// The bytes of a stored object, counted and summed while they are read.
pub(super) struct SummedObject<'a> {
    inner: Box<dyn Read + Send>,
    object: &'a StoredObject,
    sha256: Sha256,
    length: u64,
}

impl<'a> SummedObject<'a> {
    pub(super) fn new(inner: Box<dyn Read + Send>, object: &'a StoredObject) -> Self {
        Self { inner, object, sha256: Sha256::new(), length: 0 }
    }

    /// Reads what is left, and proves that the object is the one that was stored.
    pub(super) fn prove(mut self) -> Result<()> {
        io::copy(&mut self, &mut io::sink()).map_err(|error| read_failed(&error))?;
        if self.length != self.object.stored_size {
            return Err(self.wrong_length(&self.length.to_string()));
        }
        let found = hex(self.sha256);
        if found.eq_ignore_ascii_case(&self.object.sha256) {
            return Ok(());
        }
        let expected = &self.object.sha256;
        Err(damaged(format!("expected an object with SHA-256 {expected}, found {found}")))
    }

    fn wrong_length(&self, found: &str) -> Error {
        damaged(format!("expected an object of {} bytes, found {found}", self.object.stored_size))
    }
}

impl Read for SummedObject<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.sha256.update(&buffer[..read]);
        self.length += read as u64;
        // Whoever made an object endless must not keep us reading.
        if self.length > self.object.stored_size {
            return Err(io::Error::other(self.wrong_length("more")));
        }
        Ok(read)
    }
}

/// The plain content of an object, counted while it is read.
pub(super) struct Plain<'a, R> {
    inner: R,
    object: &'a StoredObject,
    length: u64,
    progress: &'a dyn Fn(u64),
}

impl<'a, R: BufRead> Plain<'a, R> {
    /// `progress` gets the number of bytes that were read since it was last called.
    pub(super) fn new(inner: R, object: &'a StoredObject, progress: &'a dyn Fn(u64)) -> Self {
        Self { inner, object, length: 0, progress }
    }

    /// Checks the length once all is read.
    pub(super) fn check_end(&self) -> Result<()> {
        if self.length == self.object.size {
            return Ok(());
        }
        Err(self.wrong_length(&self.length.to_string()))
    }

    fn wrong_length(&self, found: &str) -> Error {
        damaged(format!("expected {} bytes of content, found {found}", self.object.size))
    }
}

impl<R: BufRead> BufRead for Plain<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = self.object.size.saturating_sub(self.length);
        // A few damaged bytes may decompress to more than any disk holds.
        if left == 0 && !self.inner.fill_buf()?.is_empty() {
            return Err(io::Error::other(self.wrong_length("more")));
        }
        let bytes = self.inner.fill_buf()?;
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        Ok(&bytes[..length])
    }

    fn consume(&mut self, length: usize) {
        self.inner.consume(length);
        self.length += length as u64;
        (self.progress)(length as u64);
    }
}

impl<R: BufRead> Read for Plain<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

pub fn damaged(message: String) -> Error {
    Error::new(Class::Damaged, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(content: &[u8]) -> StoredObject {
        let sha256 = Sha256::digest(content).iter().map(|byte| format!("{byte:02X}")).collect();
        let size = content.len() as u64;
        StoredObject { object: "part".to_owned(), size, stored_size: size, sha256 }
    }

    fn prove(content: &'static [u8], object: &StoredObject) -> Result<()> {
        let mut stored = SummedObject::new(Box::new(content), object);
        let mut front = [0; 2];
        stored.read_exact(&mut front).map_err(|error| read_failed(&error))?;
        stored.prove()
    }

    #[test]
    fn only_the_same_bytes_are_proved() {
        let object = object(b"stored");
        assert_eq!(prove(b"stored", &object), Ok(()));
        let wrong = |content| prove(content, &object).unwrap_err().to_string();
        assert_eq!(wrong(b"store"), "expected an object of 6 bytes, found 5");
        assert_eq!(wrong(b"stored bytes"), "expected an object of 6 bytes, found more");
        assert_eq!(
            wrong(b"Stored"),
            format!(
                "expected an object with SHA-256 {}, found {}",
                object.sha256,
                super::tests::object(b"Stored").sha256.to_lowercase()
            )
        );
    }

    #[test]
    fn content_has_the_length_that_was_promised() {
        let object = object(b"plain");
        let read = |content: &[u8]| {
            let counted = std::cell::Cell::new(0);
            let progress = |bytes| counted.set(counted.get() + bytes);
            let mut plain = Plain::new(content, &object, &progress);
            let copied = io::copy(&mut plain, &mut io::sink());
            copied.map_err(|error| read_failed(&error))?;
            plain.check_end().map(|()| counted.get())
        };
        assert_eq!(read(b"plain"), Ok(5));
        let wrong = |content| read(content).unwrap_err().to_string();
        assert_eq!(wrong(b"plai"), "expected 5 bytes of content, found 4");
        assert_eq!(wrong(b"plain and more"), "expected 5 bytes of content, found more");
    }
}
