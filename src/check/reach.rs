//! How far a recovery gets with what one repository has: up to which place, and so what would be lost if the server were
//! lost now (RPO); and how far back any second can be restored.

use std::time::Duration;

use jiff::Timestamp;

use super::archiving;
use super::base_backups::{days, further, good, newest};
use super::finding::{CheckState, Finding, FindingDraft, age, at, objective, size, time};
use super::gather::{Case, PROMISED_MAX};
use super::owed::is_owed_wal;
use super::server::Server;
use crate::backup::begun;
use crate::basebackup::catalogue::Backup;
use crate::doctor::Ability;
use crate::error::Class;
use crate::postgres::{Lsn, TimelineId};

const LOOK: &str =
    "SELECT * FROM pg_stat_archiver and the server's log say why its WAL does not arrive.";

/// A command that the shell does not find ends the archiver, which then notes no failure.
const UNABLE: &str =
    "The server can't run its archive_command: archiving, above, has the line that mends it.";

const OWED: &str = "It is owed WAL that another repository has, see owed.";

const GAP: &str =
    "There is newer WAL behind a gap, see WAL: take a base backup now (`basebackup create`).";

/// How far a repository alone gets, and since when there is nothing behind it.
pub(super) struct Reach {
    pub lsn: Lsn,
    pub since: Timestamp,
    /// Whether that is on the timeline that the server is on.
    pub on_timeline: bool,
}

/// From the newest base backup to the timeline of the server, or else to the one that leads on from it and got WAL last.
pub(super) fn reach(case: &Case<'_>, number: usize, newest: &Backup) -> Option<Reach> {
    let system = case.gathered.survey.system(newest.system)?;
    let alone = system.alone(number)?;
    let span = newest.span();
    let wanted = case.server().map(|server| server.facts.timeline);
    let on_it = wanted.and_then(|timeline| alone.reach(&span, timeline));
    let inventory = system.inventories.get(number).and_then(Option::as_ref);
    let stored = |lsn| inventory.and_then(|it| it.stored(lsn, system.segment_size));
    // Nobody wrote anything of a timeline of which there is a history alone: the one counts whose WAL came last.
    let all: Vec<TimelineId> = alone.all().collect();
    let reaches = || all.iter().filter_map(|it| Some((alone.reach(&span, *it)?, *it)));
    let elsewhere = || reaches().max_by_key(|(lsn, timeline)| (stored(*lsn), *timeline));
    let lsn = on_it.or_else(|| elsewhere().map(|(lsn, _)| lsn))?;
    let stored = stored(lsn);
    let since = stored.map_or(newest.facts.stop.time, |it| it.max(newest.facts.stop.time));
    Some(Reach { lsn, since, on_timeline: on_it.is_some() || wanted.is_none() })
}

/// Whether there is WAL behind what a recovery from the newest base backup reaches.
pub(super) fn stops_at_a_gap(case: &Case<'_>, number: usize) -> Option<Lsn> {
    let newest = newest(case, number)?;
    let reach = reach(case, number, newest)?;
    resumes(case, number, newest, reach.lsn).then_some(reach.lsn)
}

/// Whether there is WAL again behind the place that a recovery from this base backup reaches.
fn resumes(case: &Case<'_>, number: usize, newest: &Backup, reach: Lsn) -> bool {
    let system = case.gathered.survey.system(newest.system);
    let Some(alone) = system.and_then(|system| system.alone(number)) else { return false };
    let through = alone.all().filter(|timeline| alone.passes(&newest.span(), *timeline));
    let through: Vec<_> = through.collect();
    through.into_iter().any(|timeline| alone.resumes(timeline, reach).is_some())
}

/// What would be lost if the server were lost now.
pub(super) fn judge_rpo(case: &Case<'_>, number: usize) -> Finding {
    let mut draft = FindingDraft::new(case.postgres(), "RPO now", Some(case.name(number)));
    let newest = newest(case, number);
    let reached = newest.and_then(|newest| reach(case, number, newest));
    let gap = stops_at_a_gap(case, number).is_some_and(|lsn| !arrives(case, number, lsn));
    let known = gap.then_some(GAP).or_else(|| is_owed_wal(case, number).then_some(OWED));
    match (reached, case.server()) {
        (None, _) => draft.say(
            CheckState::Critical,
            "everything would be lost: no base backup can be restored",
            "`basebackup create` takes one.",
        ),
        (Some(reach), Some(server)) => with_server(case, (&reach, known), server, &mut draft),
        (Some(reach), None) => alone(case, (&reach, known), &mut draft),
    }
    draft.finding()
}

/// What is `known` to keep its WAL from going on is its hint.
fn with_server(
    case: &Case<'_>,
    (reach, known): (&Reach, Option<&str>),
    server: &Server,
    draft: &mut FindingDraft,
) {
    let rpo = case.config.objectives.rpo;
    let bytes = server.facts.written.0.saturating_sub(reach.lsn.0);
    if bytes == 0 && reach.on_timeline {
        draft.measured("seawall_rpo_seconds", 0.0, rpo.as_secs_f64());
        draft.number("seawall_rpo_bytes", 0.0);
        draft.ok(format!("nothing would be lost: all WAL up to {} is there", server.facts.written));
        return;
    }
    let seconds = lost_time(case, reach, server, bytes);
    draft.measured("seawall_rpo_seconds", seconds, rpo.as_secs_f64());
    draft.number("seawall_rpo_bytes", bytes as f64);
    if !reach.on_timeline {
        lost_timeline(case, reach, server.facts.timeline, draft);
        return;
    }
    let text = format!(
        "{} and {} would be lost: WAL is there up to {}, the server is at {}",
        time(seconds),
        size(bytes),
        reach.lsn,
        server.facts.written
    );
    match seconds > rpo.as_secs_f64() {
        true => {
            let text = format!("{text}; expected at most {}", objective(rpo));
            let other = || rpo_hint(reach, server, rpo.as_secs());
            let hint = known.map_or_else(other, str::to_owned);
            draft.say(CheckState::Critical, text, hint);
        }
        false => draft.ok(text),
    }
}

/// The server finishes a segment with anything of importance in it when `archive_timeout` has passed
/// (`CheckArchiveTimeout` in `checkpointer.c`). So where all but the segment being written is there, what
/// is lost is no older: on an idle server that holds nothing at all.
fn lost_time(case: &Case<'_>, reach: &Reach, server: &Server, bytes: u64) -> f64 {
    let since = age(reach.since, case.now);
    let timeout = server.facts.archive_timeout().as_secs_f64();
    let last_only = bytes < server.facts.segment_size.bytes() && !server.facts.in_recovery;
    if last_only && timeout > 0.0 { since.min(timeout) } else { since }
}

/// Who only encrypts can't read the history that tells how the timelines hang together.
fn lost_timeline(case: &Case<'_>, reach: &Reach, timeline: TimelineId, draft: &mut FindingDraft) {
    let system = case.gathered.system.and_then(|system| case.gathered.survey.system(system));
    let unread = system.and_then(|system| system.unread.get(&timeline));
    let number = timeline.number();
    match unread.is_some_and(|error| error.class() == Class::Configuration) {
        true => draft.say(
            CheckState::Unknown,
            format!("the server is on timeline {number}, whose history can't be read here without a private key"),
            "Take a base backup on this timeline (`basebackup create`), or set encryption.identity_file.",
        ),
        false => draft.say(
            CheckState::Critical,
            format!(
                "the server is on timeline {number}, and no base backup in this repository can be \
                 recovered to that timeline: its WAL ends at {} on another timeline",
                reach.lsn
            ),
            "Take a base backup now: `basebackup create`.",
        ),
    }
}

fn rpo_hint(reach: &Reach, server: &Server, rpo: u64) -> String {
    if matches!(server.ability, Ability::Unable(_)) {
        return UNABLE.to_owned();
    }
    let last_only = server.facts.written.0 - reach.lsn.0 < server.facts.segment_size.bytes();
    match last_only && server.facts.archive_timeout().is_zero() {
        true => {
            let mend = archiving::set(server, "archive_timeout", &format!("{rpo}s"));
            format!("A segment is archived when it is full: {mend}")
        }
        false => LOOK.to_owned(),
    }
}

/// Without the server nobody knows whether it wrote anything since: an idle one without `archive_timeout`
/// looks the same as one whose WAL does not arrive. But each base backup brings WAL, so when these are due
/// and nothing came, it does not arrive.
fn alone(case: &Case<'_>, (reach, known): (&Reach, Option<&str>), draft: &mut FindingDraft) {
    let objectives = &case.config.objectives;
    let seconds = age(reach.since, case.now);
    draft.measured("seawall_rpo_seconds", seconds, objectives.rpo.as_secs_f64());
    let text = format!(
        "at most {} would be lost: WAL is there up to {}, stored {}",
        time(seconds),
        reach.lsn,
        at(reach.since)
    );
    let (limit, due) = (objectives.rpo.as_secs_f64(), objectives.base_backups.age.as_secs_f64());
    if seconds <= limit {
        draft.ok(text);
        return;
    }
    let text = format!("{text}; expected at most {}", objective(objectives.rpo));
    match seconds > due.max(limit) {
        true => draft.say(CheckState::Critical, text, known.unwrap_or(LOOK)),
        false => draft.say(
            CheckState::Warning,
            text,
            known.unwrap_or("An idle server looks the same from here. Say where it is with postgres.connection, or set its \
             archive_timeout."),
        ),
    }
}

/// Whether the WAL that is missing there is on its way.
fn arrives(case: &Case<'_>, number: usize, lsn: Lsn) -> bool {
    let system = case.gathered.system.and_then(|system| case.gathered.survey.system(system));
    system.is_some_and(|system| {
        let mut arriving = case.gathered.arriving.iter();
        arriving.any(|(at, first)| *at == number && first.start(system.segment_size) == Ok(lsn))
    })
}

/// How far back any second can be restored, against what was promised: nothing where nothing was. A repository that is too young for it can't keep it yet.
pub(super) fn judge_reaching_back(case: &Case<'_>, number: usize) -> Option<Finding> {
    let wanted = case.config.objectives.reaches_back?;
    let mut draft = FindingDraft::new(case.postgres(), "reaches back", Some(case.name(number)));
    let limit = wanted.as_secs_f64();
    let reached = reached(case, number);
    draft.measured("seawall_reaches_back_seconds", reached.unwrap_or_default(), limit);
    let text = match reached {
        Some(reached) => format!("any second of the last {} can be restored", time(reached)),
        None => "no second can be restored".to_owned(),
    };
    let reached = reached.unwrap_or_default();
    let window = case.config.retention.wal_window;
    if reached >= limit || goes_on_undescribed(case, number, limit) {
        draft.ok(text);
    } else if is_young(case, number, wanted) {
        draft.ok(format!(
            "{text}; {} were promised, but the repository is too young",
            objective(wanted)
        ));
    } else {
        let text = format!("{text}, expected {}", objective(wanted));
        draft.say(CheckState::Critical, text, mend_of_reaching_back(window, wanted));
    }
    if window < wanted {
        let text = format!("retention.wal_window is {}: older WAL is not kept", objective(window));
        draft.say(CheckState::Warning, text, mend_of_reaching_back(window, wanted));
    }
    Some(draft.finding())
}

fn mend_of_reaching_back(window: Duration, wanted: Duration) -> String {
    if window < wanted {
        let days = wanted.as_secs().div_ceil(86_400);
        return format!("Set retention.wal_window = \"{days}d\", or promise less.");
    }
    "Were some deleted, or is there a gap? `basebackup list` shows what can be recovered, `basebackup prune --dry-run` what retention \
     keeps."
        .to_owned()
}

/// The age of the oldest base backup from which a recovery gets as far as from the newest.
fn reached(case: &Case<'_>, number: usize) -> Option<f64> {
    let newest = newest(case, number)?;
    let end = reach(case, number, newest)?;
    let same = |it: Reach| it.lsn == end.lsn && it.on_timeline == end.on_timeline;
    let gets_there = good(case, number)
        .into_iter()
        .filter(|it| it.ahead().is_none())
        .filter(|it| reach(case, number, it).is_some_and(same));
    let oldest = gets_there.map(|it| it.facts.stop.time).min()?;
    Some(age(oldest, case.now))
}

/// Whether more base backups lie there than were looked at, up to the time that was promised.
fn goes_on_undescribed(case: &Case<'_>, number: usize, limit: f64) -> bool {
    let mut further = further(case, number).filter_map(|it| begun(&it.id));
    let described = good(case, number).len();
    described >= PROMISED_MAX && further.any(|it| age(it, case.now) >= limit)
}

/// Until something has been stored for so long, and the first base backup was due.
fn is_young(case: &Case<'_>, number: usize, wanted: Duration) -> bool {
    let due = wanted + case.config.objectives.base_backups.age;
    (days(case, number) * 86_400) as f64 <= due.as_secs_f64()
}
