use std::collections::BTreeSet;
use std::fmt::Write as _;

use bytesize::ByteSize;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::choose::{Candidate, Choice, Wish, choose};
use super::target::{RecoveryTarget, in_utc};
use super::zone::{in_both, local_zone};
use crate::base_backup::catalogue::{Backup, Restorable, Survey, SystemWal};
use crate::base_backup::windows::Left;
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, SUPPORTED_IN_WORDS, SystemIdentifier};
use crate::words::plain;

/// What a restore is going to do, before it touches anything.
pub struct RestorePlan<'a> {
    pub backup: &'a Backup,
    pub choice: Choice,
    /// The repositories that have the backup whole, in the order in which they are tried.
    pub repositories: Vec<usize>,
    /// Where there is WAL again behind the gap that it ends at. Recovery stops at a gap: what comes after it
    /// can't be applied.
    pub resumes: Option<Lsn>,
    /// The timeline that it ends on was left for one of which nothing is there.
    pub left: Option<Left>,
    /// When the last WAL that it reaches was stored. It holds nothing of later.
    pub stored: Option<Timestamp>,
    /// The objects with second contents of segments of the timeline that it ends on.
    pub beyond: BTreeSet<&'a str>,
}

/// Picks the backup. Of several systems under one cluster name (after `pg_upgrade`) the newest counts,
/// unless another is named.
pub fn plan<'a>(
    survey: &'a Survey,
    system: Option<SystemIdentifier>,
    wish: &Wish<'_>,
) -> Result<RestorePlan<'a>> {
    let system = match system {
        Some(system) => survey.system(system),
        None => survey.systems.last(),
    };
    let Some(system) = system else {
        let failure = survey.catalogue.failures.first();
        return Err(failure.map_or_else(nothing_there, |failure| failure.error.clone()));
    };
    let backups: Vec<&Backup> =
        survey.catalogue.backups.iter().filter(|it| is_usable(it, system)).collect();
    let asked = |it: &&Backup| it.system == system.system && wish.backup == Some(it.id.as_str());
    if let Some(asked) = survey.catalogue.backups.iter().find(asked)
        && let Restorable::No(why) | Restorable::Unknown(why) = survey.restorable(asked)
        && !is_usable(asked, system)
    {
        let id = &asked.id;
        let message = format!("expected a base backup that can be restored, found {id}: {why}");
        return Err(Error::new(Class::Damaged, message));
    }
    let candidates: Vec<Candidate> = backups.iter().map(|backup| candidate(backup)).collect();
    let choice = choose(&candidates, &system.timelines, wish)?;
    let backup = backups[choice.backup];
    warn_of_version(backup);
    let whole = backup.copies.iter().filter(|copy| copy.fault.is_none());
    let repositories = whole.map(|copy| copy.repository).collect();
    let resumes = system.timelines.resumes(choice.timeline, choice.reach);
    let left = system.timelines.left(choice.timeline, choice.reach);
    let stored = system.stored(choice.reach);
    let beyond = system.beyond(choice.timeline);
    Ok(RestorePlan { backup, choice, repositories, resumes, left, stored, beyond })
}

/// It is laid down all the same: who needs it needs it now.
fn warn_of_version(backup: &Backup) {
    let version = backup.facts.postgres_version;
    if !version.is_supported() {
        tracing::warn!(
            "{} is of PostgreSQL {version}: nobody has tried that with this Seawall, which supports \
             {SUPPORTED_IN_WORDS}",
            backup.id
        );
    }
}

fn is_usable(backup: &Backup, system: &SystemWal) -> bool {
    let same_size = backup.facts.segment_size == system.segment_size;
    backup.system == system.system && backup.is_whole() && (same_size || backup.facts.standalone)
}

fn candidate(backup: &Backup) -> Candidate {
    Candidate { id: backup.id.clone(), span: backup.span(), stopped: backup.facts.stop.time }
}

fn nothing_there() -> Error {
    Error::new(Class::Gap, "expected a base backup, found none")
        .hint("Are repository and cluster right? `basebackup list` shows what there is.")
}

impl RestorePlan<'_> {
    /// The plan for people. `names` are those of the repositories, `room` what is free where the files go,
    /// in bytes.
    pub fn describe(&self, wish: &Wish<'_>, names: &[&str], room: Option<u64>) -> String {
        let facts = &self.backup.facts;
        let mut text = String::new();
        // Labels and the like come from the repository, which anybody may have written to.
        let mut line = |what: &str, value: String| {
            let _ = writeln!(text, "{what:<12}{}", plain(&value));
        };
        line("backup", format!("{} ({})", self.backup.id, facts.label));
        line("taken", format!("{} to {}", in_utc(facts.start.time), in_utc(facts.stop.time)));
        let stored: Vec<&str> = self.repositories.iter().map(|at| names[*at]).collect();
        line("from", stored.join(", then "));
        line("system", self.backup.system.to_string());
        line("files", format!("{} to write", ByteSize(facts.size)));
        if let Some(room) = room {
            line("room", format!("{} free", ByteSize(room)));
        }
        let until = format!(
            "{} to {} on timeline {}",
            facts.start.lsn,
            self.choice.reach,
            self.choice.timeline.number()
        );
        line("WAL", format!("{until}, without a gap"));
        if let Some(resumes) = self.resumes {
            let reach = self.choice.reach;
            line(
                "gap",
                format!(
                    "then WAL is missing up to {resumes}: a recovery that goes on beyond {reach} stops with an error"
                ),
            );
        }
        if let (None, Some(left)) = (self.resumes, self.left) {
            let what = if left.missing { "gap" } else { "beware" };
            line(what, unbegun(left, self.choice.reach));
        }
        for name in &self.beyond {
            line(
                "beware",
                format!("{name} is a second content of its segment, and is not replayed"),
            );
        }
        line("target", target(wish.target, wish.inclusive));
        if let Some(stored) = self.falls_short(wish.target) {
            let stored = in_utc(stored);
            line(
                "beware",
                format!(
                    "this WAL was stored by {stored}, before the target: the server will not start"
                ),
            );
        }
        text
    }

    /// When the last WAL was stored, if that was before the target. Clocks may differ, so that is no reason to
    /// refuse it.
    pub fn falls_short(&self, target: &RecoveryTarget) -> Option<Timestamp> {
        let RecoveryTarget::Time(time) = target else { return None };
        // Some stores tell whole seconds only.
        self.stored.filter(|stored| *time >= *stored + SignedDuration::from_secs(1))
    }
}

/// A history is archived at once, the first segment of its timeline only when it is full.
fn unbegun(left: Left, reach: Lsn) -> String {
    let (timeline, by, at) = (left.place.timeline.number(), left.by.number(), left.place.lsn);
    match left.missing {
        true => format!(
            "then WAL is missing up to {at}, where timeline {by} left timeline {timeline}: a recovery that goes on beyond \
             {reach} stops with an error"
        ),
        false => format!(
            "timeline {by} has archived nothing yet: it ends where that left timeline {timeline}, at {at}. If timeline \
             {by} was a mistake, --target-timeline {timeline} goes on"
        ),
    }
}

fn target(target: &RecoveryTarget, inclusive: bool) -> String {
    let side = if inclusive { "" } else { ", not included" };
    match target {
        RecoveryTarget::Latest => "as far as the WAL goes".to_owned(),
        RecoveryTarget::Immediate => "the end of the backup".to_owned(),
        RecoveryTarget::Time(time) => {
            // Where the zone is not known, the time was given with one.
            let zone = local_zone().unwrap_or(TimeZone::UTC);
            format!("{}{side}", in_both(*time, &zone))
        }
        RecoveryTarget::Lsn(lsn) => format!("LSN {lsn}{side}"),
        RecoveryTarget::Xid(xid) => {
            format!(
                "transaction {xid}{side} (whether it is in this WAL shows only in the recovery)"
            )
        }
        RecoveryTarget::Name(name) => {
            format!("restore point {name:?} (whether it is in this WAL shows only in the recovery)")
        }
    }
}
