//! Gaps in the WAL.

use std::cmp::Reverse;

use super::base_backups;
use super::finding::{CheckState, Finding, FindingDraft, age, count};
use super::gather::Case;
use super::reach::{reach, stops_at_a_gap};
use crate::basebackup::catalogue::SystemWal;
use crate::basebackup::windows::{Gap, Span};
use crate::error::Class;
use crate::postgres::{WalFileName, WalSegment};
use crate::repository::{Inventory, Repository};
use crate::retention::CLOCKS_APART;

/// How many gaps are named.
const NAMED_MAX: usize = 3;

/// What is missing from the base backup on that the WAL window begins with.
pub(super) fn gaps(case: &Case<'_>, number: usize) -> Finding {
    let mut draft = FindingDraft::new(case.postgres(), "WAL", Some(case.name(number)));
    let system = case.gathered.system.and_then(|system| case.gathered.survey.system(system));
    let Some(system) = system else {
        draft.ok("without a base backup it restores nothing");
        return draft.finding();
    };
    let spans = spans(case, number, system);
    let mut gaps = system.alone(number).map_or(Vec::new(), |alone| distinct(alone.missing(&spans)));
    gaps.retain(|gap| !case.gathered.arriving.contains(&(number, gap.first)));
    let (ahead, gaps): (Vec<Gap>, Vec<Gap>) =
        gaps.into_iter().partition(|gap| is_ahead(case, number, system, gap));
    let missing: u64 = gaps.iter().map(|gap| gap.segments).sum();
    draft.number("seawall_wal_missing_segments", missing as f64);
    if gaps.is_empty() {
        let from =
            spans.first().map_or(String::new(), |span| format!(" from {} on", span.start.lsn));
        let (unbegun, beside) = (unbegun(case, number, system), beside(number, system));
        draft.ok(format!("no gap{from}{unbegun}{beside}"));
    } else {
        let (state, effect) = match stops_at_a_gap(case, number) {
            Some(lsn) => (
                CheckState::Critical,
                format!("a recovery from the newest base backup ends at {lsn}"),
            ),
            None => {
                (CheckState::Warning, "a recovery from an older base backup ends there".to_owned())
            }
        };
        let dropped = gaps.iter().find_map(|gap| system.dropped_of(gap.first, gap.last));
        let dropped = dropped.map_or(String::new(), |dropped| format!("; {dropped}"));
        draft.say(
            state,
            format!("{} missing: {effect}{dropped}", names(&gaps)),
            mend(case, number, &gaps, state),
        );
    }
    dropped_last(case, number, system, &mut draft);
    for behind in ahead.iter().filter_map(|gap| gap.last.next(system.segment_size)) {
        draft.say(
            CheckState::Warning,
            format!("{behind} is far ahead of everything that the server has written: the server did not write it"),
            "Who may write to the repository? A recovery to the end of the WAL stops before it with an error: delete it, or restore \
             with --target-time or --target-lsn.",
        );
    }
    in_the_clear(case, number, system, &mut draft);
    unread(system, &mut draft);
    cut_histories(system, &mut draft);
    draft.finding()
}

/// What was dropped and has nothing behind it yet: the newest base backup leads to it, and no gap shows it. What the server has
/// not written nobody dropped.
fn dropped_last(case: &Case<'_>, number: usize, system: &SystemWal, draft: &mut FindingDraft) {
    let Some(reach) = base_backups::newest(case, number).and_then(|it| reach(case, number, it))
    else {
        return;
    };
    let mut timelines = system.timelines.all();
    let dropped = timelines.find_map(|timeline| system.dropped_at(timeline, reach.lsn));
    let is_written =
        |lsn| case.server().is_none_or(|it| it.facts.in_recovery || lsn < it.facts.written);
    let Some(dropped) = dropped.filter(|_| is_written(reach.lsn)) else { return };
    if stops_at_a_gap(case, number).is_none() {
        draft.say(
            CheckState::Critical,
            format!("{dropped}: a recovery from the newest base backup ends at {}", reach.lsn),
            "Take a base backup now (`basebackup create`): it does not need earlier WAL.",
        );
    }
}

/// Whether what lies behind this gap can't be of the server: that is not there yet, or WAL from before the gap goes on
/// arriving long after it. A server archives in order.
fn is_ahead(case: &Case<'_>, number: usize, system: &SystemWal, gap: &Gap) -> bool {
    let Some(behind) = gap.last.next(system.segment_size) else { return false };
    let server = case.server().map(|it| &it.facts);
    let server = server.filter(|it| !it.in_recovery && it.timeline == gap.first.timeline);
    if let (Some(server), Ok(start)) = (server, behind.start(system.segment_size)) {
        return start > server.written;
    }
    let inventory = system.inventories.get(number).and_then(Option::as_ref);
    let dated = inventory.and_then(|it| {
        let before = it.ranges.iter().find(|range| range.last.next(range.size) == Some(gap.first));
        Some((it.ended.get(&before?.last)?, it.began.get(&behind)?))
    });
    dated.is_some_and(|(before, behind)| *before > *behind + CLOCKS_APART)
}

/// A server that goes by another configuration, or by a bare `SEAWALL_REPOSITORY`, archives in the clear beside encrypted
/// backups, and nobody notices.
fn in_the_clear(case: &Case<'_>, number: usize, system: &SystemWal, draft: &mut FindingDraft) {
    let encrypts = case.repositories.get(number).is_some_and(Repository::encrypts);
    let inventory = system.inventories.get(number).and_then(Option::as_ref);
    let Some(segment) = inventory.filter(|_| encrypts).and_then(Inventory::newest_in_the_clear)
    else {
        return;
    };
    draft.say(
        CheckState::Warning,
        format!(
            "{segment}, the newest, is stored unencrypted, although encryption.recipients is set"
        ),
        "Does archive_command use this configuration? SEAWALL_REPOSITORY and another --config have \
         no recipients. If the recipients were set just now, the next segment will be encrypted.",
    );
}

/// What is kept of segments in which a timeline was left, beside the ones of their names.
fn beside(number: usize, system: &SystemWal) -> String {
    let inventory = system.inventories.get(number).and_then(Option::as_ref);
    match inventory.map_or(0, |it| it.beyond.len()) {
        0 => String::new(),
        1 => "; 1 second content of a segment".to_owned(),
        many => format!("; {many} second contents of segments"),
    }
}

/// A history is archived at once, the first segment of its timeline only when it is full.
fn unbegun(case: &Case<'_>, number: usize, system: &SystemWal) -> String {
    let newest = base_backups::newest(case, number);
    let left = newest.and_then(|newest| {
        let alone = system.alone(number)?;
        let timeline = alone.newest()?;
        alone.left(timeline, alone.reach(&newest.span(), timeline)?)
    });
    left.map_or(String::new(), |left| {
        format!(
            "; timeline {} has archived nothing yet: a recovery ends where it left timeline {}, at {}",
            left.by.number(),
            left.place.timeline.number(),
            left.place.lsn
        )
    })
}

/// A server that had lost the history of its timeline when it was promoted writes the next one without the timelines
/// before it: nothing leads from their base backups to it.
fn cut_histories(system: &SystemWal, draft: &mut FindingDraft) {
    for history in system.histories.values() {
        let parent = history.parent().and_then(|parent| system.histories.get(&parent));
        if let Some(lost) = parent.and_then(|parent| history.lacks(parent)) {
            let (own, parent) = (
                WalFileName::History(history.timeline),
                history.parent().map(WalFileName::History),
            );
            let parent = parent.map_or(String::new(), |it| it.to_string());
            draft.say(
                CheckState::Critical,
                format!("{own} lacks timeline {}, which {parent} has", lost.number()),
                format!(
                    "No restore from a base backup of timeline {} can reach timeline {}: take a base backup now \
                     (`basebackup create`).",
                    lost.number(),
                    history.timeline.number()
                ),
            );
        }
    }
}

/// Of the base backups that the WAL window begins with or that end within it: before them retention keeps
/// islands of WAL around single base backups, and the holes between these are none.
fn spans(case: &Case<'_>, number: usize, system: &SystemWal) -> Vec<Span> {
    let window = case.config.retention.wal_window.as_secs_f64();
    let mut copies = base_backups::copies(case, number);
    copies.retain(|(it, _)| it.facts.segment_size == system.segment_size);
    copies.sort_by_key(|(it, _)| it.facts.stop.time);
    let before = copies.partition_point(|(it, _)| age(it.facts.stop.time, case.now) > window);
    copies.drain(..before.saturating_sub(1));
    copies.iter().map(|(backup, _)| backup.span()).collect()
}

/// What an ancestor misses, all its descendants miss.
fn distinct(mut gaps: Vec<Gap>) -> Vec<Gap> {
    gaps.sort_unstable_by_key(|gap| (gap.first, Reverse(gap.last)));
    gaps.dedup_by(|later, kept| {
        kept.first.timeline == later.first.timeline && later.last <= kept.last
    });
    gaps
}

fn names(gaps: &[Gap]) -> String {
    let name = |gap: &Gap| match gap.segments {
        1 => gap.first.to_string(),
        many => format!("{} to {} ({many} segments)", gap.first, gap.last),
    };
    let named: Vec<String> = gaps.iter().take(NAMED_MAX).map(name).collect();
    let more = gaps.len().saturating_sub(NAMED_MAX);
    let more = match more {
        0 => String::new(),
        more => format!(" and {} more", count(more as u64, "gap")),
    };
    let verb = if matches!(gaps, [Gap { segments: 1, .. }]) { "is" } else { "are" };
    format!("{}{more} {verb}", named.join(", "))
}

fn mend(case: &Case<'_>, number: usize, gaps: &[Gap], state: CheckState) -> String {
    let holds = |inventory: &Inventory, segment: WalSegment| {
        inventory.ranges.iter().any(|range| range.first <= segment && segment <= range.last)
    };
    let system = case.gathered.system.and_then(|system| case.gathered.survey.system(system));
    let others = system.into_iter().flat_map(|it| it.inventories.iter().enumerate());
    let mut others = others.filter_map(|(at, it)| Some((at, it.as_ref()?)));
    let holder = others.find(|(at, it)| {
        *at != number && gaps.iter().all(|gap| holds(it, gap.first) && holds(it, gap.last))
    });
    match holder {
        Some((at, _)) => {
            format!("Repository {} has it: copy it from there.", case.name(at))
        }
        None if state == CheckState::Warning => "The newest base backup does not need it. To reach \
                 an earlier moment, look for the WAL in pg_wal of the server and in other \
                 archives. Otherwise prune deletes the gap together with the older base backups."
            .to_owned(),
        None => "Take a base backup now (`basebackup create`): it does not need earlier WAL. The \
                 segment may still be in pg_wal of the server, or of another node of its cluster: there, in the data directory, \
                 `wal-push pg_wal/NAME NAME` archives it. It may also be in another archive."
            .to_owned(),
    }
}

/// Who only encrypts can't read histories, and nothing is wrong with that.
fn unread(system: &SystemWal, draft: &mut FindingDraft) {
    let damaged = system.unread.iter().filter(|(_, error)| error.class() != Class::Configuration);
    for (timeline, error) in damaged {
        let doing = format!("the history of timeline {} can't be read: ", timeline.number());
        draft.fail(CheckState::Critical, &doing, error);
    }
}
