//! Questions that one listing answers, and that read no object: which files there are, what comes behind one that is
//! absent, which systems a cluster has. What `wal-fetch` would not find under its key does not count anywhere.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;

use jiff::Timestamp;

use super::layout::wal_file_of;
use super::{Repository, WalFolder};
use crate::error::{Error, Result};
use crate::postgres::{Lsn, SystemIdentifier, TimelineId, WalFileName, WalSegment, WalSegmentSize};
use crate::storage::Listed;

/// A stretch of WAL without a gap: both ends are in it.
#[derive(Debug, Clone, Copy)]
pub struct WalRange {
    pub first: WalSegment,
    pub last: WalSegment,
    pub size: WalSegmentSize,
}

impl WalRange {
    /// The stretches that segments make, which come in order.
    pub fn all_of(
        segments: impl IntoIterator<Item = WalSegment>,
        size: WalSegmentSize,
    ) -> Vec<Self> {
        let mut ranges = Vec::new();
        segments.into_iter().for_each(|segment| extend(&mut ranges, segment, size));
        ranges
    }

    pub fn segments(self) -> impl Iterator<Item = WalSegment> {
        let next = move |segment: &WalSegment| segment.next(self.size);
        let all = std::iter::successors(Some(self.first), next);
        all.take_while(move |segment| *segment <= self.last)
    }
}

/// A WAL file in a repository, as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredWal {
    pub name: WalFileName,
    pub encrypted: bool,
    /// Length of the stored object in bytes.
    pub size: u64,
}

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

    /// The WAL files of a system that are wanted, in the order of their names. The same one may come twice:
    /// in the clear and encrypted.
    pub fn stored_wal(
        &self,
        folder: &WalFolder,
        wanted: &dyn Fn(WalFileName) -> bool,
    ) -> Result<Vec<StoredWal>> {
        let mut found = Vec::new();
        let listed = self.storage.list(folder.prefix(), "", &mut |listed| {
            let encrypted = listed.key.ends_with(".age");
            let name = folder.file_of(listed.key).filter(|name| wanted(*name));
            found.extend(name.map(|name| StoredWal { name, encrypted, size: listed.size }));
            ControlFlow::Continue(())
        });
        listed.map_err(|error| self.not_listed(error))?;
        Ok(found)
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
        listed.map_err(|error| self.not_listed(error))
    }

    pub(super) fn not_listed(&self, error: Error) -> Error {
        error.while_doing(format!("could not list repository {}", self.name))
    }
}

/// Each timeline behind a segment costs a request; more are not looked at.
const TIMELINES_MAX: usize = 1000;

/// A proof that a file which is absent should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalBeyond {
    /// A later segment of the same timeline.
    Segment(WalSegment),
    /// Something of the timeline itself whose history is missing, or of a later one. PostgreSQL
    /// counts timelines up until one is missing, so it would not find that one.
    Timeline(TimelineId),
    /// A note that another repository is owed this segment or a later one: it was archived.
    Owed(WalSegment),
    /// The history of a timeline that left the segment's own one behind the segment: it was written.
    Left { timeline: TimelineId, by: TimelineId, at: Lsn },
}

impl fmt::Display for WalBeyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(segment) => write!(f, "segment {segment}"),
            Self::Owed(segment) => write!(f, "a note that another one is owed segment {segment}"),
            Self::Timeline(timeline) => write!(f, "WAL of timeline {}", timeline.number()),
            Self::Left { timeline, by, at } => write!(
                f,
                "{}, which says that timeline {} was left behind it, at {at},",
                WalFileName::History(*by),
                timeline.number()
            ),
        }
    }
}

/// What comes first behind a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    Nothing,
    /// A later segment of the same timeline.
    Segment(WalSegment),
    /// Nothing more of that timeline, but something of a later one.
    Timeline,
}

impl Repository {
    /// What there is behind a segment. One listing request, whatever the repository holds.
    pub fn behind(&self, folder: &WalFolder, segment: WalSegment) -> Result<Behind> {
        let mut behind = Behind::Nothing;
        let after = folder.behind(WalFileName::Segment(segment));
        let listed = self.storage.list(folder.prefix(), &after, &mut |object| {
            match wal_file_of(object.key) {
                Some(WalFileName::Segment(later))
                    if later.timeline == segment.timeline && later > segment =>
                {
                    behind = Behind::Segment(later);
                }
                Some(name) if name.timeline() > segment.timeline => behind = Behind::Timeline,
                _ => return ControlFlow::Continue(()),
            }
            ControlFlow::Break(())
        });
        listed.map_err(|error| self.not_listed(error))?;
        Ok(behind)
    }

    /// The timelines behind this one whose histories are there. One listing request for each timeline that has
    /// anything there, and one more.
    pub fn histories_behind(
        &self,
        folder: &WalFolder,
        timeline: TimelineId,
    ) -> Result<Vec<TimelineId>> {
        let (mut found, mut last) = (Vec::new(), timeline);
        for _ in 0..TIMELINES_MAX {
            let mut next = None;
            // Of what there is of one timeline the history comes first.
            let listed =
                self.storage.list(folder.prefix(), &folder.behind_all_of(last), &mut |object| {
                    next = wal_file_of(object.key).filter(|name| name.timeline() > last);
                    if next.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
            listed.map_err(|error| self.not_listed(error))?;
            let Some(next) = next else { break };
            last = next.timeline();
            if matches!(next, WalFileName::History(_)) {
                found.push(last);
            }
        }
        Ok(found)
    }

    /// What there is of this timeline or of a later one, whose history is absent. Timeline 1 branched off from
    /// none and has no history.
    pub fn later_timeline(
        &self,
        folder: &WalFolder,
        timeline: TimelineId,
    ) -> Result<Option<WalBeyond>> {
        let mut found = None;
        let behind = folder.behind(WalFileName::History(timeline));
        let listed = self.storage.list(folder.prefix(), &behind, &mut |object| {
            found = wal_file_of(object.key).map(|name| WalBeyond::Timeline(name.timeline()));
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        listed.map_err(|error| self.not_listed(error))?;
        Ok(found)
    }

    /// Whether there is any WAL of this system. A repository without can't say that a file was never
    /// archived: more likely its disk is not mounted, or it is the wrong bucket, prefix or cluster.
    pub fn knows(&self, folder: &WalFolder) -> Result<bool> {
        let mut any = false;
        let listed = self.storage.list(folder.prefix(), "", &mut |_| {
            any = true;
            ControlFlow::Break(())
        });
        listed.map_err(|error| self.not_listed(error))?;
        Ok(any)
    }
}

impl Repository {
    /// The systems of a cluster that this repository holds anything of, oldest first: the upper half of
    /// an identifier is the time of `initdb` (`BootStrapXLOG` in `xlog.c`). One listing request for each.
    pub fn systems(&self, cluster: &str) -> Result<Vec<SystemIdentifier>> {
        let folders = self.folders(&format!("postgres/{cluster}/"))?;
        let number = |folder: &String| {
            folder.parse::<u64>().ok().filter(|number| number.to_string() == *folder)
        };
        let numbers: BTreeSet<u64> = folders.iter().filter_map(number).collect();
        Ok(numbers.into_iter().map(SystemIdentifier).collect())
    }

    /// What follows this beginning of keys up to the next `/`, in order. One listing request for each.
    pub fn folders(&self, root: &str) -> Result<Vec<String>> {
        self.first_folders(root, usize::MAX)
    }

    /// The first so many of them: nobody knows who made them.
    pub fn first_folders(&self, root: &str, max: usize) -> Result<Vec<String>> {
        let (mut folders, mut after) = (Vec::new(), String::new());
        loop {
            if folders.len() == max {
                return Ok(folders);
            }
            let mut found = None;
            let listed = self.storage.list(root, &after, &mut |listed| {
                found = Some(listed.key.to_owned());
                ControlFlow::Break(())
            });
            listed.map_err(|error| self.not_listed(error))?;
            let Some(key) = found else { return Ok(folders) };
            let below = key.strip_prefix(root).unwrap_or_default();
            after = match below.split_once('/') {
                Some((folder, _)) => {
                    folders.push(folder.to_owned());
                    // `0` comes right after `/`, so this is behind all that is in the folder.
                    format!("{root}{folder}0")
                }
                None => key,
            };
        }
    }
}
