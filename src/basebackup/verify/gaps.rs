//! Reports WAL that is not there although there is WAL behind it or a base backup needs it, and histories that are
//! missing.
//!
//! Each repository is looked at alone, and then all together.

use std::collections::HashSet;

use super::effects::Effects;
use super::session::Session;
use super::wal_files::{WalRead, holders};
use crate::backup::{Fault, VerifyReport};
use crate::basebackup::catalogue::Backup;
use crate::basebackup::holes::Holes;
use crate::basebackup::windows::Gap;
use crate::postgres::{Lsn, WalFileName};
use crate::repository::{WalFolder, WalRange};

/// Behind an older base backup than the one that the WAL window begins with, retention leaves holes: those are no
/// faults, unless the backup itself needs what is missing.
pub(super) fn report(
    session: &Session<'_>,
    effects: &Effects<'_>,
    all: &[WalRead],
    report: &mut VerifyReport,
) {
    let size = effects.system.segment_size;
    let mut reported: Vec<Gap> = Vec::new();
    for number in 0..session.verify.repositories.len() {
        let alone = effects.system.alone(number).filter(|_| session.is_up(number));
        let Some(alone) = alone else { continue };
        let stored = |it: &&&Backup| it.copies.iter().any(|copy| copy.repository == number);
        let backups: Vec<&Backup> = effects.backups.iter().filter(stored).copied().collect();
        let holes = Holes::of(alone, size, &backups, effects.window_begins(session, Some(number)));
        for gap in &holes.faults {
            report.faults.push(of_gap(session, effects, all, Some(number), gap));
        }
        for gap in &holes.kept_for_nobody {
            let fault = of_gap(session, effects, all, Some(number), gap);
            report.not_kept.push(fault.not_kept(&segments(gap)));
        }
        reported.extend(holes.faults.into_iter().chain(holes.kept_for_nobody));
        histories(session, effects, all, number, report);
    }
    // What none of them shows alone: one ends before it, the other begins behind it.
    let everybody_answered = (0..session.verify.repositories.len()).all(|it| session.is_up(it));
    if !everybody_answered {
        return;
    }
    let timelines = &effects.system.timelines;
    let begins = effects.window_begins(session, None);
    let holes = Holes::of(timelines, size, &effects.backups, begins);
    let new =
        |gap: &&Gap| !reported.iter().any(|one| one.first <= gap.first && gap.last <= one.last);
    for gap in holes.faults.iter().filter(new) {
        report.faults.push(of_gap(session, effects, all, None, gap));
    }
    for gap in holes.kept_for_nobody.iter().filter(new) {
        let fault = of_gap(session, effects, all, None, gap);
        report.not_kept.push(fault.not_kept(&segments(gap)));
    }
}

fn segments(gap: &Gap) -> String {
    match gap.segments {
        1 => "a WAL segment".to_owned(),
        many => format!("{many} WAL segments"),
    }
}

fn of_gap(
    session: &Session<'_>,
    effects: &Effects<'_>,
    all: &[WalRead],
    repository: Option<usize>,
    gap: &Gap,
) -> Fault {
    let size = effects.system.segment_size;
    let name = repository.map(|number| session.verify.repositories[number].name());
    let (first, last) = (gap.first.start(size), gap.last.start(size));
    let from = first.unwrap_or(Lsn(0));
    let to = Lsn(last.unwrap_or(from).0.saturating_add(size.bytes()));
    let (object, are) = match gap.segments {
        1 => (gap.first.to_string(), "is"),
        _ => (format!("{} to {}", gap.first, gap.last), "are"),
    };
    let dropped = effects.system.dropped_of(gap.first, gap.last);
    let dropped = dropped.map_or(String::new(), |dropped| format!(" ({dropped})"));
    let range = WalRange { first: gap.first, last: gap.last, size };
    let whole = |good: &HashSet<WalFileName>| {
        range.segments().all(|segment| good.contains(&WalFileName::Segment(segment)))
    };
    let elsewhere = repository.map_or(Vec::new(), |it| holders(session, all, it, whole));
    let newest = effects.backups.first();
    let older = newest.is_some_and(|newest| {
        newest.facts.start.timeline >= gap.first.timeline && to <= newest.span().archive_from()
    });
    Fault {
        repository: name.map(str::to_owned),
        object,
        found: format!("{} {are} missing{dropped}", segments(gap)),
        spoils: effects.of_wal(gap.first.timeline, from, to, name),
        past: older && elsewhere.is_empty(),
        elsewhere,
    }
}

/// A timeline that has WAL has a history, but for the first one.
fn histories(
    session: &Session<'_>,
    effects: &Effects<'_>,
    all: &[WalRead],
    number: usize,
    report: &mut VerifyReport,
) {
    let inventory = effects.system.inventories.get(number).and_then(Option::as_ref);
    let Some(inventory) = inventory else { return };
    let repository = &session.verify.repositories[number];
    let folder = WalFolder::new(&session.verify.config.cluster, effects.system.system);
    let mut timelines: Vec<_> = inventory.ranges.iter().map(|it| it.first.timeline).collect();
    timelines.dedup();
    timelines.retain(|it| it.number() > 1 && !inventory.histories.contains(it));
    for timeline in timelines {
        let name = WalFileName::History(timeline);
        report.faults.push(Fault {
            repository: Some(repository.name().to_owned()),
            object: folder.key(name, repository.encrypts()),
            found: format!(
                "the history of timeline {}, of which there is WAL, is missing",
                timeline.number()
            ),
            spoils: effects.of_history(timeline),
            elsewhere: holders(session, all, number, |good| good.contains(&name)),
            past: false,
        });
    }
}
