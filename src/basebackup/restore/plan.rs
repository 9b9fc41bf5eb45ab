//! What a restore is going to do: which base backup, which WAL, from where.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::choice::{BackupCandidate, Choice, candidate, choose, has_whole_wal, is_usable};
use super::recovery_target::{RecoveryTarget, RestoreTarget};
use super::target_search::Located;
use crate::basebackup::catalogue::{Backup, Restorable, Survey, SystemWal};
use crate::basebackup::windows::{Left, LivesOn};
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, SUPPORTED_IN_WORDS, SystemIdentifier, WalSegment};
use crate::repository::DroppedWal;

/// What a restore is going to do, before it touches anything.
pub struct RestorePlan<'a> {
    pub backup: &'a Backup,
    pub choice: Choice,
    /// The repositories that have the backup whole, in the order in which they are tried.
    pub repositories: Vec<usize>,
    /// Where there is WAL again behind the gap that it ends at. Recovery stops at a gap: what comes after it
    /// can't be applied.
    pub resumes: Option<Lsn>,
    /// Who dropped the WAL that comes next, as somebody says. It was written, so a recovery does not end before it as if there
    /// had been no more.
    pub dropped: Option<&'a DroppedWal>,
    /// The timeline that it ends on was left for one of which nothing is there.
    pub left: Option<Left>,
    /// When the last WAL that it reaches was stored. It holds nothing of later.
    pub stored: Option<Timestamp>,
    /// The objects with second contents of segments of the timeline that it ends on.
    pub beyond: BTreeSet<&'a str>,
    /// An ancestor of the timeline that was left for it and went on all the same.
    pub lives_on: Option<LivesOn>,
    /// The next older backups from which a target could be reached whose place nobody knows beforehand.
    pub older: Vec<String>,
    /// Where such a target lies after all, as far as somebody has looked for it.
    pub located: Option<Located>,
    /// Whether every repository could be looked at.
    pub all_seen: bool,
}

/// Which WAL of a backup's own `pg_wal` the server is to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnWal {
    None,
    /// There is no other.
    All,
    /// From a segment up to another one, which is not among them: the archive may have begun with that.
    Segments {
        first: WalSegment,
        end: WalSegment,
    },
}

/// For who asks for more than is there.
pub const END_BEFORE_THE_GAP: &str = "End the recovery before the gap: with --target-immediate at \
 the end of the base backup, with --target-time or --target-lsn later.";

/// Picks the backup, of the system that was chosen, see [`super::living_system`].
pub fn plan<'a>(
    survey: &'a Survey,
    system: Option<SystemIdentifier>,
    wanted: &RestoreTarget<'_>,
) -> Result<RestorePlan<'a>> {
    let Some(system) = system.and_then(|system| survey.system(system)) else {
        let failure = survey.catalogue.failures.first();
        return Err(failure.map_or_else(nothing_there, |failure| failure.error.clone()));
    };
    let named = full_id(survey, system.system, wanted.backup)?;
    let wanted = &RestoreTarget { backup: named.as_deref(), ..wanted.clone() };
    let backups: Vec<&Backup> =
        survey.catalogue.backups.iter().filter(|it| is_usable(it, system)).collect();
    let asked = |it: &&Backup| it.system == system.system && wanted.backup == Some(it.id.as_str());
    if let Some(asked) = survey.catalogue.backups.iter().find(asked)
        && let Restorable::No(why) | Restorable::Unknown(why) = survey.restorable(asked)
        && !is_usable(asked, system)
    {
        let id = &asked.id;
        let message = format!("base backup {id} can't be restored: {why}");
        return Err(
            Error::new(Class::Damaged, message).hint("`basebackup list` shows which ones can be.")
        );
    }
    let candidates: Vec<BackupCandidate> = backups.iter().map(|backup| candidate(backup)).collect();
    let choice = choose(&candidates, &system.timelines, wanted)
        .map_err(|error| with_dropped(error, system))?;
    let older = older(&candidates, choice.backup, wanted, |wanted| {
        choose(&candidates, &system.timelines, wanted).is_ok()
    });
    let backup = backups[choice.backup];
    warn_of_version(backup);
    warn_of_ahead(&backups, backup);
    let whole = backup.copies.iter().filter(|copy| copy.fault.is_none());
    let repositories = whole.map(|copy| copy.repository).collect();
    let resumes = system.timelines.resumes(choice.timeline, choice.reach);
    let dropped = system.dropped_at(choice.timeline, choice.reach);
    let left = system.timelines.left(choice.timeline, choice.reach);
    let stored = system.stored(choice.reach);
    let beyond = system.beyond(choice.timeline);
    let lives_on = system.timelines.lives_on(choice.timeline);
    let all_seen = survey.errors().next().is_none();
    Ok(RestorePlan {
        backup,
        choice,
        repositories,
        resumes,
        dropped,
        left,
        stored,
        beyond,
        lives_on,
        older,
        located: None,
        all_seen,
    })
}

/// With the words of who dropped WAL, where no base backup reaches the target.
fn with_dropped(error: Error, system: &SystemWal) -> Error {
    let dropped = system.dropped.last().filter(|_| error.class() == Class::Gap);
    dropped.map_or(error.clone(), |dropped| error.adding(format!("; {dropped}")))
}

/// The beginning of an id stands for the whole, where only one begins so.
fn full_id(
    survey: &Survey,
    system: SystemIdentifier,
    begins: Option<&str>,
) -> Result<Option<String>> {
    let Some(begins) = begins else { return Ok(None) };
    let all = survey.catalogue.backups.iter().filter(|it| it.system == system);
    let found: Vec<&str> =
        all.map(|it| it.id.as_str()).filter(|id| id.starts_with(begins)).collect();
    match found[..] {
        [one] => Ok(Some(one.to_owned())),
        [] => Ok(Some(begins.to_owned())),
        _ if found.contains(&begins) => Ok(Some(begins.to_owned())),
        _ => {
            let (count, found) = (found.len(), found.join(", "));
            let message = format!(
                "expected one base backup with an id that begins with {begins:?}, found {count}: {found}"
            );
            Err(Error::new(Class::Usage, message).hint("Give more of the id."))
        }
    }
}

/// Where a transaction or a restore point lies shows only in the recovery; it may be before the newest backup.
fn older(
    candidates: &[BackupCandidate],
    chosen: usize,
    wanted: &RestoreTarget<'_>,
    can_be_chosen: impl Fn(&RestoreTarget<'_>) -> bool,
) -> Vec<String> {
    if !matches!(wanted.target, RecoveryTarget::Xid(_) | RecoveryTarget::Name(_)) {
        return Vec::new();
    }
    let before = |it: &&BackupCandidate| it.stopped < candidates[chosen].stopped;
    let mut older: Vec<&BackupCandidate> = candidates.iter().filter(before).collect();
    older.sort_by_key(|it| std::cmp::Reverse(it.stopped));
    let usable = older
        .into_iter()
        .filter(|it| can_be_chosen(&RestoreTarget { backup: Some(&it.id), ..wanted.clone() }));
    usable.take(3).map(|it| it.id.clone()).collect()
}

/// It is laid down all the same: who needs it needs it now.
fn warn_of_version(backup: &Backup) {
    let version = backup.facts.postgres_version;
    if !version.is_supported() {
        tracing::warn!(
            "{} is of PostgreSQL {version}: this was not tested with this Seawall, which supports \
             {SUPPORTED_IN_WORDS}",
            backup.id
        );
    }
}

/// What says that it is newer than the chosen one, and was passed over.
fn warn_of_ahead(backups: &[&Backup], chosen: &Backup) {
    let newer = backups.iter().filter(|it| it.facts.stop.time > chosen.facts.stop.time);
    for (id, why) in newer.filter_map(|it| Some((&it.id, it.ahead()?))) {
        tracing::warn!("{id} {why}: it does not count as the newest; --backup {id} selects it");
    }
}

fn nothing_there() -> Error {
    Error::new(Class::Gap, "there is no base backup")
        .hint("Are repository and cluster right? `basebackup list` shows what there is.")
}

impl RestorePlan<'_> {
    /// Whether there is nothing behind the backup but what it needs itself, as of one that retention keeps for years: then it can be
    /// brought back to its own end, and no further.
    pub fn ends_with_the_backup(&self) -> bool {
        let (stop, size) = (self.backup.facts.stop.lsn.0, self.backup.facts.segment_size.bytes());
        self.ends_at_a_gap() && self.choice.reach.0 <= stop.next_multiple_of(size)
    }

    /// Whether a recovery to the end of the WAL stops with an error at the end of what it reaches.
    pub fn ends_at_a_gap(&self) -> bool {
        self.resumes.is_some() || self.dropped.is_some()
    }

    /// With what is known of the place of a target that has none by itself.
    #[must_use]
    pub fn with_place(mut self, located: Option<Located>) -> Self {
        if matches!(located, Some(Located::At { .. })) {
            self.older.clear();
        }
        self.located = located;
        self
    }

    /// Whether the server may look for WAL ahead of what it replays (`recovery_prefetch`): not where that leads it to a gap, or
    /// behind its target, to what it will never need and can't have.
    pub fn may_read_ahead(&self, target: &RecoveryTarget) -> bool {
        let missing = self.left.is_some_and(|left| left.missing);
        *target == RecoveryTarget::Latest && !self.ends_at_a_gap() && !missing
    }

    /// What a standalone backup has inside need not be in the archive, and mostly is not.
    pub fn own_wal(&self, target: &RecoveryTarget) -> OwnWal {
        let (facts, reach) = (&self.backup.facts, self.choice.reach);
        let (start, stop) = (facts.start, facts.stop);
        if !facts.standalone {
            return OwnWal::None;
        }
        // Only who has seen everything can say that there is nothing behind it.
        let complete = self.all_seen && !self.ends_at_a_gap() && self.left.is_none();
        if reach <= stop.lsn && (complete || *target == RecoveryTarget::Immediate) {
            return OwnWal::All;
        }
        let segment = |lsn| WalSegment::at(lsn, start.timeline, facts.segment_size);
        let last = segment(Lsn(stop.lsn.0.saturating_sub(1)));
        let end = match has_whole_wal(self.backup) {
            true => last.and_then(|last| last.next(facts.segment_size)),
            false => last,
        };
        match (segment(start.lsn), end) {
            (Some(first), Some(end)) if start.timeline == stop.timeline && first != end => {
                OwnWal::Segments { first, end }
            }
            _ => OwnWal::None,
        }
    }
}
