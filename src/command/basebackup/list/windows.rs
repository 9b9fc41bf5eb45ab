//! What `basebackup list` says of recoveries, timeline by timeline: a bar, then windows and gaps in words.

use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;

use crate::basebackup::catalogue::{Backup, Restorable, Survey, SystemWal};
use crate::basebackup::holes::Holes;
use crate::basebackup::windows::{Gap, Stretch, Timeline};
use crate::cli::text::{at_seconds, count, plain};
use crate::command::basebackup::bar::{COLUMNS, Mark, USABLE, bar};
use crate::postgres::Lsn;

/// Of a timeline to which no recovery leads.
const NOTHING: &str = "nothing to begin with";

/// Room for what stands before a bar and around it, and the narrowest one.
const AROUND: usize = "  timeline 1   [] ".len();
const COLUMNS_MIN: usize = 20;

/// A bar for each timeline of a system, and what it means in words; `width` is that of the paper.
pub fn text(
    survey: &Survey,
    system: &SystemWal,
    wal_window: Duration,
    width: Option<usize>,
) -> String {
    let (usable, timelines) = survey.windows(system);
    let holes = survey.holes(system, wal_window, Timestamp::now());
    let mut text = "\nA recovery to\n".to_owned();
    let Some(axis) = axis(survey, system, &timelines) else { return String::new() };
    let drawn = timelines.iter().map(|timeline| {
        let marks = marks(survey, system, timeline);
        (timeline, extent(timeline, &marks), marks)
    });
    let (of_no_use, drawn): (Vec<_>, Vec<_>) =
        drawn.partition(|(timeline, extent, _)| is_of_no_use(system, timeline, extent));
    text += &folded(&of_no_use.iter().map(|(timeline, ..)| *timeline).collect::<Vec<_>>());
    let longest = drawn.iter().map(|(_, extent, _)| extent.len()).max().unwrap_or(0);
    let room = |width: usize| width.saturating_sub(AROUND + longest).clamp(COLUMNS_MIN, COLUMNS);
    let columns = width.map_or(COLUMNS, room);
    for (timeline, extent, marks) in &drawn {
        let heading = format!("  timeline {}", timeline.timeline.number());
        let drawn = bar(timeline, marks, &axis, columns);
        text += &format!("{heading:14} [{drawn}] {extent}\n");
        text += &ancestry(system, timeline);
        text += &stretches(system, timeline, &usable, &holes);
        for name in system.beyond(timeline.timeline) {
            text += &format!("    not replayed: {name}, a second content of its segment\n");
        }
    }
    text
}

/// Whether it is told with others of its kind in one line: no recovery to it can begin anywhere, and nothing else is to be
/// said of it. The newest one is what a recovery follows, so that is told for itself.
fn is_of_no_use(system: &SystemWal, timeline: &Timeline, extent: &str) -> bool {
    let newest = system.timelines.newest() == Some(timeline.timeline);
    let nothing_else = timeline.followed && system.beyond(timeline.timeline).is_empty();
    extent == NOTHING && !newest && nothing_else
}

/// Each promotion leaves a timeline, and its history is kept for ever.
fn folded(timelines: &[&Timeline]) -> String {
    let numbers: Vec<u32> = timelines.iter().map(|it| it.timeline.number()).collect();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let said = |(first, last): &(u32, u32)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first} to {last}"),
    };
    let said: Vec<String> = ranges.iter().map(said).collect();
    let has_wal = timelines.iter().any(|it| !it.stretches.is_empty());
    let wal = if has_wal { ", no base backup leads to their WAL" } else { "" };
    match timelines.len() {
        0 => String::new(),
        many => {
            let what = if many == 1 { "timeline" } else { "timelines" };
            format!("  {what} {}: {NOTHING}{wal}\n", said.join(", "))
        }
    }
}

/// All that is drawn of a system, on one scale.
fn axis(survey: &Survey, system: &SystemWal, timelines: &[Timeline]) -> Option<Range<Lsn>> {
    let backups = survey.catalogue.backups.iter().filter(|it| it.system == system.system);
    // The mark of a stop that no WAL goes beyond needs a place too.
    let behind = |lsn: Lsn| Lsn(lsn.0.saturating_add(1));
    let backups = backups.map(|backup| backup.facts.start.lsn..behind(backup.facts.stop.lsn));
    let wal = timelines.iter().flat_map(|it| &it.stretches).map(|stretch| stretch.wal.clone());
    let (starts, ends): (Vec<_>, Vec<_>) = backups.chain(wal).map(|it| (it.start, it.end)).unzip();
    Some(starts.into_iter().min()?..ends.into_iter().max()?)
}

fn marks(survey: &Survey, system: &SystemWal, timeline: &Timeline) -> Vec<Mark> {
    let backups = survey.catalogue.backups.iter().filter(|it| it.system == system.system);
    let marks = backups.filter_map(|backup| {
        let span = backup.span();
        let sign = match survey.restorable(backup) {
            _ if !system.timelines.passes(&span, timeline.timeline) => return None,
            Restorable::Yes if system.timelines.reach(&span, timeline.timeline).is_some() => USABLE,
            Restorable::Unknown(_) => '?',
            _ => 'x',
        };
        Some(Mark { at: span.stop.lsn, sign })
    });
    marks.collect()
}

/// From where to where, at the side of the bar.
fn extent(timeline: &Timeline, marks: &[Mark]) -> String {
    let windows = timeline.stretches.iter().filter_map(|it| Some((it.window?, it.wal.end)));
    let windows: Vec<_> = windows.collect();
    match (windows.first(), windows.last()) {
        (Some((first, _)), Some((_, end))) => {
            let gaps = if windows.len() > 1 { " with gaps" } else { "" };
            format!("{} to {end}{gaps}", first.from)
        }
        _ if marks.iter().any(|mark| mark.sign == USABLE) => "the end of a backup only".to_owned(),
        _ => NOTHING.to_owned(),
    }
}

fn ancestry(system: &SystemWal, timeline: &Timeline) -> String {
    let number = timeline.timeline.number();
    if let Some(branch) = timeline.branched {
        return format!("    it left timeline {} at {}\n", branch.timeline.number(), branch.lsn);
    }
    let unread = system.unread.get(&timeline.timeline).map(ToString::to_string);
    let why = unread.unwrap_or_else(|| format!("there is no {}.history", timeline.timeline));
    let lost = format!("    what leads to timeline {number} is not known: {why}\n");
    if timeline.followed { String::new() } else { lost }
}

fn stretches(
    system: &SystemWal,
    timeline: &Timeline,
    backups: &[&Backup],
    holes: &Holes,
) -> String {
    let stretch = |one: &Stretch| {
        let line = of_stretch(one, backups);
        let gaps: String = one.gaps.iter().map(|gap| of_gap(system, gap, holes)).collect();
        format!("    {line}\n{gaps}")
    };
    let text: String = timeline.stretches.iter().map(stretch).collect();
    text + &dropped_last(system, timeline)
}

/// What was dropped and has nothing behind it yet: no gap shows it.
fn dropped_last(system: &SystemWal, timeline: &Timeline) -> String {
    let end = timeline.stretches.last().map(|it| it.wal.end);
    let dropped = end.and_then(|end| system.dropped_at(timeline.timeline, end));
    dropped.map_or(String::new(), |dropped| {
        format!("    gap: nothing is archived behind it yet: {}\n", plain(&dropped.to_string()))
    })
}

/// Of when things were committed the WAL alone knows; the backups say which times it goes beyond.
fn of_stretch(stretch: &Stretch, backups: &[&Backup]) -> String {
    let time = |at: usize| backups.get(at).map(|it| at_seconds(it.facts.stop.time));
    let Some(window) = stretch.window else {
        return format!("{} to {}: no base backup leads to it", stretch.wal.start, stretch.wal.end);
    };
    let begun = time(window.first).unwrap_or_default();
    let later = time(window.last).filter(|_| window.last != window.first);
    let later = later.map(|time| format!(" (later than {time})"));
    format!("{} ({begun}) to {}{}", window.from, stretch.wal.end, later.unwrap_or_default())
}

fn of_gap(system: &SystemWal, gap: &Gap, holes: &Holes) -> String {
    let segments = count(gap.segments, "segment");
    let names = match gap.segments {
        1 => gap.first.to_string(),
        _ => format!("{} to {}", gap.first, gap.last),
    };
    let dropped = system.dropped_of(gap.first, gap.last);
    let dropped =
        dropped.map_or(String::new(), |it| format!("         {}\n", plain(&it.to_string())));
    match holes.is_fault(gap) {
        true => format!("    gap: {segments} missing, {names}\n{dropped}"),
        false => format!("    not kept: {segments} before the WAL window, {names}\n{dropped}"),
    }
}
