//! All files of segments, as retention sees them.

use std::ops::ControlFlow;

use jiff::Timestamp;

use super::{Repository, WalFolder, WalRange};
use crate::error::Result;
use crate::postgres::{WalSegment, WalSegmentSize};
use crate::storage::Listed;

/// Segments of which there is a file.
#[derive(Debug, Default)]
pub struct WalFiles {
    pub all: Vec<WalRange>,
    /// Those with a file that the store dates lately.
    pub young: Vec<WalRange>,
}

fn extend(ranges: &mut Vec<WalRange>, segment: WalSegment, size: WalSegmentSize) {
    match ranges.last_mut() {
        Some(range) if range.last == segment => {}
        Some(range) if range.last.next(size) == Some(segment) => range.last = segment,
        _ => ranges.push(WalRange { first: segment, last: segment, size }),
    }
}

fn is_in(ranges: &[WalRange], segment: WalSegment) -> bool {
    let at = ranges.partition_point(|range| range.last < segment);
    ranges.get(at).is_some_and(|range| range.first <= segment)
}

fn is_young(listed: &Listed<'_>, since: Timestamp) -> bool {
    listed.created.is_some_and(|created| created >= since)
}

impl Repository {
    /// The segments of which there is a file of any kind: whole, `.partial`, `.backup` or `.beyond`. By timeline, then
    /// by position. `since` tells which of them are young.
    pub fn wal_files(
        &self,
        folder: &WalFolder,
        size: WalSegmentSize,
        since: Timestamp,
    ) -> Result<WalFiles> {
        let mut files = WalFiles::default();
        self.visit_wal(folder, size, "", &mut |segment, listed| {
            extend(&mut files.all, segment, size);
            if is_young(listed, since) {
                extend(&mut files.young, segment, size);
            }
            ControlFlow::Continue(())
        })?;
        Ok(files)
    }

    /// The first `max` files behind `after` that belong to a segment of these ranges, which are in order and of one
    /// size: their keys and lengths. One that the store dates after `since` is none of them.
    pub fn wal_keys(
        &self,
        folder: &WalFolder,
        (ranges, since): (&[WalRange], Timestamp),
        after: &str,
        max: usize,
    ) -> Result<Vec<(String, u64)>> {
        let mut keys = Vec::new();
        let Some(size) = ranges.first().map(|range| range.size) else { return Ok(keys) };
        self.visit_wal(folder, size, after, &mut |segment, listed| {
            if is_in(ranges, segment) && !is_young(listed, since) {
                keys.push((listed.key.to_owned(), listed.size));
            }
            if keys.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(keys)
    }

    /// How many bytes those files have.
    pub fn wal_bytes(
        &self,
        folder: &WalFolder,
        ranges: &[WalRange],
        since: Timestamp,
    ) -> Result<u64> {
        let mut bytes = 0;
        let Some(size) = ranges.first().map(|range| range.size) else { return Ok(bytes) };
        self.visit_wal(folder, size, "", &mut |segment, listed| {
            if is_in(ranges, segment) && !is_young(listed, since) {
                bytes += listed.size;
            }
            ControlFlow::Continue(())
        })?;
        Ok(bytes)
    }

    /// Visits each file that belongs to a segment, whole or not, by timeline, then by position, in one pass
    /// over one listing. What lies elsewhere or is no segment of this size is nobody's here.
    fn visit_wal(
        &self,
        folder: &WalFolder,
        size: WalSegmentSize,
        after: &str,
        visit: &mut dyn FnMut(WalSegment, &Listed<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let listed = self.storage.list(folder.prefix(), after, &mut |listed| {
            let segment = folder.segment_of(listed.key);
            match segment.filter(|segment| segment.start(size).is_ok()) {
                Some(segment) => visit(segment, &listed),
                None => ControlFlow::Continue(()),
            }
        });
        listed
            .map_err(|error| error.while_doing(format!("could not list repository {}", self.name)))
    }
}
