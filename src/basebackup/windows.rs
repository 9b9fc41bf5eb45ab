//! What can be recovered: from base backups, the WAL there is and the histories of timelines to the
//! windows of WAL that a recovery can end in. Pure: no I/O, no clock.
//!
//! Follows `readTimeLineHistory` and `tliOfPointInHistory` in `timeline.c`, and `XLogFileReadAnyTLI` in
//! `xlogrecovery.c`: a recovery to a timeline reads each segment from the newest of its ancestors that has
//! it and had begun by then.
//!
//! `line` answers for a single timeline; `Timelines` asks all of them.

mod line;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use self::line::RecoveryLine;
use crate::postgres::{Lsn, TimelineHistory, TimelineId, WalSegment, WalSegmentSize};
use crate::repository::WalRange;

/// A place in the WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub timeline: TimelineId,
    pub lsn: Lsn,
}

/// The WAL that the files of a base backup need to be consistent. A recovery can end at its stop, and not
/// before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: Point,
    pub stop: Point,
    /// Whether the backup has this WAL inside. Then it is consistent without an archive; a recovery that
    /// goes on begins with the segment of its stop, which it may hold half-filled (a standby can't switch
    /// to the next one).
    pub carries_wal: bool,
}

impl Span {
    /// From here on a recovery needs the archive.
    pub fn archive_from(&self) -> Lsn {
        if self.carries_wal { Lsn(self.stop.lsn.0.saturating_sub(1)) } else { self.start.lsn }
    }
}

/// All WAL of one system that a recovery finds.
#[derive(Debug, Clone)]
pub struct Wal {
    pub segment_size: WalSegmentSize,
    /// As an [`crate::repository::Inventory`] has them.
    pub ranges: Vec<WalRange>,
    /// As far as they could be read. Timeline 1 has none.
    pub histories: BTreeMap<TimelineId, TimelineHistory>,
}

/// Whether the WAL that a base backup needs is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    Complete,
    /// The first segment that is not there.
    Missing(WalSegment),
    /// It began on another timeline than it ended on, and how these two hang together is not known.
    Unknown,
}

/// What a recovery to one timeline (`recovery_target_timeline`) can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    pub timeline: TimelineId,
    /// Where its parent was left; `None` for the first one, and where that is not known.
    pub branched: Option<Point>,
    /// Whether its ancestors are known. If not, only its own WAL is looked at.
    pub followed: bool,
    /// WAL without a gap, in order, ancestors' included.
    pub stretches: Vec<Stretch>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// From the first byte of a segment to that behind the last one.
    pub wal: Range<Lsn>,
    /// `None`: no base backup lies in it, so it restores nothing.
    pub window: Option<Window>,
    /// What is missing between it and the next one.
    pub gaps: Vec<Gap>,
}

/// A recovery can end anywhere from `from` to the end of its stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Where the first of its base backups ended.
    pub from: Lsn,
    /// Which one that is, and which one ended last, as places in the list of base backups.
    pub first: usize,
    pub last: usize,
}

/// Segments that are missing on one timeline, although there is WAL before and after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    pub first: WalSegment,
    pub last: WalSegment,
    /// How many.
    pub segments: u64,
}

/// A timeline that was left for another one, of which nothing is there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    pub place: Point,
    pub by: TimelineId,
    /// Whether whole segments are missing before that place: then recovery stops, because there should be more.
    pub missing: bool,
}

/// A timeline that was left for another one, and of which there is WAL behind that place all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivesOn {
    pub place: Point,
    /// Up to where.
    pub end: Lsn,
}

/// The WAL that a recovery to one timeline reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    pub timeline: TimelineId,
    /// Its ancestors first. Each begins with a segment.
    pub pieces: Vec<Piece>,
}

/// WAL of one timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub timeline: TimelineId,
    pub wal: Range<Lsn>,
}

/// All timelines of a system, each with the WAL that a recovery to it reads.
#[derive(Debug)]
pub struct Timelines(Vec<RecoveryLine>);

impl Timelines {
    /// Of the WAL, of the histories, and those that `backups` speak of.
    pub fn new(wal: &Wal, backups: &[Span]) -> Self {
        let mut all: BTreeSet<TimelineId> =
            wal.ranges.iter().map(|range| range.first.timeline).collect();
        all.extend(wal.histories.keys());
        all.extend(backups.iter().flat_map(|span| [span.start.timeline, span.stop.timeline]));
        Self(all.into_iter().map(|timeline| RecoveryLine::new(timeline, wal)).collect())
    }

    /// Whether any recovery can make the files of this base backup consistent.
    pub fn needed(&self, backup: &Span) -> Needed {
        if self.0.iter().any(|line| line.reach(backup).is_some()) {
            return Needed::Complete;
        }
        let own = self.line(backup.stop.timeline);
        let missing = own.and_then(|line| line.first_missing(backup));
        missing.map_or(Needed::Unknown, Needed::Missing)
    }

    /// How far a recovery from this base backup to this timeline gets: the end of the last segment
    /// before a gap. `None` when it gets nowhere: the backup is of another branch, or the WAL that it
    /// needs itself is not there.
    pub fn reach(&self, backup: &Span, timeline: TimelineId) -> Option<Lsn> {
        self.line(timeline)?.reach(backup)
    }

    /// How far the WAL goes without a gap in a recovery to this timeline, from the end of the segment before that this place is in
    /// or ends; `None` when none is there.
    pub fn reach_behind(&self, timeline: TimelineId, place: Lsn) -> Option<Lsn> {
        self.line(timeline)?.reach_behind(place)
    }

    /// Whether a recovery to this timeline passes through the base backup, WAL or no WAL.
    pub fn passes(&self, backup: &Span, timeline: TimelineId) -> bool {
        self.line(timeline).is_some_and(|line| line.holds(backup))
    }

    /// The one that `recovery_target_timeline = 'latest'` means, where no history is missing.
    pub fn newest(&self) -> Option<TimelineId> {
        self.0.last().map(RecoveryLine::timeline)
    }

    /// Each timeline with what can be recovered from `backups`, in order.
    pub fn windows(&self, backups: &[Span]) -> Vec<Timeline> {
        self.0.iter().map(|line| line.windows(backups)).collect()
    }

    /// The recoveries that can begin with this base backup, each as far as the WAL goes without a gap.
    pub fn recoveries(&self, backup: &Span) -> Vec<Recovery> {
        let of_line = |line: &RecoveryLine| {
            let pieces = line.pieces(backup)?;
            Some(Recovery { timeline: line.timeline(), pieces })
        };
        self.0.iter().filter_map(of_line).collect()
    }

    /// What recoveries from any of these base backups miss although it was there once, for each timeline.
    /// Some of it may be of several timelines.
    pub fn missing(&self, backups: &[Span]) -> Vec<Gap> {
        self.0.iter().flat_map(|line| line.missing(backups)).collect()
    }

    /// Where a recovery to this timeline would find WAL again behind the gap that it ends at.
    pub fn resumes(&self, timeline: TimelineId, reach: Lsn) -> Option<Lsn> {
        self.line(timeline)?.resumes(reach)
    }

    /// Where a recovery to this timeline that ends at `reach` comes to a timeline of which nothing is there.
    pub fn left(&self, timeline: TimelineId, reach: Lsn) -> Option<Left> {
        self.line(timeline)?.left(reach)
    }

    /// The last ancestor of this timeline that went on in segments behind the one in which it was left.
    pub fn lives_on(&self, timeline: TimelineId) -> Option<LivesOn> {
        let ancestors = self.line(timeline)?.ancestors();
        let lives_on = |place: Point| {
            let end = self.line(place.timeline)?.end_behind(place.lsn)?;
            Some(LivesOn { place, end })
        };
        ancestors.into_iter().rev().find_map(lives_on)
    }

    /// All there are, in order.
    pub fn all(&self) -> impl Iterator<Item = TimelineId> {
        self.0.iter().map(RecoveryLine::timeline)
    }

    /// Whether it is known which timelines lead to this one.
    pub fn followed(&self, timeline: TimelineId) -> bool {
        self.line(timeline).is_some_and(RecoveryLine::followed)
    }

    /// The files that a recovery to this timeline may read for a stretch of WAL: of which timelines, and
    /// from the beginning of which segment to where.
    pub fn files(&self, timeline: TimelineId, wal: &Range<Lsn>) -> Vec<(TimelineId, Range<Lsn>)> {
        self.line(timeline).map_or_else(Vec::new, |line| line.files(wal).collect())
    }

    fn line(&self, timeline: TimelineId) -> Option<&RecoveryLine> {
        self.0.iter().find(|line| line.timeline() == timeline)
    }
}

#[cfg(test)]
mod tests;
