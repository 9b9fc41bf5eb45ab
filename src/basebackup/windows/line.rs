//! One timeline with its ancestors as a single line of WAL: where there is WAL, what is missing, which base backups lie
//! on it.
//!
//! All that `windows` answers is asked of one such line for each timeline.

use std::ops::Range;

use super::{Gap, Left, Piece, Point, Span, Stretch, Timeline, Wal, Window};
use crate::postgres::{Lsn, TimelineId, WalSegment, WalSegmentSize};

const END: Lsn = Lsn(u64::MAX);

/// All that a recovery to one timeline reads: a part of each ancestor, then of the timeline itself.
#[derive(Debug)]
pub struct RecoveryLine {
    /// Oldest first. Each one begins where the one before it was left.
    parts: Vec<LinePart>,
    followed: bool,
    segment_size: WalSegmentSize,
    /// Where there is WAL, in order; no two of them touch.
    covered: Vec<Range<Lsn>>,
}

#[derive(Debug)]
struct LinePart {
    timeline: TimelineId,
    begin: Lsn,
    end: Lsn,
}

impl RecoveryLine {
    pub fn new(timeline: TimelineId, wal: &Wal) -> Self {
        let history = wal.histories.get(&timeline);
        let (mut parts, mut begin) = (Vec::new(), Lsn(0));
        for switch in history.map_or(&[][..], |history| &history.ancestors) {
            parts.push(LinePart { timeline: switch.timeline, begin, end: switch.at });
            begin = switch.at;
        }
        parts.push(LinePart { timeline, begin, end: END });
        let followed = history.is_some() || timeline.number() == 1;
        let mut line =
            Self { parts, followed, segment_size: wal.segment_size, covered: Vec::new() };
        line.covered = joined(wal.ranges.iter().filter_map(|range| {
            let part = line.parts.iter().find(|part| part.timeline == range.first.timeline)?;
            let first = range.first.start(wal.segment_size).ok()?;
            let last = range.last.start(wal.segment_size).ok()?;
            // A timeline begins within a segment, whose file holds the WAL of its parent up to there. The
            // file of the parent may go on with WAL of a life that was left.
            let from = first.max(line.segment_start(part.begin));
            let to = Lsn(last.0.saturating_add(wal.segment_size.bytes())).min(part.end);
            (from < to).then_some(from..to)
        }));
        line
    }

    pub fn timeline(&self) -> TimelineId {
        self.parts[self.parts.len() - 1].timeline
    }

    /// Where a recovery from this base backup comes to an end, at its stop or later; `None` when it is of
    /// another branch, or can't be made consistent.
    pub fn reach(&self, backup: &Span) -> Option<Lsn> {
        if !self.holds(backup) {
            return None;
        }
        let stretch = self.stretch_of(backup.archive_from()).map(|wal| wal.end);
        let reach = stretch.filter(|end| *end >= backup.stop.lsn);
        reach.or(backup.carries_wal.then_some(backup.stop.lsn))
    }

    /// From the end of the segment in which this place lies, or which ends there.
    pub fn reach_behind(&self, place: Lsn) -> Option<Lsn> {
        let segment = self.segment_start(Lsn(place.0.saturating_sub(1)));
        let end = Lsn(segment.0.saturating_add(self.segment_size.bytes()));
        self.stretch_of(end).map(|wal| wal.end)
    }

    /// The first segment missing between start and stop of a backup of this line.
    pub fn first_missing(&self, backup: &Span) -> Option<WalSegment> {
        if !self.holds(backup) {
            return None;
        }
        let missing = self.stretch_of(backup.start.lsn).map_or(backup.start.lsn, |wal| wal.end);
        (missing < backup.stop.lsn).then(|| self.segment_at(missing)).flatten()
    }

    pub fn windows(&self, backups: &[Span]) -> Timeline {
        let window = |wal: &Range<Lsn>| {
            let usable = |span: &Span| {
                self.holds(span) && wal.contains(&span.archive_from()) && span.stop.lsn <= wal.end
            };
            let stops = backups.iter().enumerate().filter(|(_, span)| usable(span));
            let stops: Vec<_> = stops.map(|(at, span)| (span.stop.lsn, at)).collect();
            let (from, first) = *stops.iter().min()?;
            Some(Window { from, first, last: stops.iter().max()?.1 })
        };
        let stretch = |(at, wal): (usize, &Range<Lsn>)| {
            let gaps =
                self.covered.get(at + 1).map(|next| self.gaps(wal.end, next.start).collect());
            Stretch { wal: wal.clone(), window: window(wal), gaps: gaps.unwrap_or_default() }
        };
        let parent = self.parts.len().checked_sub(2).map(|at| &self.parts[at]);
        Timeline {
            timeline: self.timeline(),
            branched: parent.map(|part| Point { timeline: part.timeline, lsn: part.end }),
            followed: self.followed,
            stretches: self.covered.iter().enumerate().map(stretch).collect(),
        }
    }

    /// Whether the line passes through the backup (`tliOfPointInHistory`). Where it ends, the next
    /// timeline may begin.
    pub fn holds(&self, backup: &Span) -> bool {
        let (start, stop) = (backup.start, backup.stop);
        let starts = |part: &LinePart| {
            part.timeline == start.timeline && (part.begin..part.end).contains(&start.lsn)
        };
        let stops = |part: &LinePart| {
            part.timeline == stop.timeline && (part.begin..=part.end).contains(&stop.lsn)
        };
        self.parts.iter().any(starts) && self.parts.iter().any(stops)
    }

    /// The WAL that a recovery from this base backup reads up to the first gap; `None` when it is of another
    /// branch.
    pub fn pieces(&self, backup: &Span) -> Option<Vec<Piece>> {
        if !self.holds(backup) {
            return None;
        }
        let from = self.segment_start(backup.archive_from());
        let to = self.reach(backup).unwrap_or(backup.stop.lsn);
        let piece = |part: &LinePart| {
            let first = from.max(self.segment_start(part.begin));
            let end = to.min(part.end);
            (first < end).then_some(Piece { timeline: part.timeline, wal: first..end })
        };
        Some(self.parts.iter().filter_map(piece).collect())
    }

    /// What is missing from the first of these base backups on, before the last WAL there is or, if that
    /// is later, the stop of the last of them.
    pub fn missing(&self, backups: &[Span]) -> Vec<Gap> {
        let held = backups.iter().filter(|span| self.holds(span));
        let Some(from) = held.clone().map(Span::archive_from).min() else { return Vec::new() };
        let stops = held.filter(|span| !span.carries_wal).map(|span| span.stop.lsn);
        // Where a timeline was left, its WAL had been written up to there; of the segment of the switch the next
        // timeline has a copy.
        let left = self.parts.iter().map(|part| part.end).filter(|end| *end != END);
        let left = left.map(|end| self.segment_start(end)).filter(|end| *end > from);
        let stops = stops.chain(left);
        let (mut gaps, mut at) = (Vec::new(), self.segment_start(from));
        for wal in &self.covered {
            gaps.extend(self.gaps(at, wal.start));
            at = at.max(wal.end);
        }
        gaps.extend(stops.max().into_iter().flat_map(|stop| self.gaps(at, stop)));
        gaps
    }

    /// Where there is WAL again behind this place, where it ends.
    pub fn resumes(&self, reach: Lsn) -> Option<Lsn> {
        self.covered.iter().map(|wal| wal.start).find(|start| *start > reach)
    }

    /// Where a timeline was left for the next one behind this place, at which a recovery ends: of that one nothing is there.
    pub fn left(&self, reach: Lsn) -> Option<Left> {
        let at = self.parts.iter().position(|part| part.end >= reach && part.end != END)?;
        let (part, by) = (&self.parts[at], self.parts[at + 1].timeline);
        let place = Point { timeline: part.timeline, lsn: part.end };
        Some(Left { place, by, missing: self.segment_start(part.end) > reach })
    }

    /// The timelines before it, each with the place where it was left.
    pub fn ancestors(&self) -> Vec<Point> {
        let left = self.parts.iter().filter(|part| part.end != END);
        left.map(|part| Point { timeline: part.timeline, lsn: part.end }).collect()
    }

    /// Where the WAL ends that there is in segments behind that of a place; `None` where no such segment exists.
    pub fn end_behind(&self, place: Lsn) -> Option<Lsn> {
        let next = self.segment_start(place).0.saturating_add(self.segment_size.bytes());
        self.covered.last().map(|wal| wal.end).filter(|end| end.0 > next)
    }

    pub fn followed(&self) -> bool {
        self.followed
    }

    /// Of a segment in which one timeline follows another, the file of either may be what there is.
    pub fn files(&self, wal: &Range<Lsn>) -> impl Iterator<Item = (TimelineId, Range<Lsn>)> {
        self.parts.iter().filter_map(|part| {
            let from = self.segment_start(part.begin.max(wal.start));
            let to = part.end.min(wal.end);
            (from < to).then_some((part.timeline, from..to))
        })
    }

    fn stretch_of(&self, lsn: Lsn) -> Option<&Range<Lsn>> {
        self.covered.iter().find(|wal| wal.contains(&lsn))
    }

    /// What is missing from one place to another, by timeline. Of a segment in which one timeline
    /// follows another, the file of the later one is enough.
    fn gaps(&self, from: Lsn, to: Lsn) -> impl Iterator<Item = Gap> {
        self.parts.iter().filter_map(move |part| {
            let (first, end) = (from.max(part.begin), to.min(part.end));
            let end = if end == part.end && end < to { self.segment_start(end) } else { end };
            let first = self.segment_start(first);
            if first >= end {
                return None;
            }
            let segment = |lsn| WalSegment::at(lsn, part.timeline, self.segment_size);
            Some(Gap {
                first: segment(first)?,
                last: segment(Lsn(end.0 - 1))?,
                segments: (end.0 - first.0).div_ceil(self.segment_size.bytes()),
            })
        })
    }

    /// The segment that a recovery looks for first at this place.
    fn segment_at(&self, lsn: Lsn) -> Option<WalSegment> {
        let begun = |part: &&LinePart| self.segment_start(part.begin) <= lsn;
        let part = self.parts.iter().rev().find(begun)?;
        WalSegment::at(lsn, part.timeline, self.segment_size)
    }

    fn segment_start(&self, lsn: Lsn) -> Lsn {
        Lsn(lsn.0 - lsn.0 % self.segment_size.bytes())
    }
}

/// In order, those that touch or overlap made one.
fn joined(ranges: impl Iterator<Item = Range<Lsn>>) -> Vec<Range<Lsn>> {
    let mut ranges: Vec<_> = ranges.collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<Lsn>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}
