use std::collections::BTreeSet;

use crate::postgres::{WalSegment, WalSegmentSize};

/// Which segments to fetch next: the `depth` that follow the one last asked for, each once.
#[derive(Debug)]
pub struct Window {
    cursor: WalSegment,
    size: WalSegmentSize,
    depth: usize,
    tried: BTreeSet<WalSegment>,
    /// The first one that no repository has: what comes after it is not asked for.
    end: Option<WalSegment>,
}

impl Window {
    pub fn new(cursor: WalSegment, size: WalSegmentSize, depth: usize) -> Self {
        Self { cursor, size, depth, tried: BTreeSet::new(), end: None }
    }

    /// Moves to another segment; a move that is no step forward on the same timeline starts afresh.
    pub fn move_to(&mut self, cursor: WalSegment) -> bool {
        if cursor == self.cursor {
            return false;
        }
        if cursor.timeline != self.cursor.timeline || cursor < self.cursor {
            (self.tried, self.end) = (BTreeSet::new(), None);
        }
        self.cursor = cursor;
        self.tried.retain(|segment| *segment > cursor);
        true
    }

    /// The next segment to fetch.
    pub fn take(&mut self) -> Option<WalSegment> {
        let next = self.segments().find(|segment| !self.tried.contains(segment))?;
        self.tried.insert(next);
        Some(next)
    }

    pub fn ends_at(&mut self, segment: WalSegment) {
        self.end = Some(self.end.map_or(segment, |end| end.min(segment)));
    }

    /// Whether the end of the archive lies in the window and everything before it was tried.
    pub fn exhausted(&self) -> bool {
        self.end.is_some() && self.segments().all(|segment| self.tried.contains(&segment))
    }

    pub fn contains(&self, segment: WalSegment) -> bool {
        segment == self.cursor || self.segments().any(|one| one == segment)
    }

    fn segments(&self) -> impl Iterator<Item = WalSegment> {
        let (size, end) = (self.size, self.end);
        let next = move |segment: &WalSegment| segment.next(size);
        let all = std::iter::successors(Some(self.cursor), next).skip(1).take(self.depth);
        all.take_while(move |segment| end.is_none_or(|end| *segment < end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::TimelineId;

    fn segment(timeline: u32, number: u32) -> WalSegment {
        WalSegment { timeline: TimelineId::new(timeline).unwrap(), log: 0, segment: number }
    }

    fn window(depth: usize) -> Window {
        Window::new(segment(1, 1), WalSegmentSize::from_bytes(16 << 20).unwrap(), depth)
    }

    #[test]
    fn gives_each_segment_once_and_more_as_the_cursor_moves() {
        let mut window = window(2);
        assert_eq!(window.take(), Some(segment(1, 2)));
        assert_eq!(window.take(), Some(segment(1, 3)));
        assert_eq!(window.take(), None);
        assert!(window.move_to(segment(1, 2)));
        assert_eq!(window.take(), Some(segment(1, 4)));
        assert_eq!(window.take(), None);
    }

    #[test]
    fn stops_at_the_end_of_the_archive_and_starts_afresh_on_another_timeline() {
        let mut window = window(4);
        assert_eq!(window.take(), Some(segment(1, 2)));
        assert_eq!(window.take(), Some(segment(1, 3)));
        window.ends_at(segment(1, 3));
        assert!(window.exhausted());
        assert_eq!(window.take(), None);
        window.move_to(segment(2, 3));
        assert_eq!(window.take(), Some(segment(2, 4)));
        assert!(window.contains(segment(2, 3)) && !window.contains(segment(1, 2)));
    }
}
