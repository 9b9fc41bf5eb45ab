//! The same question answered slowly: byte by byte as `XLogFileReadAnyTLI` would, for thousands of made-up
//! archives.

use std::cell::Cell;

use super::*;
use crate::made_up::{self, Numbers};

const SEGMENTS: u64 = 10;
/// Archives that are made up, and the numbers that the largest is made of.
const ARCHIVES: u32 = 4000;
const NUMBERS: usize = 80;
/// Places looked at in each segment.
const STEPS: u64 = 10;

struct Archive {
    files: BTreeSet<(u32, u64)>,
    /// For each timeline: its ancestors, oldest first, with where they were left.
    ancestors: BTreeMap<u32, Vec<(u32, Lsn)>>,
    backups: Vec<Span>,
}

fn place(numbers: &mut Numbers) -> Lsn {
    lsn(numbers.below(SEGMENTS), numbers.below(STEPS) * 1000 / STEPS)
}

fn archive(numbers: &mut Numbers) -> Archive {
    let mut ancestors = BTreeMap::from([(1, Vec::new())]);
    for timeline in 2..=(1 + numbers.below(4) as u32) {
        let parent = 1 + numbers.below(u64::from(timeline) - 1) as u32;
        let mut all: Vec<(u32, Lsn)> = ancestors[&parent].clone();
        let begin = all.last().map_or(Lsn(0), |last| last.1);
        all.push((parent, begin.max(place(numbers))));
        ancestors.insert(timeline, all);
    }
    let holes = 1 + numbers.below(6);
    let all =
        (1..=ancestors.len() as u32).flat_map(|timeline| (0..SEGMENTS).map(move |s| (timeline, s)));
    let files = all.filter(|_| numbers.below(holes) > 0).collect();
    let timelines = ancestors.len() as u64;
    let backup = |_| {
        let timeline = 1 + numbers.below(timelines) as u32;
        let (one, other) = (place(numbers), place(numbers));
        let point = |lsn| Point { timeline: tli(timeline), lsn };
        let carries_wal = numbers.below(4) == 0;
        Span { start: point(one.min(other)), stop: point(Lsn(one.max(other).0 + 1)), carries_wal }
    };
    let backups = (0..3).map(backup).collect();
    Archive { files, ancestors, backups }
}

impl Archive {
    fn wal(&self) -> Wal {
        let ranges: Vec<_> = self.files.iter().map(|(timeline, s)| (*timeline, *s, *s)).collect();
        let points = |(timeline, all): (&u32, &Vec<(u32, Lsn)>)| {
            let point =
                |(timeline, lsn): &(u32, Lsn)| Point { timeline: tli(*timeline), lsn: *lsn };
            (*timeline, all.iter().map(point).collect::<Vec<_>>())
        };
        let histories: Vec<_> = self.ancestors.iter().map(points).collect();
        let histories: Vec<_> = histories.iter().map(|(t, all)| (*t, all.as_slice())).collect();
        let mut wal = wal(&ranges, &histories);
        wal.histories.remove(&tli(1));
        wal
    }

    /// The timelines of a recovery to `target` with where each begins, newest first.
    fn line(&self, target: u32) -> Vec<(u32, Lsn)> {
        let mut line = Vec::new();
        let mut begin = Lsn(0);
        for (timeline, left) in &self.ancestors[&target] {
            line.push((*timeline, begin));
            begin = *left;
        }
        line.push((target, begin));
        line.reverse();
        line
    }

    fn timeline_at(&self, target: u32, lsn: Lsn) -> u32 {
        let line = self.line(target);
        line.iter().find(|(_, begin)| *begin <= lsn).map_or(0, |(timeline, _)| *timeline)
    }

    /// Whether the byte at this place can be read: out of the newest file that there is of its segment,
    /// as long as that one is of the right life.
    fn reads(&self, target: u32, lsn: Lsn) -> bool {
        let segment = lsn.0 / SEGMENT;
        let line = self.line(target);
        let may_have = |begin: &Lsn| begin.0 / SEGMENT <= segment;
        let file = line.iter().find(|(timeline, begin)| {
            may_have(begin) && self.files.contains(&(*timeline, segment))
        });
        file.is_some_and(|(timeline, _)| self.timeline_at(target, lsn) <= *timeline)
    }

    /// How many places a recovery passes from the start of this backup on; `None` where it is of another
    /// branch or can't be made consistent.
    fn reaches(&self, target: u32, backup: &Span, places: &[Lsn]) -> Option<Lsn> {
        let timeline = backup.start.timeline.number();
        let last = Lsn(backup.stop.lsn.0 - 1);
        let on_line = [backup.start.lsn, last];
        if on_line.iter().any(|lsn| self.timeline_at(target, *lsn) != timeline) {
            return None;
        }
        let needed = if backup.carries_wal { last } else { backup.start.lsn };
        let from = places.iter().filter(|lsn| **lsn >= needed);
        let unread = from.copied().find(|lsn| !self.reads(target, *lsn));
        let end = unread.unwrap_or(lsn(SEGMENTS, 0));
        let carried = backup.carries_wal.then_some(backup.stop.lsn);
        Some(end).filter(|end| *end >= backup.stop.lsn).or(carried)
    }
}

#[test]
fn agrees_with_reading_byte_by_byte() {
    let places: Vec<Lsn> = (0..SEGMENTS)
        .flat_map(|segment| (0..STEPS).map(move |step| lsn(segment, step * 1000 / STEPS)))
        .collect();
    let reached = Cell::new(0);
    made_up::each(ARCHIVES, NUMBERS, |numbers| {
        let archive = archive(numbers);
        let wal = archive.wal();
        let timelines = Timelines::new(&wal, &archive.backups);
        for backup in &archive.backups {
            let mut any = false;
            for target in archive.ancestors.keys() {
                let expected = archive.reaches(*target, backup, &places);
                let found = timelines.reach(backup, tli(*target));
                assert_eq!(found, expected, "{backup:?} to {target}, {wal:?}");
                any |= found.is_some();
            }
            reached.set(reached.get() + u32::from(any));
            let needed = timelines.needed(backup);
            assert_eq!(needed == Needed::Complete, any, "{backup:?}, {needed:?}");
            if let Needed::Missing(segment) = needed {
                let number = u64::from(segment.segment);
                assert!(!archive.files.contains(&(segment.timeline.number(), number)));
            }
        }
    });
    let reached = reached.get();
    assert!(reached > 1000, "only {reached} backups could be restored");
}

#[test]
fn windows_are_what_the_backups_reach() {
    made_up::each(ARCHIVES, NUMBERS, |numbers| {
        let archive = archive(numbers);
        let timelines = Timelines::new(&archive.wal(), &archive.backups);
        for timeline in timelines.windows(&archive.backups) {
            let mut expected: BTreeMap<Lsn, Lsn> = BTreeMap::new();
            for backup in &archive.backups {
                // One that the archive does not go on from makes no window.
                let reach = timelines.reach(backup, timeline.timeline);
                if let Some(end) = reach.filter(|end| *end > backup.stop.lsn) {
                    let from = expected.entry(end).or_insert(backup.stop.lsn);
                    *from = backup.stop.lsn.min(*from);
                }
            }
            let found = timeline.stretches.iter();
            let found = found.filter_map(|one| Some((one.wal.end, one.window?.from))).collect();
            assert_eq!(expected, found, "{timeline:?}");
            for gap in timeline.stretches.iter().flat_map(|one| &one.gaps) {
                for number in gap.first.segment..=gap.last.segment {
                    let file = (gap.first.timeline.number(), u64::from(number));
                    assert!(!archive.files.contains(&file), "{gap:?}");
                }
            }
        }
    });
}
