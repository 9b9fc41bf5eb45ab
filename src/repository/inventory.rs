//! Which WAL of a system a repository has, and the histories that tell how its timelines hang together.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use jiff::Timestamp;

use super::{Repository, WalFolder, WalRange};
use crate::error::Result;
use crate::postgres::{Lsn, TimelineId, WalFileName, WalSegment, WalSegmentSize};
use crate::storage::{Listed, Volume};

/// Looks on while the WAL of one system is listed in one repository, so that nobody has to list it twice.
pub trait ListingVisitor: Send {
    /// A file that belongs to a segment, whole or not. They come by timeline, then by position.
    fn see(&mut self, name: WalFileName, listed: &Listed<'_>);
}

/// Nobody.
impl ListingVisitor for () {
    fn see(&mut self, _: WalFileName, _: &Listed<'_>) {}
}

/// Which WAL of a system there is. Takes as much room as there are holes in it.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// By timeline, then by position. No two of them touch.
    pub ranges: Vec<WalRange>,
    /// The timelines whose history files are there.
    pub histories: BTreeSet<TimelineId>,
    /// When the first and the last segment of each range were stored, where the store says.
    pub began: BTreeMap<WalSegment, Timestamp>,
    pub ended: BTreeMap<WalSegment, Timestamp>,
    /// Second contents of segments, see [`super::Fork`]: the names of their objects, of the first so many.
    pub beyond: BTreeSet<(WalSegment, String)>,
    /// The newest segment that lies there in the clear, and the newest encrypted one. Of one repository alone.
    pub last_clear: Option<WalSegment>,
    pub last_encrypted: Option<WalSegment>,
    /// How much there is.
    pub volume: Volume,
}

const BEYOND_MAX: usize = 1000;

impl Inventory {
    /// Segments come in the order of their names. The same one may come twice: in the clear and
    /// encrypted.
    fn add(&mut self, segment: WalSegment, size: WalSegmentSize, created: Option<Timestamp>) {
        match self.ranges.last_mut() {
            Some(range) if range.last == segment => {}
            Some(range) if range.last.next(size) == Some(segment) => {
                self.ended.remove(&range.last);
                range.last = segment;
            }
            _ => {
                self.ranges.push(WalRange { first: segment, last: segment, size });
                self.began.extend(created.map(|created| (segment, created)));
            }
        }
        self.ended.extend(created.map(|created| (segment, created)));
    }

    /// Whether a segment or a history is there. Of other files it is known only whether WAL behind them is.
    pub fn has(&self, name: WalFileName) -> bool {
        let behind = |segment: WalSegment| {
            let mut ranges = self.ranges.iter().filter(|it| it.last.timeline == segment.timeline);
            ranges.any(|it| it.last > segment)
        };
        match (name, name.segment()) {
            (WalFileName::History(timeline), _) => self.histories.contains(&timeline),
            (WalFileName::Segment(segment), _) => {
                self.ranges.iter().any(|it| it.first <= segment && segment <= it.last)
            }
            (_, segment) => segment.is_some_and(behind),
        }
    }

    fn see_beyond(&mut self, folder: &WalFolder, key: &str) {
        if let (Some(segment), Some((_, name))) =
            (folder.second_content_of(key), key.rsplit_once('/'))
            && self.beyond.len() < BEYOND_MAX
        {
            self.beyond.insert((segment, name.to_owned()));
        }
    }

    /// Whether no segment is missing from one to another of the same timeline.
    pub fn has_all(&self, first: WalSegment, last: WalSegment) -> bool {
        self.ranges.iter().any(|range| range.first <= first && last <= range.last)
    }

    /// The newest segment, if it lies there in the clear and not encrypted as well.
    pub fn newest_in_the_clear(&self) -> Option<WalSegment> {
        self.last_clear.filter(|_| self.last_clear > self.last_encrypted)
    }

    /// When the segment that ends there was stored. Of several timelines the newest counts.
    pub fn stored(&self, end: Lsn, size: WalSegmentSize) -> Option<Timestamp> {
        let ends_there = self.ended.iter().filter(|(segment, _)| {
            segment.start(size).is_ok_and(|start| start.0 + size.bytes() == end.0)
        });
        ends_there.map(|(_, stored)| *stored).max()
    }

    /// What is in any of them. All must have been made for one size of segments.
    pub fn merged<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let (mut ranges, mut merged) = (Vec::new(), Self::default());
        for one in all {
            ranges.extend_from_slice(&one.ranges);
            merged.histories.extend(&one.histories);
            merged.beyond.extend(one.beyond.iter().cloned());
            merged.volume.merge(&one.volume);
            keep_earliest(&mut merged.began, &one.began);
            keep_earliest(&mut merged.ended, &one.ended);
        }
        ranges.sort_unstable_by_key(|range| (range.first, range.last));
        for range in ranges {
            match merged.ranges.last_mut() {
                Some(last) if touch(last, &range) => last.last = last.last.max(range.last),
                _ => merged.ranges.push(range),
            }
        }
        let firsts: BTreeSet<WalSegment> = merged.ranges.iter().map(|range| range.first).collect();
        merged.began.retain(|segment, _| firsts.contains(segment));
        let ends: BTreeSet<WalSegment> = merged.ranges.iter().map(|range| range.last).collect();
        merged.ended.retain(|segment, _| ends.contains(segment));
        merged
    }
}

fn keep_earliest(
    known: &mut BTreeMap<WalSegment, Timestamp>,
    more: &BTreeMap<WalSegment, Timestamp>,
) {
    for (segment, created) in more {
        let first = known.entry(*segment).or_insert(*created);
        *first = *created.min(first);
    }
}

/// Whether no segment is missing between two ranges, of which `one` begins first.
fn touch(one: &WalRange, other: &WalRange) -> bool {
    let adjoin = one.last.next(one.size) == Some(other.first);
    one.last.timeline == other.first.timeline && (other.first <= one.last || adjoin)
}

impl Repository {
    /// Which WAL of a system whose segments have this size there is, in one pass over one listing.
    pub fn inventory(
        &self,
        folder: &WalFolder,
        size: WalSegmentSize,
        visitor: &mut impl ListingVisitor,
    ) -> Result<Inventory> {
        let mut inventory = Inventory::default();
        let listed = self.storage.list(folder.prefix(), "", &mut |listed| {
            inventory.volume.add(&listed);
            let Some(name) = folder.file_of(listed.key) else {
                inventory.see_beyond(folder, listed.key);
                return ControlFlow::Continue(());
            };
            // A name that has no place in the WAL at this size is of another time of the system.
            let placed = name.segment().filter(|segment| segment.start(size).is_ok());
            if placed.is_some() {
                visitor.see(name, &listed);
            }
            match (name, placed) {
                (WalFileName::Segment(segment), Some(_)) => {
                    inventory.add(segment, size, listed.created);
                    let last = match listed.key.ends_with(".age") {
                        true => &mut inventory.last_encrypted,
                        false => &mut inventory.last_clear,
                    };
                    *last = (*last).max(Some(segment));
                }
                (WalFileName::History(timeline), _) => {
                    inventory.histories.insert(timeline);
                }
                _ => {}
            }
            ControlFlow::Continue(())
        });
        listed.map_err(|error| self.not_listed(error))?;
        Ok(inventory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(mib: u32) -> WalSegmentSize {
        WalSegmentSize::from_bytes(mib << 20).unwrap()
    }

    fn segment(name: &str) -> WalSegment {
        match name.parse().unwrap() {
            WalFileName::Segment(segment) => segment,
            other => panic!("{other}"),
        }
    }

    fn inventory(names: &[&str], mib: u32) -> Inventory {
        let mut inventory = Inventory::default();
        names.iter().for_each(|name| inventory.add(segment(name), size(mib), None));
        inventory
    }

    fn shown(inventory: &Inventory) -> Vec<String> {
        inventory.ranges.iter().map(|range| format!("{}-{}", range.first, range.last)).collect()
    }

    #[test]
    fn segments_that_follow_one_another_are_one_range() {
        let names = [
            "0000000100000000000000FE",
            "0000000100000000000000FF",
            "0000000100000000000000FF",
            "000000010000000100000000",
            "000000010000000100000002",
            "000000020000000100000003",
        ];
        assert_eq!(
            shown(&inventory(&names, 16)),
            [
                "0000000100000000000000FE-000000010000000100000000",
                "000000010000000100000002-000000010000000100000002",
                "000000020000000100000003-000000020000000100000003",
            ]
        );
        // Segments of 1 MiB go on to FFF.
        assert_eq!(shown(&inventory(&names, 1)).len(), 4);
    }

    #[test]
    fn merging_closes_the_holes_that_another_repository_fills() {
        let merged = |lists: &[&[&str]]| {
            let all: Vec<_> = lists.iter().map(|names| inventory(names, 16)).collect();
            shown(&Inventory::merged(&all))
        };
        let (two, three) = ("000000010000000000000002", "000000010000000000000003");
        let (four, fork) = ("000000010000000000000004", "000000020000000000000004");
        assert_eq!(merged(&[&[two, four], &[three]]), [format!("{two}-{four}")]);
        assert_eq!(merged(&[&[two, three, four], &[three]]), [format!("{two}-{four}")]);
        assert_eq!(merged(&[&[two], &[four]]), [format!("{two}-{two}"), format!("{four}-{four}")]);
        assert_eq!(
            merged(&[&[fork], &[three]]),
            [format!("{three}-{three}"), format!("{fork}-{fork}")]
        );
        assert_eq!(merged(&[]), [""; 0]);
    }
}
