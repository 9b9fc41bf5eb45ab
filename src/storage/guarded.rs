use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    Conduct, Created, Facts, Listed, NewLargeObject, NewObject, PendingUpload, Protection, Storage,
    Stored,
};
use crate::error::Result;

/// Whether there is still a reason to go on; an error says why not.
pub type GoOn = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// A storage whose objects are read only as long as somebody agrees, each piece anew. All else goes on as
/// ever: that a time is up has to be written down too.
pub struct Guarded {
    pub inner: Box<dyn Storage>,
    pub go_on: GoOn,
}

type Reader = Box<dyn Read + Send>;

impl Guarded {
    fn reader(&self, read: impl FnOnce() -> Result<Option<Reader>>) -> Result<Option<Reader>> {
        (self.go_on)()?;
        let guard = |inner| Box::new(GuardedReader { inner, go_on: self.go_on.clone() }) as Reader;
        Ok(read()?.map(guard))
    }
}

struct GuardedReader {
    inner: Reader,
    go_on: GoOn,
}

impl Read for GuardedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (self.go_on)().map_err(io::Error::other)?;
        self.inner.read(buffer)
    }
}

impl Storage for Guarded {
    fn begin(&self, key: &str, front: usize) -> Result<Box<dyn NewObject + '_>> {
        self.inner.begin(key, front)
    }

    fn begin_large(
        &self,
        key: &str,
        front: usize,
        size_max: u64,
        facts: &Facts,
    ) -> Result<Box<dyn NewLargeObject + '_>> {
        self.inner.begin_large(key, front, size_max, facts)
    }

    fn create(&self, key: &str, content: Bytes, facts: &Facts) -> Result<Created> {
        self.inner.create(key, content, facts)
    }

    fn head(&self, key: &str) -> Result<Option<Stored>> {
        self.inner.head(key)
    }

    fn open(&self, key: &str, limit: Option<u64>) -> Result<Option<Reader>> {
        self.reader(|| self.inner.open(key, limit))
    }

    fn open_range(&self, key: &str, offset: u64, length: u64) -> Result<Option<Reader>> {
        self.reader(|| self.inner.open_range(key, offset, length))
    }

    fn list(
        &self,
        prefix: &str,
        after: &str,
        visit: &mut dyn FnMut(Listed<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        self.inner.list(prefix, after, visit)
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.inner.delete(key)
    }

    fn pending_uploads(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(PendingUpload) -> ControlFlow<()>,
    ) -> Result<bool> {
        self.inner.pending_uploads(prefix, visit)
    }

    fn end_upload(&self, upload: &PendingUpload) -> Result<()> {
        self.inner.end_upload(upload)
    }

    fn settle(&self, key: &str) -> Result<()> {
        self.inner.settle(key)
    }

    fn try_condition(&self, key: &str) -> Result<Option<Conduct>> {
        self.inner.try_condition(key)
    }

    fn doubt(&self) -> Result<()> {
        self.inner.doubt()
    }

    fn protection(&self) -> Option<Protection> {
        self.inner.protection()
    }

    fn now(&self) -> Option<Timestamp> {
        self.inner.now()
    }

    fn reads_are_cheap(&self) -> bool {
        self.inner.reads_are_cheap()
    }

    fn place(&self) -> String {
        self.inner.place()
    }
}
