use std::fmt;
use std::ops::ControlFlow;

use super::layout::{segment_of, wal_file_of};
use super::{Repository, WalFolder};
use crate::error::Result;
use crate::postgres::{TimelineId, WalFileName, WalSegment};

/// A proof that a file which is absent should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// A later segment of the same timeline.
    Segment(WalSegment),
    /// Something of the timeline itself whose history is missing, or of a later one. PostgreSQL
    /// counts timelines up until one is missing, so it would not find that one.
    Timeline(TimelineId),
}

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(segment) => write!(f, "segment {segment}"),
            Self::Timeline(timeline) => write!(f, "WAL of timeline {}", timeline.number()),
        }
    }
}

impl Repository {
    /// What there is beyond `name`, which is absent: at the true end of the WAL, nothing. One listing
    /// request, whatever the repository holds.
    pub fn later_than(&self, folder: &WalFolder, name: WalFileName) -> Result<Option<Later>> {
        match name {
            WalFileName::Segment(segment) => self.later_segment(folder, segment),
            // Timeline 1 branched off from none and has no history. PostgreSQL asks for it all the
            // same when a recovery on it ends.
            WalFileName::History(timeline) if timeline.number() == 1 => Ok(None),
            WalFileName::History(timeline) => self.later_timeline(folder, timeline),
            WalFileName::Partial(_) | WalFileName::Backup { .. } => Ok(None),
        }
        .map_err(|error| error.while_doing(format!("could not list repository {}", self.name)))
    }

    /// Whether there is any WAL of this system. A repository without can't say that a file was never
    /// archived: more likely its disk is not mounted, or it is the wrong bucket, prefix or cluster.
    pub fn knows(&self, folder: &WalFolder) -> Result<bool> {
        let mut any = false;
        let listed = self.storage.list(folder.prefix(), "", &mut |_| {
            any = true;
            ControlFlow::Break(())
        });
        listed.map_err(|error| {
            error.while_doing(format!("could not list repository {}", self.name))
        })?;
        Ok(any)
    }

    fn later_segment(&self, folder: &WalFolder, segment: WalSegment) -> Result<Option<Later>> {
        let mut found = None;
        let prefix = folder.timeline_prefix(segment.timeline);
        let behind = folder.behind(WalFileName::Segment(segment));
        self.storage.list(&prefix, &behind, &mut |object| {
            found = segment_of(object.key).filter(|later| *later > segment).map(Later::Segment);
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }

    fn later_timeline(&self, folder: &WalFolder, timeline: TimelineId) -> Result<Option<Later>> {
        let mut found = None;
        let behind = folder.behind(WalFileName::History(timeline));
        self.storage.list(folder.prefix(), &behind, &mut |object| {
            found = wal_file_of(object.key).map(|name| Later::Timeline(name.timeline()));
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }
}
