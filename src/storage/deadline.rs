//! A storage that is read only as long as somebody agrees, for drills and verifications that have a time limit.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    ConditionSupport, Created, Listed, Metadata, NewLargeObject, NewObject, ObjectHead,
    PendingUpload, Protection, Storage,
};
use crate::error::Result;

/// Whether there is still a reason to go on; an error says why not.
pub type StillWanted = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// A storage whose objects are read only as long as somebody agrees, each piece anew. All else goes on as
/// ever: that a time is up has to be written down too.
pub struct DeadlineStorage {
    pub inner: Box<dyn Storage>,
    pub still_wanted: StillWanted,
}

type Reader = Box<dyn Read + Send>;

impl DeadlineStorage {
    fn reader(&self, read: impl FnOnce() -> Result<Option<Reader>>) -> Result<Option<Reader>> {
        (self.still_wanted)()?;
        let watched = |inner| {
            Box::new(DeadlineReader { inner, still_wanted: self.still_wanted.clone() }) as Reader
        };
        Ok(read()?.map(watched))
    }
}

struct DeadlineReader {
    inner: Reader,
    still_wanted: StillWanted,
}

impl Read for DeadlineReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (self.still_wanted)().map_err(io::Error::other)?;
        self.inner.read(buffer)
    }
}

impl Storage for DeadlineStorage {
    fn begin(&self, key: &str, front: usize) -> Result<Box<dyn NewObject + '_>> {
        self.inner.begin(key, front)
    }

    fn begin_large(
        &self,
        key: &str,
        front: usize,
        size_max: u64,
        metadata: &Metadata,
    ) -> Result<Box<dyn NewLargeObject + '_>> {
        self.inner.begin_large(key, front, size_max, metadata)
    }

    fn create(&self, key: &str, content: Bytes, metadata: &Metadata) -> Result<Created> {
        self.inner.create(key, content, metadata)
    }

    fn head(&self, key: &str) -> Result<Option<ObjectHead>> {
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

    fn try_condition(&self, key: &str) -> Result<Option<ConditionSupport>> {
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

    fn device(&self) -> String {
        self.inner.device()
    }
}
