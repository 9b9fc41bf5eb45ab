//! Which entries a restore wants, and going through all of them. Every step of a restore reads the index anew, so the
//! entries are never in the memory together.

use std::io::Read;

use super::super::entry::{Entry, Kind};
use super::super::index::IndexReader;
use super::{Destination, Restore};
use crate::error::Result;

impl<R: Read> Restore<'_, R> {
    /// Whether an entry is to be there in the end.
    pub(super) fn wants(&self, entry: &Entry) -> bool {
        let implied = matches!(entry.kind, Kind::Directory { implied: true });
        // Where the set was, the folders above its paths are not ours to change.
        let foreign = implied && matches!(self.destination, Destination::Original(_));
        !foreign && self.selection.selects(&entry.path, entry.is_directory())
    }

    /// Shows every entry.
    pub(super) fn each_entry(
        &self,
        each: &mut dyn FnMut(Entry) -> Result<()>,
    ) -> Result<IndexReader<R>> {
        let mut index = (self.index)()?;
        while let Some(entry) = index.next_entry()? {
            each(entry)?;
        }
        Ok(index)
    }
}
