//! What would be lost if the server were lost now, for each repository.

use super::archiving;
use super::base_backups;
use super::case::Case;
use super::draft::Draft;
use super::reach::{Reach, reach, stops_at_a_gap};
use super::server::Server;
use super::verdict::{Finding, State};
use super::words::{age, at, objective, size, time};
use crate::doctor::Ability;
use crate::error::Class;
use crate::postgres::{Lsn, TimelineId};

const LOOK: &str =
    "SELECT * FROM pg_stat_archiver and the server's log say why its WAL does not arrive.";

/// A command that the shell does not find ends the archiver, which then notes no failure.
const UNABLE: &str =
    "The server can't run its archive_command: archiving, above, has the line that mends it.";

const GAP: &str =
    "There is newer WAL behind a gap, see WAL: take a base backup now (`basebackup create`).";

pub fn judge(case: &Case<'_>, number: usize) -> Finding {
    let mut draft = Draft::new(case.postgres(), "RPO now", Some(case.name(number)));
    let newest = base_backups::newest(case, number);
    let reached = newest.and_then(|newest| reach(case, number, newest));
    let gap = stops_at_a_gap(case, number).is_some_and(|lsn| !arrives(case, number, lsn));
    match (reached, case.server()) {
        (None, _) => draft.say(
            State::Critical,
            "everything would be lost: no base backup can be restored",
            "`basebackup create` takes one.",
        ),
        (Some(reach), Some(server)) => with_server(case, (&reach, gap), server, &mut draft),
        (Some(reach), None) => alone(case, (&reach, gap), &mut draft),
    }
    draft.finding()
}

fn with_server(case: &Case<'_>, (reach, gap): (&Reach, bool), server: &Server, draft: &mut Draft) {
    let rpo = case.config.objectives.rpo;
    let bytes = server.written.0.saturating_sub(reach.lsn.0);
    if bytes == 0 && reach.on_timeline {
        draft.measured("seawall_rpo_seconds", 0.0, rpo.as_secs_f64());
        draft.number("seawall_rpo_bytes", 0.0);
        draft.ok(format!("nothing would be lost: all WAL up to {} is there", server.written));
        return;
    }
    let seconds = lost_time(case, reach, server, bytes);
    draft.measured("seawall_rpo_seconds", seconds, rpo.as_secs_f64());
    draft.number("seawall_rpo_bytes", bytes as f64);
    if !reach.on_timeline {
        lost_timeline(case, reach, server.timeline, draft);
        return;
    }
    let text = format!(
        "{} and {} would be lost: WAL is there up to {}, the server is at {}",
        time(seconds),
        size(bytes),
        reach.lsn,
        server.written
    );
    match seconds > rpo.as_secs_f64() {
        true => {
            let text = format!("{text}; expected at most {}", objective(rpo));
            let hint = if gap { GAP.to_owned() } else { hint(reach, server, rpo.as_secs()) };
            draft.say(State::Critical, text, hint);
        }
        false => draft.ok(text),
    }
}

/// The server finishes a segment with anything of importance in it when `archive_timeout` has passed
/// (`CheckArchiveTimeout` in `checkpointer.c`). So where all but the segment being written is there, what
/// is lost is no older: on an idle server that holds nothing at all.
fn lost_time(case: &Case<'_>, reach: &Reach, server: &Server, bytes: u64) -> f64 {
    let since = age(reach.since, case.now);
    let timeout = server.archive_timeout.as_secs_f64();
    let last_only = bytes < server.segment_size.bytes() && !server.in_recovery;
    if last_only && timeout > 0.0 { since.min(timeout) } else { since }
}

/// Who only encrypts can't read the history that tells how the timelines hang together.
fn lost_timeline(case: &Case<'_>, reach: &Reach, timeline: TimelineId, draft: &mut Draft) {
    let system = case.gathered.system.and_then(|system| case.gathered.survey.system(system));
    let unread = system.and_then(|system| system.unread.get(&timeline));
    let number = timeline.number();
    match unread.is_some_and(|error| error.class() == Class::Configuration) {
        true => draft.say(
            State::Unknown,
            format!("the server is on timeline {number}, whose history can't be read here without a private key"),
            "Take a base backup on this timeline (`basebackup create`), or set encryption.identity_file.",
        ),
        false => draft.say(
            State::Critical,
            format!(
                "the server is on timeline {number}, and no base backup here can be recovered to it: its WAL ends at \
                 {} of another",
                reach.lsn
            ),
            "Take a base backup now: `basebackup create`.",
        ),
    }
}

fn hint(reach: &Reach, server: &Server, rpo: u64) -> String {
    if matches!(server.ability, Ability::Unable(_)) {
        return UNABLE.to_owned();
    }
    let last_only = server.written.0 - reach.lsn.0 < server.segment_size.bytes();
    match last_only && server.archive_timeout.is_zero() {
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
fn alone(case: &Case<'_>, (reach, gap): (&Reach, bool), draft: &mut Draft) {
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
        true => draft.say(State::Critical, text, if gap { GAP } else { LOOK }),
        false if gap => draft.say(State::Warning, text, GAP),
        false => draft.say(
            State::Warning,
            text,
            "An idle server looks the same from here. Say where it is with postgres.connection, or set its \
             archive_timeout.",
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
