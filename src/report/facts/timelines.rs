//! What a recovery to each timeline can reach, in time. `basebackup::windows` tells positions in the WAL, and
//! `arrivals` turns positions into times; a position from before a timeline began has the time of its parent.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::arrivals::{Arrivals, came};
use crate::basebackup::catalogue::Backup;
use crate::basebackup::holes::Holes;
use crate::basebackup::windows::{self, Point, Timeline};
use crate::postgres::{Lsn, TimelineId, WalSegment};

/// One timeline of the server, from where it left its parent on.
#[derive(Debug)]
pub(crate) struct TimelineFacts {
    pub timeline: u32,
    /// The timeline that it left, and when.
    pub left: Option<(u32, Option<Timestamp>)>,
    /// Whether it is known what leads to it.
    pub followed: bool,
    pub stretches: Vec<WalStretch>,
    pub gaps: Vec<WalGap>,
    /// How many windows a recovery to it has, also before it began.
    pub windows: usize,
}

/// WAL without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WalStretch {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// From here on every moment can be restored; `None`: no base backup leads to it.
    pub restorable: Option<Timestamp>,
    /// The same, where it goes back to before this timeline began.
    pub since: Option<Timestamp>,
    /// As PostgreSQL writes it.
    pub to_lsn: String,
}

/// Segments that are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WalGap {
    pub first: String,
    pub last: String,
    pub segments: u64,
    /// Retention keeps no WAL there: it is no fault.
    pub not_kept: bool,
    /// When the WAL before and behind it came.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Who dropped any of it, as somebody says.
    pub dropped: Option<String>,
}

/// Who dropped segments, the first and the last of a gap, in words.
pub(crate) type SaidOfGap<'a> = dyn Fn(WalSegment, WalSegment) -> Option<String> + 'a;

/// When WAL came, on whatever timeline a place belongs to.
struct WalTimes<'a> {
    arrivals: &'a [Option<Arrivals>],
    branches: BTreeMap<TimelineId, Point>,
}

impl WalTimes<'_> {
    fn at(&self, timeline: TimelineId, lsn: Lsn) -> Option<Timestamp> {
        let (mut timeline, mut turns) = (timeline, self.branches.len());
        while let Some(branch) = self.branches.get(&timeline).filter(|branch| lsn < branch.lsn) {
            // Histories come from a store, and might lead in a circle.
            turns = turns.checked_sub(1)?;
            timeline = branch.timeline;
        }
        came(self.arrivals, timeline, lsn)
    }
}

/// Each timeline, the oldest first. `backups` are those that the windows tell by their places.
pub(crate) fn lines(
    timelines: &[Timeline],
    backups: &[&Backup],
    arrivals: &[Option<Arrivals>],
    holes: &Holes,
    dropped: &SaidOfGap<'_>,
) -> Vec<TimelineFacts> {
    let branches = timelines.iter().filter_map(|it| Some((it.timeline, it.branched?)));
    let times = WalTimes { arrivals, branches: branches.collect() };
    timelines.iter().map(|timeline| line(timeline, backups, &times, (holes, dropped))).collect()
}

fn line(
    timeline: &Timeline,
    backups: &[&Backup],
    times: &WalTimes<'_>,
    (holes, dropped): (&Holes, &SaidOfGap<'_>),
) -> TimelineFacts {
    let begins = timeline.branched.map_or(Lsn(0), |branch| branch.lsn);
    let own = timeline.stretches.iter().filter(|stretch| stretch.wal.end > begins);
    let stretch = |it: &windows::Stretch| {
        let first = it.window.and_then(|window| backups.get(window.first));
        let since = first.map(|backup| backup.facts.stop.time);
        let before = it.window.is_some_and(|window| window.from < begins);
        let left = times.at(timeline.timeline, begins).filter(|_| before);
        WalStretch {
            from: times.at(timeline.timeline, it.wal.start.max(begins)),
            to: times.at(timeline.timeline, it.wal.end),
            restorable: left.or(since),
            since,
            to_lsn: it.wal.end.to_string(),
        }
    };
    let gaps = timeline.stretches.iter().zip(timeline.stretches.iter().skip(1));
    let gaps = gaps.flat_map(|(before, behind)| {
        let ours = before.gaps.iter().filter(|gap| gap.first.timeline == timeline.timeline);
        ours.map(|gap| WalGap {
            first: gap.first.to_string(),
            last: gap.last.to_string(),
            segments: gap.segments,
            not_kept: !holes.is_fault(gap),
            from: times.at(timeline.timeline, before.wal.end),
            to: times.at(timeline.timeline, behind.wal.start),
            dropped: dropped(gap.first, gap.last),
        })
    });
    TimelineFacts {
        timeline: timeline.timeline.number(),
        left: timeline.branched.map(|branch| {
            let left = times.at(branch.timeline, branch.lsn);
            (branch.timeline.number(), left.or_else(|| times.at(timeline.timeline, begins)))
        }),
        followed: timeline.followed,
        stretches: own.map(stretch).collect(),
        gaps: gaps.collect(),
        windows: timeline.stretches.iter().filter(|it| it.window.is_some()).count(),
    }
}
