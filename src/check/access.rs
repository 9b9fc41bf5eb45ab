//! Whether those that are asked answer, are the right ones and have the right time: the server, the Redis, the
//! repositories. Every age that is judged hangs on clocks that agree.

use jiff::Timestamp;

use super::finding::{CheckState, CheckSubject, Finding, FindingDraft, age, time};
use super::gather::Case;
use super::server::Asked;
use super::stored::RedisAsked;
use crate::backup::StoredBackup;
use crate::basebackup::catalogue::Life;
use crate::postgres::SUPPORTED_IN_WORDS;

/// Nobody minds that a clock is off by so many seconds.
const TOLERATED: f64 = 60.0;

/// So many spoil every judgement.
const SPOILS: f64 = 3600.0;

const NTP: &str =
    "Set the clocks by NTP (timedatectl): ages, retention and S3 signatures depend on them.";

/// For so long it is said that another system took over.
const NEWS: f64 = 8.0 * 86_400.0;

/// Whether it answers, and whether it is one whose backups these are.
pub fn server(case: &Case<'_>) -> Finding {
    let mut draft = FindingDraft::new(case.postgres(), "server", None);
    match case.server {
        Asked::Answered(server) => {
            let standby = if server.facts.in_recovery { "a standby" } else { "a primary" };
            let (system, timeline) = (server.facts.system, server.facts.timeline.number());
            draft.ok(format!("system {system}, {standby} on timeline {timeline}"));
            if !server.facts.version.is_supported() {
                let text = format!(
                    "it is PostgreSQL {}, supported is {SUPPORTED_IN_WORDS}",
                    server.facts.version
                );
                draft.say(CheckState::Warning, text, server.facts.version.hint());
            }
            let known = &case.gathered.survey.catalogue.systems;
            let all_answered = case.gathered.failures().next().is_none();
            if all_answered && !known.contains(&system) {
                draft.say(
                    CheckState::Critical,
                    "no repository has anything of it",
                    "Does its archive_command call wal-push with this configuration? \
                     If it is another server, name the right one with postgres.connection.",
                );
            }
        }
        Asked::Silent { error, named: true } => {
            draft.fail(CheckState::Warning, "could not be asked: ", error);
        }
        Asked::Silent { named: false, .. } => {
            draft.ok("not asked: postgres.connection does not say where it is");
        }
    }
    draft.finding()
}

/// Several systems under one cluster name: what is not of the server that is watched is said, for who may add objects may
/// add a system, and a restore asks which one is meant. `None` where there is one system only.
pub(super) fn systems(case: &Case<'_>) -> Option<Finding> {
    let lives = case.gathered.survey.lives();
    let ours = lives.iter().find(|life| Some(life.system) == case.gathered.system)?;
    let others: Vec<&Life> = lives.iter().filter(|life| life.system != ours.system).collect();
    let mut draft = FindingDraft::new(case.postgres(), "systems", None);
    let (now, past): (Vec<&Life>, Vec<&Life>) =
        others.into_iter().partition(|life| life.last >= ours.first);
    if !now.is_empty() {
        draft.say(
            CheckState::Warning,
            format!("system {ours} is watched, but the repository also has objects of {}", names(&now)),
            "Two servers need two cluster names. If nobody knows the other system, somebody planted it: delete it, and look who \
             may write to the repository. On a host without the server set postgres.connection.",
        );
    }
    if let Some(former) = past.last() {
        let text = format!("system {ours} took over from {former}");
        match case.gathered.told || age(ours.first, case.now) > NEWS {
            true => draft.ok(text),
            false => draft.say(
                CheckState::Warning,
                text,
                "Was the server upgraded or made anew? If so, this passes after 8 days. If not, its WAL does not arrive any more, \
                 and somebody planted the other system.",
            ),
        }
    }
    (!now.is_empty() || !past.is_empty()).then(|| draft.finding())
}

fn names(lives: &[&Life]) -> String {
    lives.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A server that is down loses nothing yet; when the next backups are missing it is the age of the newest that tells.
pub(super) fn redis(case: &Case<'_>, subject: &CheckSubject) -> Vec<Finding> {
    let Some(asked) = &case.gathered.redis_server else { return Vec::new() };
    let mut draft = FindingDraft::new(subject.clone(), "server", None);
    let address = &case.config.redis.address;
    match asked {
        RedisAsked::Answered => draft.ok(format!("{address} answers")),
        RedisAsked::Refused => draft.ok(format!("{address} answers, and asks for a password")),
        RedisAsked::NotAsked => {
            draft.ok("not asked: redis.password_file is closed to the user of this check");
        }
        RedisAsked::Failed(error) => draft.fail(CheckState::Warning, "could not be asked: ", error),
    }
    vec![draft.finding()]
}

/// Whether the repository answers, and what in it could not be read.
pub(super) fn repository(case: &Case<'_>, number: usize) -> Finding {
    let repository = &case.repositories[number];
    let mut draft = FindingDraft::new(case.repository(number), "access", None);
    let failure = case.gathered.failures().find(|(failed, _)| *failed == number);
    match failure {
        Some((_, error)) => draft.fail(CheckState::Critical, "", error),
        None => draft.ok(format!("{} answers", repository.place())),
    }
    if let Some(error) = &case.gathered.no_key {
        draft.fail(CheckState::Warning, "encrypted objects can't be read on this host: ", error);
    }
    for (_, records) in &case.gathered.records {
        for (_, error) in records.failures.iter().filter(|(failed, _)| *failed == number) {
            draft.fail(CheckState::Critical, "", error);
        }
    }
    draft.finding()
}

/// What lies in a repository can't have been stored later than now.
pub(super) fn clock_of_repository(case: &Case<'_>, number: usize) -> Option<Finding> {
    if !case.answering().contains(&number) {
        return None;
    }
    let mut draft = FindingDraft::new(case.repository(number), "clock", None);
    let newest = newest_object(case, number);
    let ahead = newest.map_or(0.0, |newest| newest.duration_since(case.now).as_secs_f64());
    draft.number("seawall_clock_offset_seconds", ahead.max(0.0));
    match ahead > TOLERATED {
        true => {
            let text = format!(
                "the newest object is dated {} in the future: this host's clock or the store's is wrong",
                time(ahead)
            );
            draft.say(clock_state(ahead), text, NTP);
        }
        false => draft.ok("nothing is from the future"),
    }
    Some(draft.finding())
}

fn newest_object(case: &Case<'_>, number: usize) -> Option<Timestamp> {
    let survey = &case.gathered.survey;
    let base = survey.catalogue.volumes.iter().filter(|(at, ..)| *at == number);
    let base = base.filter_map(|(.., volume)| volume.newest());
    let wal = survey.systems.iter().filter_map(|it| it.inventories.get(number)?.as_ref());
    let redis = case.gathered.redis.iter().filter_map(|it| it.series.volume(number));
    let media = case.gathered.media.iter().filter_map(|it| it.series.volume(number));
    let others = redis.chain(media).filter_map(|volume| volume.newest());
    // The ends of backups are by the clock of who took them.
    let copies = |copies: &[StoredBackup]| copies.iter().any(|copy| copy.repository == number);
    // One that the store had before its end is said where backups are.
    let ends = survey.catalogue.backups.iter().filter(|it| copies(&it.copies));
    let ends = ends.filter(|it| it.ahead().is_none());
    let ends = ends.map(|it| it.facts.stop.time);
    let all = base.chain(wal.filter_map(|it| it.volume.newest())).chain(others).chain(ends);
    all.max()
}

pub(super) fn clock_of_server(case: &Case<'_>) -> Option<Finding> {
    let (theirs, ours) = case.server()?.facts.clock?;
    let ahead = theirs.duration_since(ours).as_secs_f64();
    let mut draft = FindingDraft::new(case.postgres(), "clock", None);
    draft.number("seawall_clock_offset_seconds", ahead);
    let text = match ahead < 0.0 {
        true => format!("the server's clock is {} behind that of this host", time(-ahead)),
        false => format!("the server's clock is {} ahead of that of this host", time(ahead)),
    };
    match ahead.abs() > TOLERATED {
        true => draft.say(clock_state(ahead.abs()), text, NTP),
        false => draft.ok("the server's clock agrees"),
    }
    Some(draft.finding())
}

fn clock_state(off: f64) -> CheckState {
    if off > SPOILS { CheckState::Critical } else { CheckState::Warning }
}
