//! Draws a timeline as a row of characters: where base backups end, where a recovery can end, where WAL is missing.
//!
//! The bars of one system share an axis of LSNs, so that one column is the same place in the WAL of each timeline.

use std::ops::Range;

use crate::basebackup::windows::Timeline;
use crate::postgres::Lsn;

/// How wide it is where there is room.
pub const COLUMNS: usize = 60;

/// Of a base backup that leads to the timeline.
pub const USABLE: char = 'B';

pub const LEGEND: &str = "\
B base backup; x or ? one that can't, or perhaps can't, be restored to this timeline; = a recovery can end here;
- the same on WAL of an older timeline; . WAL that no base backup leads to; blank between them: missing.
";

/// A base backup on the bar.
pub struct Mark {
    pub at: Lsn,
    pub sign: char,
}

/// A timeline drawn over `axis`, so wide. A column with a gap in it is blank, however small the gap; only a backup
/// that is of no use is marked there.
pub fn bar(timeline: &Timeline, marks: &[Mark], axis: &Range<Lsn>, columns: usize) -> String {
    let columns = columns as u64;
    (0..columns).map(|number| sign(timeline, marks, &column(axis, number, columns))).collect()
}

/// The part of the axis that a column stands for; never empty.
fn column(axis: &Range<Lsn>, number: u64, columns: u64) -> Range<u64> {
    let length = u128::from(axis.end.0 - axis.start.0).max(1);
    let at = |number: u64| {
        let offset = length * u128::from(number) / u128::from(columns);
        axis.start.0 + u64::try_from(offset).unwrap_or(u64::MAX)
    };
    at(number)..at(number + 1).max(at(number) + 1)
}

fn sign(timeline: &Timeline, marks: &[Mark], column: &Range<u64>) -> char {
    let meets = |from: Lsn, to: Lsn| from.0 < column.end && to.0 > column.start;
    let mark = marks.iter().rfind(|mark| column.contains(&mark.at.0)).map(|mark| mark.sign);
    let mut two = timeline.stretches.windows(2);
    if two.any(|two| meets(two[0].wal.end, two[1].wal.start)) {
        return mark.filter(|sign| *sign != USABLE).unwrap_or(' ');
    }
    if let Some(sign) = mark {
        return sign;
    }
    let mut windows =
        timeline.stretches.iter().filter_map(|one| Some((one.window?.from, one.wal.end)));
    if windows.any(|(from, to)| meets(from, to)) {
        let inherited = timeline.branched.is_some_and(|branch| column.end <= branch.lsn.0);
        return if inherited { '-' } else { '=' };
    }
    let stranded = timeline.stretches.iter().any(|one| meets(one.wal.start, one.wal.end));
    if stranded { '.' } else { ' ' }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::basebackup::windows::{Point, Stretch, Window};
    use crate::postgres::TimelineId;

    fn stretch(from: u64, to: u64, window: Option<u64>) -> Stretch {
        let window = window.map(|from| Window { from: Lsn(from), first: 0, last: 0 });
        Stretch { wal: Lsn(from)..Lsn(to), window, gaps: Vec::new() }
    }

    fn timeline(branched: Option<u64>, stretches: Vec<Stretch>) -> Timeline {
        let parent = |lsn| Point { timeline: TimelineId::new(1).unwrap(), lsn: Lsn(lsn) };
        Timeline {
            timeline: TimelineId::new(2).unwrap(),
            branched: branched.map(parent),
            followed: true,
            stretches,
        }
    }

    fn mark(at: u64, sign: char) -> Mark {
        Mark { at: Lsn(at), sign }
    }

    #[test]
    fn windows_gaps_and_stranded_wal_take_their_share() {
        let stretches =
            vec![stretch(0, 200, Some(105)), stretch(300, 400, None), stretch(500, 600, Some(510))];
        let marks =
            [mark(105, 'B'), mark(250, 'x'), mark(450, 'B'), mark(510, 'B'), mark(590, 'x')];
        assert_eq!(
            bar(&timeline(Some(160), stretches), &marks, &(Lsn(0)..Lsn(600)), COLUMNS),
            "..........B-----====     x    ..........          .B=======x"
        );
    }

    #[test]
    fn a_gap_is_seen_however_small_and_the_axis_may_go_beyond() {
        let million = |from: u64, to: u64| stretch(from << 20, to << 20, Some(from << 20));
        let timeline = timeline(None, vec![million(0, 50_000), million(50_001, 100_000)]);
        let marks: Vec<Mark> = (0..400).map(|day| mark(day * (250 << 20), 'B')).collect();
        let drawn = bar(&timeline, &marks, &(Lsn(0)..Lsn(120_000 << 20)), COLUMNS);
        assert_eq!(drawn, format!("{} {}{}", "B".repeat(25), "B".repeat(24), " ".repeat(10)));
    }

    #[test]
    fn an_axis_without_length_is_drawn_too() {
        let drawn = bar(&timeline(None, Vec::new()), &[mark(7, 'B')], &(Lsn(7)..Lsn(7)), COLUMNS);
        assert_eq!(drawn.chars().count(), 60);
        assert!(drawn.starts_with('B'));
    }
}
