//! Chooses what a restore begins with: the system, where a repository has several under one cluster name, and the newest base
//! backup from which the WAL leads to the target without a gap.
//!
//! Another server's files must never take the place of this one's. A base backup is consistent only from its stop on, so a
//! target before that takes an older one.

use std::path::Path;

use jiff::Timestamp;

use super::directory::RestoreDirectory;
use super::recovery_target::{RecoveryTarget, RestoreTarget, TargetTimeline, in_utc};
use crate::basebackup::catalogue::{Backup, Succession, Survey, SystemWal};
use crate::basebackup::windows::{Span, Timelines};
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, SystemIdentifier, TimelineId};

/// The system whose directory it is, or the one that is named, or the one of which `ours` says that it is ours. `None` where there is nothing to choose from.
pub fn choose_system(
    survey: &Survey,
    place: &RestoreDirectory,
    asked: Option<SystemIdentifier>,
    ours: &dyn Fn(&[SystemIdentifier]) -> Option<SystemIdentifier>,
) -> Result<Option<SystemIdentifier>> {
    match (asked, place.system) {
        // Its directory is moved aside and kept, and the user has said so twice.
        (Some(asked), Some(own)) if asked != own && place.aside.is_none() => {
            let message =
                format!("{:?} belongs to system {own}, not to system {asked}", place.data);
            Err(Error::new(Class::Input, message)
                .hint("--replace moves it aside and keeps it, or name another directory."))
        }
        (Some(asked), _) => Ok(Some(asked)),
        (None, Some(own)) if survey.system(own).is_some() => Ok(Some(own)),
        (None, Some(own)) if !survey.systems.is_empty() => Err(not_there(survey, &place.data, own)),
        (None, Some(_)) => Ok(None),
        (None, None) => living_system(survey, ours),
    }
}

fn not_there(survey: &Survey, data: &Path, own: SystemIdentifier) -> Error {
    let message = format!(
        "there is no base backup of system {own}, to which directory {data:?} belongs; there are those of {}",
        lives(survey)
    );
    Error::new(Class::Input, message).hint(
        "Are repository and cluster right? To replace the directory by another system, for example \
         an empty cluster that a package made: --replace --system-identifier NUMBER.",
    )
}

/// One that was left for another, as by pg_upgrade, is passed over. Where others are there that may be meant, `ours` says
/// which one is, or nobody knows.
pub fn living_system(
    survey: &Survey,
    ours: &dyn Fn(&[SystemIdentifier]) -> Option<SystemIdentifier>,
) -> Result<Option<SystemIdentifier>> {
    let Some(succession) = survey.succession() else { return Ok(None) };
    let Succession { living, left, rivals } = &succession;
    if let Some(former) = left.last().filter(|_| rivals.is_empty()) {
        tracing::warn!(
            "the newest system under this cluster name counts: {living}; the one before it was {former}"
        );
    }
    if rivals.is_empty() {
        return Ok(Some(living.system));
    }
    if let Some(ours) = ours(&succession.candidates()) {
        return Ok(Some(ours));
    }
    let message =
        format!("several servers used this cluster name at the same time: {}", lives(survey));
    Err(Error::new(Class::Usage, message).hint(
        "Say which one to restore: --system-identifier NUMBER. The first one has been stored for the \
         longest time; a system with a single date may be a planted backup. If the server runs, \
         postgres.connection also selects its system.",
    ))
}

fn lives(survey: &Survey) -> String {
    survey.lives().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A base backup as far as the choice goes.
#[derive(Debug, Clone)]
pub(super) struct BackupCandidate {
    pub id: String,
    pub span: Span,
    /// When the last of its data had come.
    pub stopped: Timestamp,
    /// Whether it says that it ended behind the time at which it was stored: it comes after all others.
    pub ahead: bool,
    /// Whether it has all WAL of its own inside, the last segment whole: an archive may begin behind that.
    pub whole_wal: bool,
}

/// What a recovery begins with and where it can get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its place in the list of candidates.
    pub backup: usize,
    pub timeline: TimelineId,
    /// The WAL goes up to here without a gap.
    pub reach: Lsn,
}

pub(super) fn is_usable(backup: &Backup, system: &SystemWal) -> bool {
    let same_size = backup.facts.segment_size == system.segment_size;
    backup.system == system.system && backup.is_whole() && (same_size || backup.facts.standalone)
}

pub(super) fn candidate(backup: &Backup) -> BackupCandidate {
    BackupCandidate {
        id: backup.id.clone(),
        span: backup.span(),
        stopped: backup.facts.stop.time,
        ahead: backup.ahead().is_some(),
        whole_wal: has_whole_wal(backup),
    }
}

/// The last segment of what a standby has may be half-filled: it can't switch to the next.
pub(super) fn has_whole_wal(backup: &Backup) -> bool {
    backup.facts.standalone && !backup.facts.from_standby
}

/// Where none will do, the error has the reason for the newest of them.
pub(super) fn choose(
    candidates: &[BackupCandidate],
    timelines: &Timelines,
    wanted: &RestoreTarget<'_>,
) -> Result<Choice> {
    let asked: Vec<usize> = (0..candidates.len())
        .filter(|at| wanted.backup.is_none_or(|id| candidates[*at].id == id))
        .collect();
    if asked.is_empty() {
        return Err(none_there(wanted.backup));
    }
    let mut reasons = Vec::new();
    for at in newest_first(candidates, asked) {
        match reach(&candidates[at], timelines, wanted) {
            Ok((timeline, reach)) => return Ok(Choice { backup: at, timeline, reach }),
            Err(reason) => reasons.push(format!("{}: {reason}", candidates[at].id)),
        }
    }
    const SHOWN: usize = 3;
    let more = match reasons.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    reasons.truncate(SHOWN);
    let message = format!("no base backup reaches the target: {}{more}", reasons.join("; "));
    Err(Error::new(Class::Gap, message)
        .hint("`basebackup list` draws what can be recovered; choose a target inside a window."))
}

/// These places of candidates, those last whose word on their time does not count.
pub(super) fn newest_first(candidates: &[BackupCandidate], mut places: Vec<usize>) -> Vec<usize> {
    places.sort_by_key(|at| {
        std::cmp::Reverse((!candidates[*at].ahead, candidates[*at].stopped, *at))
    });
    places
}

/// The timeline to follow and how far its WAL goes, or why this backup won't do.
fn reach(
    candidate: &BackupCandidate,
    timelines: &Timelines,
    wanted: &RestoreTarget<'_>,
) -> Result<(TimelineId, Lsn), String> {
    let span = &candidate.span;
    let timeline = match wanted.timeline {
        TargetTimeline::Current => span.stop.timeline,
        TargetTimeline::Latest => timelines.newest().unwrap_or(span.stop.timeline),
        TargetTimeline::Number(number) => {
            TimelineId::new(number).ok_or_else(|| "there is no timeline 0".to_owned())?
        }
    };
    let reach = timelines.reach(span, timeline).ok_or_else(|| {
        format!("timeline {} can't be reached from it without a gap", timeline.number())
    })?;
    let further = timelines.reach_behind(timeline, span.stop.lsn);
    let further = further.filter(|_| candidate.whole_wal && reach <= span.stop.lsn);
    let reach = further.unwrap_or(reach);
    match wanted.target {
        RecoveryTarget::Lsn(lsn) if *lsn < span.stop.lsn => {
            Err(format!("it is consistent only from {} on", span.stop.lsn))
        }
        RecoveryTarget::Lsn(lsn) if *lsn > reach => Err(format!("its WAL goes up to {reach} only")),
        RecoveryTarget::Time(time) if *time < candidate.stopped => {
            Err(format!("it ended at {}", in_utc(candidate.stopped)))
        }
        _ => Ok((timeline, reach)),
    }
}

fn none_there(asked: Option<&str>) -> Error {
    match asked {
        Some(id) => Error::new(Class::Usage, format!("there is no base backup {id}"))
            .hint("`basebackup list` shows what there is."),
        None => Error::new(Class::Gap, "there is no base backup")
            .hint("Are repository and cluster right? `basebackup list` shows what there is."),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::basebackup::windows::{Point, Wal};
    use crate::postgres::{WalSegment, WalSegmentSize};
    use crate::repository::WalRange;

    const MIB: u64 = 1 << 20;

    fn segment(number: u32) -> WalSegment {
        WalSegment { timeline: TimelineId::new(1).unwrap(), log: 0, segment: number }
    }

    fn wal(ranges: &[(u32, u32)]) -> Wal {
        let segment_size = WalSegmentSize::from_bytes(1 << 20).unwrap();
        let range = |(first, last): &(u32, u32)| WalRange {
            first: segment(*first),
            last: segment(*last),
            size: segment_size,
        };
        Wal { segment_size, ranges: ranges.iter().map(range).collect(), histories: BTreeMap::new() }
    }

    /// Begins in the segment of that number, and ends in it.
    fn candidate(number: u64, stopped: &str) -> BackupCandidate {
        let timeline = TimelineId::new(1).unwrap();
        let at = |offset| Point { timeline, lsn: Lsn(number * MIB + offset) };
        let span = Span { start: at(40), stop: at(300), carries_wal: false };
        BackupCandidate {
            id: format!("backup-{number}"),
            span,
            stopped: stopped.parse().unwrap(),
            ahead: false,
            whole_wal: false,
        }
    }

    fn chosen(wal: &Wal, target: &RecoveryTarget, backup: Option<&str>) -> Result<String, String> {
        let candidates =
            [candidate(2, "2026-11-20T03:00:00Z"), candidate(10, "2026-11-21T03:00:00Z")];
        let spans: Vec<Span> = candidates.iter().map(|it| it.span).collect();
        let timelines = Timelines::new(wal, &spans);
        let wanted =
            RestoreTarget { target, inclusive: true, timeline: TargetTimeline::Latest, backup };
        let choice = choose(&candidates, &timelines, &wanted);
        choice
            .map(|it| format!("{} up to {}", candidates[it.backup].id, it.reach))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_newest_backup_before_the_target_is_chosen() {
        let wal = wal(&[(2, 20)]);
        let time = |text: &str| RecoveryTarget::Time(text.parse().unwrap());
        for (target, backup) in [
            (RecoveryTarget::Latest, "backup-10"),
            (RecoveryTarget::Immediate, "backup-10"),
            (RecoveryTarget::Lsn(Lsn(10 * MIB + 300)), "backup-10"),
            (RecoveryTarget::Lsn(Lsn(10 * MIB + 299)), "backup-2"),
            (time("2026-11-21T03:00:00Z"), "backup-10"),
            (time("2026-11-21T02:59:59Z"), "backup-2"),
        ] {
            let expected = Ok(format!("{backup} up to 0/1500000"));
            assert_eq!(chosen(&wal, &target, None), expected, "{target:?}");
        }
        let older = chosen(&wal, &RecoveryTarget::Latest, Some("backup-2"));
        assert_eq!(older, Ok("backup-2 up to 0/1500000".to_owned()));
    }

    #[test]
    fn a_gap_is_jumped_over_only_by_a_backup_behind_it() {
        let wal = wal(&[(2, 7), (9, 20)]);
        assert!(chosen(&wal, &RecoveryTarget::Latest, None).is_ok());
        assert_eq!(
            chosen(&wal, &RecoveryTarget::Lsn(Lsn(9 * MIB)), None),
            Err("no base backup reaches the target: backup-10: it is \
                 consistent only from 0/A00012C on; backup-2: its WAL goes up to 0/800000 only. HINT: \
                 `basebackup list` draws what can be recovered; choose a target inside a window."
                .replace("0/A00012C", &Lsn(10 * MIB + 300).to_string()))
        );
    }

    #[test]
    fn a_backup_that_is_not_there_is_said() {
        assert_eq!(
            chosen(&wal(&[(2, 20)]), &RecoveryTarget::Latest, Some("backup-3")),
            Err("there is no base backup backup-3. HINT: `basebackup list` shows what \
                 there is."
                .to_owned())
        );
    }
}
