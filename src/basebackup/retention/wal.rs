//! Judges WAL: zones say what is kept and why, and the files in each repository are divided along them.
//!
//! In doubt WAL is kept: of a timeline whose history can't be read, for a base backup that may be under way, for one
//! whose description is damaged, and what the store dates within the window.

use std::collections::BTreeSet;
use std::ops::Range;

use humantime::format_duration;
use jiff::Timestamp;

use super::Base;
use super::{BaseCandidate, SystemHoldings};
use crate::backup::Attempt;
use crate::basebackup::windows::Timelines;
use crate::config::RetentionConfig;
use crate::postgres::{Lsn, TimelineId, WalSegment};
use crate::repository::WalRange;
use crate::retention::{CLOCKS_APART, Condition, RetentionVerdict, ago};

const END: Lsn = Lsn(u64::MAX);

/// A stretch of WAL files in one repository, and what becomes of it.
#[derive(Debug, Clone)]
pub struct WalLine {
    pub repository: usize,
    pub range: WalRange,
    pub verdict: RetentionVerdict,
}

/// WAL files of one timeline that are kept, for the first of these reasons.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Zone {
    timeline: TimelineId,
    importance: u8,
    from: Lsn,
    to: Lsn,
    reason: String,
}

struct Zones<'a> {
    timelines: &'a Timelines,
    all: BTreeSet<Zone>,
}

/// What becomes of the WAL, with these base backups kept.
pub fn lines(
    holdings: &SystemHoldings<'_>,
    policy: &RetentionConfig,
    now: Timestamp,
    kept: &[usize],
    bases: &[Base],
    unfinished: &[RetentionVerdict],
) -> Vec<WalLine> {
    let zones = zones(holdings, policy, now, kept, bases, unfinished);
    let window = format_duration(policy.wal_window);
    let outside = RetentionVerdict::delete(format!(
        "not in the window of {window}, and no base backup needs it"
    ));
    let stored = RetentionVerdict::keep(format!("stored within {window}"));
    let owed = RetentionVerdict::keep("another repository is owed it");
    let mut lines = Vec::new();
    for (repository, ranges) in &holdings.wal {
        let good =
            |it: &BaseCandidate| it.repository == *repository && it.condition == Condition::Good;
        let all = if holdings.stored.closed.contains(repository) {
            Some("nothing is deleted in this repository")
        } else if holdings.mixed_sizes {
            Some("the size of WAL segments was changed since an older base backup")
        } else if !holdings.stored.backups.iter().any(good) {
            Some("there is no good base backup in this repository")
        } else {
            None
        };
        let first = lines.len();
        let mut ranges = ranges.clone();
        ranges.sort_by_key(|range| range.first);
        for range in ranges {
            match all {
                Some(reason) => {
                    push(&mut lines, first, *repository, range, RetentionVerdict::keep(reason))
                }
                None => {
                    for (range, reason) in zones.divide(range) {
                        let Some(reason) = reason else {
                            for (range, is_owed) in divided(range, holdings.owed.get(repository)) {
                                if is_owed {
                                    push(&mut lines, first, *repository, range, owed.clone());
                                    continue;
                                }
                                let young = holdings.young.get(repository);
                                for (range, young) in divided(range, young) {
                                    let verdict = if young { &stored } else { &outside };
                                    push(&mut lines, first, *repository, range, verdict.clone());
                                }
                            }
                            continue;
                        };
                        push(&mut lines, first, *repository, range, RetentionVerdict::keep(reason));
                    }
                }
            }
        }
    }
    lines
}

/// Cuts a range where these begin or end, which are in order; true for what is in them.
fn divided(range: WalRange, within: Option<&Vec<WalRange>>) -> Vec<(WalRange, bool)> {
    let Some(within) = within.filter(|within| !within.is_empty()) else {
        return vec![(range, false)];
    };
    let is_within = |segment: WalSegment| {
        let at = within.partition_point(|it| it.last < segment);
        within.get(at).is_some_and(|it| it.first <= segment)
    };
    let mut pieces: Vec<(WalRange, bool)> = Vec::new();
    for segment in range.segments() {
        match pieces.last_mut() {
            Some((piece, within)) if *within == is_within(segment) => piece.last = segment,
            _ => {
                let piece = WalRange { first: segment, last: segment, size: range.size };
                pieces.push((piece, is_within(segment)));
            }
        }
    }
    pieces
}

/// One line for what follows one another for the same reason.
fn push(
    lines: &mut Vec<WalLine>,
    first: usize,
    repository: usize,
    range: WalRange,
    verdict: RetentionVerdict,
) {
    if let Some(last) = lines[first..].last_mut()
        && last.verdict == verdict
        && last.range.last.next(range.size) == Some(range.first)
    {
        last.range.last = range.last;
        return;
    }
    lines.push(WalLine { repository, range, verdict });
}

fn zones<'a>(
    holdings: &'a SystemHoldings<'_>,
    policy: &RetentionConfig,
    now: Timestamp,
    kept: &[usize],
    bases: &[Base],
    unfinished: &[RetentionVerdict],
) -> Zones<'a> {
    let mut zones = Zones { timelines: holdings.timelines, all: BTreeSet::new() };
    let window = format!("point-in-time recovery of {}", format_duration(policy.wal_window));
    for base in bases {
        let start = holdings.stored.backups[base.backup].needs.start.lsn;
        zones.add(base.timeline, &(start..END), 0, &window);
    }
    zones.add_unfollowed(holdings, bases, ago(now, policy.wal_window));
    let (sure, doubtful) = (holdings.stored.sure(), holdings.stored.doubtful());
    let here = |repository: usize| {
        move |at: &&usize| holdings.stored.backups[**at].repository == repository
    };
    let both = sure.iter().chain(&doubtful);
    let places: BTreeSet<usize> = both.map(|at| holdings.stored.backups[*at].repository).collect();
    let newest = |place| {
        let sure = sure.iter().rfind(here(place));
        sure.or_else(|| doubtful.iter().rfind(here(place)))
    };
    for newest in places.into_iter().filter_map(newest) {
        zones.add_from(&holdings.stored.backups[*newest], 1, "from the newest base backup on");
    }
    for begun in begun(holdings, unfinished, now) {
        // The clock of the host that takes it may differ.
        let since = begun.saturating_sub(CLOCKS_APART).unwrap_or(Timestamp::MIN);
        let finished = sure.iter().rfind(|at| holdings.stored.backups[**at].began <= since);
        let reason = "a base backup that may still be running";
        match finished {
            Some(at) => zones.add_from(&holdings.stored.backups[*at], 2, reason),
            None => zones.add_everything(2, reason),
        }
    }
    for at in kept {
        zones.add_span(&holdings.stored.backups[*at]);
    }
    for broken in &holdings.stored.broken {
        match holdings.stored.backups.iter().find(|it| it.id == broken.id) {
            Some(known) => zones.add_span(known),
            None => zones.add_around(holdings, &sure, broken),
        }
    }
    zones
}

/// When the unfinished base backups that are kept were begun; not later than now.
fn begun(
    holdings: &SystemHoldings<'_>,
    verdicts: &[RetentionVerdict],
    now: Timestamp,
) -> impl Iterator<Item = Timestamp> {
    let kept = holdings.stored.unfinished.iter().zip(verdicts).filter(|(_, verdict)| verdict.keep);
    kept.filter_map(|(it, _)| it.begun()).map(move |begun| begun.min(now))
}

impl Zones<'_> {
    /// What a recovery to this timeline may read.
    fn add(&mut self, timeline: TimelineId, wal: &Range<Lsn>, importance: u8, reason: &str) {
        for (timeline, wal) in self.timelines.files(timeline, wal) {
            self.add_files(timeline, wal, importance, reason);
        }
    }

    fn add_files(&mut self, timeline: TimelineId, wal: Range<Lsn>, importance: u8, reason: &str) {
        let (from, to, reason) = (wal.start, wal.end, reason.to_owned());
        self.all.insert(Zone { timeline, importance, from, to, reason });
    }

    fn add_everything(&mut self, importance: u8, reason: &str) {
        let timelines = self.timelines;
        timelines.all().for_each(|it| self.add_files(it, Lsn(0)..END, importance, reason));
    }

    /// All WAL from the start of a base backup on, and all of timelines that came later.
    fn add_from(&mut self, backup: &BaseCandidate, importance: u8, reason: &str) {
        let (span, timelines) = (&backup.needs, self.timelines);
        for timeline in timelines.all() {
            if timelines.passes(span, timeline) {
                self.add(timeline, &(span.start.lsn..END), importance, reason);
            } else if timeline > span.stop.timeline {
                self.add_files(timeline, Lsn(0)..END, importance, reason);
            }
        }
    }

    /// What a base backup needs to be consistent.
    fn add_span(&mut self, backup: &BaseCandidate) {
        let (span, timelines) = (&backup.needs, self.timelines);
        let reason = format!("base backup {}", backup.id);
        let wal = span.start.lsn..span.stop.lsn.max(Lsn(span.start.lsn.0 + 1));
        for timeline in timelines.all().filter(|it| *it >= span.start.timeline) {
            let unclear = timeline <= span.stop.timeline || !timelines.followed(timeline);
            if timelines.passes(span, timeline) {
                self.add(timeline, &wal, 3, &reason);
            } else if unclear {
                // It may be of its line as far as is known.
                self.add_files(timeline, wal.clone(), 3, &reason);
            }
        }
    }

    /// What lies between the base backups before and after one whose description can't be read. A folder without a
    /// time in its name is none of ours.
    fn add_around(&mut self, holdings: &SystemHoldings<'_>, sure: &[usize], broken: &Attempt) {
        let Some(begun) = broken.begun() else { return };
        let since = begun.saturating_sub(CLOCKS_APART).unwrap_or(Timestamp::MIN);
        let until = begun.saturating_add(CLOCKS_APART).unwrap_or(Timestamp::MAX);
        let backup = |at: &usize| &holdings.stored.backups[*at];
        let before = sure.iter().map(backup).rfind(|it| it.ended <= since);
        let after = sure.iter().map(backup).find(|it| it.began >= until);
        let from = before.map_or(Lsn(0), |it| it.needs.start.lsn);
        let to = after.map_or(END, |it| it.needs.stop.lsn);
        let reason = format!("base backup {}, whose description can't be read", broken.id);
        let timelines = self.timelines;
        for timeline in timelines.all() {
            if before.is_none_or(|it| timeline >= it.needs.start.timeline) {
                self.add_files(timeline, from..to, 2, &reason);
            }
        }
    }

    /// A timeline whose history can't be read may go on from any base backup. Unless it has one of its own
    /// that is old enough, all of it is kept.
    fn add_unfollowed(&mut self, holdings: &SystemHoldings<'_>, bases: &[Base], since: Timestamp) {
        let old_enough = |base: &&Base| holdings.stored.backups[base.backup].ended <= since;
        let timelines = self.timelines;
        for timeline in timelines.all().filter(|it| !timelines.followed(*it)) {
            let base = bases.iter().filter(|base| base.timeline == timeline).find(old_enough);
            let left = bases.iter().filter(old_enough);
            let newest =
                left.map(|base| holdings.stored.backups[base.backup].needs.stop.timeline).max();
            if base.is_none() && newest.is_none_or(|newest| timeline > newest) {
                let reason = "which base backup leads to this timeline is not known";
                self.add_files(timeline, Lsn(0)..END, 2, reason);
            }
        }
    }

    /// Cuts a range where reasons change; `None` where there is no reason to keep it.
    fn divide(&self, range: WalRange) -> Vec<(WalRange, Option<&str>)> {
        let size = range.size.bytes();
        let (Ok(first), Ok(last)) = (range.first.start(range.size), range.last.start(range.size))
        else {
            return vec![(range, Some("no such segment has this size"))];
        };
        let timeline = range.first.timeline;
        let zones: Vec<&Zone> = self.all.iter().filter(|it| it.timeline == timeline).collect();
        let down = |lsn: Lsn| Lsn(lsn.0 - lsn.0 % size);
        let up = |lsn: Lsn| Lsn(lsn.0.checked_next_multiple_of(size).unwrap_or(END.0));
        let ends = zones.iter().flat_map(|zone| [down(zone.from), up(zone.to)]);
        let mut cuts: BTreeSet<Lsn> = ends.filter(|cut| first < *cut && *cut <= last).collect();
        cuts.insert(first);
        let cuts: Vec<Lsn> = cuts.into_iter().collect();
        let pieces = cuts.iter().enumerate().filter_map(|(at, from)| {
            let to = cuts.get(at + 1).map_or(last, |next| Lsn(next.0 - size));
            let segment = |lsn| WalSegment::at(lsn, timeline, range.size);
            let piece = WalRange { first: segment(*from)?, last: segment(to)?, size: range.size };
            let zone = zones.iter().find(|zone| down(zone.from) <= *from && *from < zone.to);
            Some((piece, zone.map(|zone| zone.reason.as_str())))
        });
        pieces.collect()
    }
}
