//! Whether a file that is absent should be there: what the repository has beyond it, and which timelines follow.

use std::fmt;
use std::ops::ControlFlow;

use super::layout::wal_file_of;
use super::{Repository, WalFolder};
use crate::error::Result;
use crate::postgres::{Lsn, TimelineId, WalFileName, WalSegment};

/// Each timeline behind a segment costs a request; more are not looked at.
const TIMELINES_MAX: usize = 1000;

/// A proof that a file which is absent should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    /// A later segment of the same timeline.
    Segment(WalSegment),
    /// Something of the timeline itself whose history is missing, or of a later one. PostgreSQL
    /// counts timelines up until one is missing, so it would not find that one.
    Timeline(TimelineId),
    /// The history of a timeline that left the segment's own one behind the segment: it was written.
    Left { timeline: TimelineId, by: TimelineId, at: Lsn },
}

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(segment) => write!(f, "segment {segment}"),
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
    ) -> Result<Option<Later>> {
        let mut found = None;
        let behind = folder.behind(WalFileName::History(timeline));
        let listed = self.storage.list(folder.prefix(), &behind, &mut |object| {
            found = wal_file_of(object.key).map(|name| Later::Timeline(name.timeline()));
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
