//! Which gaps in the WAL are faults, and which retention leaves behind older base backups. Pure.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::catalogue::Backup;
use super::windows::{Gap, Span, Timelines};
use crate::postgres::{Lsn, WalSegmentSize};

/// What recoveries miss.
#[derive(Debug)]
pub struct Holes {
    /// From the base backup on that the WAL window begins with, or inside what one of them needs.
    pub faults: Vec<Gap>,
    /// All else: retention keeps no WAL there.
    pub kept_for_nobody: Vec<Gap>,
}

impl Holes {
    /// `window`: when the base backup ended that the WAL window begins with, see [`window_begins`].
    pub fn of(
        timelines: &Timelines,
        size: WalSegmentSize,
        backups: &[&Backup],
        window: Timestamp,
    ) -> Self {
        let spans = |wanted: &dyn Fn(&Backup) -> bool| -> Vec<Span> {
            backups.iter().filter(|it| wanted(it)).map(|it| it.span()).collect()
        };
        let all = distinct(timelines.missing(&spans(&|_| true)));
        let mut faults = timelines.missing(&spans(&|it| it.facts.stop.time >= window));
        let own = |gap: &&Gap| backups.iter().any(|it| needs(timelines, size, &it.span(), gap));
        faults.extend(all.iter().filter(own).copied());
        let mut holes = Self { faults: distinct(faults), kept_for_nobody: Vec::new() };
        holes.kept_for_nobody = all.into_iter().filter(|gap| !holes.is_fault(gap)).collect();
        holes
    }

    /// Whether any of it should be there.
    pub fn is_fault(&self, gap: &Gap) -> bool {
        self.faults.iter().any(|it| it.first <= gap.last && gap.first <= it.last)
    }
}

/// The end of the newest base backup that is older than the window, of those that ended then.
pub fn window_begins(ends: impl Iterator<Item = Timestamp>, since: Timestamp) -> Timestamp {
    ends.filter(|ended| *ended <= since).max().unwrap_or(since)
}

/// Whether a base backup is not consistent without this.
fn needs(timelines: &Timelines, size: WalSegmentSize, span: &Span, gap: &Gap) -> bool {
    let (Ok(first), Ok(last)) = (gap.first.start(size), gap.last.start(size)) else {
        return false;
    };
    let end = Lsn(last.0.saturating_add(size.bytes()));
    !span.carries_wal
        && timelines.passes(span, gap.first.timeline)
        && first < span.stop.lsn
        && span.start.lsn < end
}

/// What an ancestor misses, all its descendants miss.
fn distinct(mut gaps: Vec<Gap>) -> Vec<Gap> {
    gaps.sort_unstable_by_key(|gap| (gap.first, Reverse(gap.last)));
    gaps.dedup_by(|later, kept| {
        kept.first.timeline == later.first.timeline && later.last <= kept.last
    });
    gaps
}
