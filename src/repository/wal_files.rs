//! All files of segments, as retention sees them.

use std::ops::ControlFlow;

use super::{Repository, WalFolder, WalRange};
use crate::error::Result;
use crate::postgres::{WalSegment, WalSegmentSize};
use crate::storage::Listed;

impl Repository {
    /// The segments of which there is a file of any kind: whole, `.partial`, `.backup` or `.beyond`. By timeline, then
    /// by position.
    pub fn wal_files(&self, folder: &WalFolder, size: WalSegmentSize) -> Result<Vec<WalRange>> {
        let mut ranges: Vec<WalRange> = Vec::new();
        self.visit_wal(folder, size, "", &mut |segment, _| {
            match ranges.last_mut() {
                Some(range) if range.last == segment => {}
                Some(range) if range.last.next(size) == Some(segment) => range.last = segment,
                _ => ranges.push(WalRange { first: segment, last: segment, size }),
            }
            ControlFlow::Continue(())
        })?;
        Ok(ranges)
    }

    /// The first `max` keys behind `after` of files that belong to a segment of these ranges, which are in
    /// order and of one size.
    pub fn wal_keys(
        &self,
        folder: &WalFolder,
        ranges: &[WalRange],
        after: &str,
        max: usize,
    ) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        let Some(size) = ranges.first().map(|range| range.size) else { return Ok(keys) };
        self.visit_wal(folder, size, after, &mut |segment, listed| {
            let at = ranges.partition_point(|range| range.last < segment);
            if ranges.get(at).is_some_and(|range| range.first <= segment) {
                keys.push(listed.key.to_owned());
            }
            if keys.len() < max { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(keys)
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
