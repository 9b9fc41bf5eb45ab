//! The entries of the snapshot before, read beside the files of the set. Both come in byte order of their paths, so one
//! entry in the memory is enough.

use std::io::Read;

use jiff::Timestamp;

use super::entry::Entry;
use super::index::IndexReader;
use super::path::EntryPath;
use crate::error::Result;

/// An index that is read on as far as it is asked for.
pub struct Previous<R: Read> {
    reader: IndexReader<R>,
    next: Option<Entry>,
    /// The second in which it began; without one nothing counts as unchanged.
    began: i64,
}

impl<R: Read> Previous<R> {
    pub fn new(mut reader: IndexReader<R>) -> Result<Self> {
        let began = reader.header().began.parse::<Timestamp>();
        let began = began.map_or(i64::MIN, Timestamp::as_second);
        let next = reader.next_entry()?;
        Ok(Self { reader, next, began })
    }

    pub fn began(&self) -> i64 {
        self.began
    }

    /// What it had under this path. Paths are asked for in their order.
    pub fn find(&mut self, path: &EntryPath) -> Result<Option<Entry>> {
        while self.next.as_ref().is_none_or(|next| next.path < *path) {
            self.next = self.reader.next_entry()?;
            if self.next.is_none() {
                return Ok(None);
            }
        }
        Ok(self.next.take_if(|next| next.path == *path))
    }
}
