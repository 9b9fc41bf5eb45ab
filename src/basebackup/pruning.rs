//! Retention carried out: what there is of one system, as the planner wants to know it, and the deletions that follow.
//!
//! `gather` asks the stores and `CarryOut` deletes; what is decided in between is `super::retention`, without any I/O. A
//! repository that can't be listed is closed: where not all is known, nothing is deleted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::backup::deleting::{Deleting, Deletions};
use crate::backup::{BackupFolder, Holdings, PlanSubject};
use crate::basebackup::catalogue::{Backup, StoredBackup, Survey, SystemWal};
use crate::basebackup::retention::{Deletion, Plan, SystemHoldings, plan};
use crate::basebackup::windows::Needed;
use crate::config::{Config, RetentionConfig};
use crate::debts::{Ledger, owed_anybody};
use crate::error::{Error, Result};
use crate::postgres::{SystemIdentifier, WalFileName, WalSegment};
use crate::repository::{Repository, WalFolder, WalRange};
use crate::retention::Condition;

/// What there is of one system, and what kept it from being seen whole.
pub struct SystemGathered<'a> {
    pub holdings: SystemHoldings<'a>,
    pub errors: Vec<Error>,
}

/// Lists the WAL once more, with the files that restore nothing by themselves. What was stored after `since` is young.
pub fn gather<'a>(
    survey: &'a Survey,
    system: &'a SystemWal,
    repositories: &[Repository],
    config: &Config,
    since: Timestamp,
) -> SystemGathered<'a> {
    let ledger = Ledger::read(repositories, &config.cluster);
    let is_owed = |place: usize, segment: WalSegment| {
        ledger.owes(place, system.system, WalFileName::Segment(segment))
    };
    let condition = |it: &Backup, copy: &StoredBackup| condition(system, it, copy, &is_owed);
    let mut stored = Holdings::of(&survey.catalogue, system.system, &condition, &Backup::span);
    let (mut wal, mut young, mut errors) = (Vec::new(), BTreeMap::new(), Vec::new());
    let folder = WalFolder::new(&config.cluster, system.system);
    for (number, repository) in repositories.iter().enumerate() {
        if system.inventories.get(number).is_none_or(Option::is_none) {
            continue;
        }
        match repository.wal_files(&folder, system.segment_size, since) {
            Ok(files) => {
                wal.push((number, files.all));
                young.insert(number, files.young);
            }
            Err(error) => {
                stored.closed.insert(number);
                errors.push(error);
            }
        }
    }
    // Who can't say what others are owed keeps all of it.
    for (number, error) in &ledger.failures {
        if stored.closed.insert(*number) {
            errors.push(error.clone());
        }
    }
    let owed = ledger.held(system.system, system.segment_size);
    let mut backups = survey.catalogue.backups.iter().filter(|it| it.system == system.system);
    let mixed_sizes = backups.any(|it| it.facts.segment_size != system.segment_size);
    let timelines = &system.timelines;
    SystemGathered {
        holdings: SystemHoldings { stored, wal, young, owed, timelines, mixed_sizes },
        errors,
    }
}

impl SystemGathered<'_> {
    /// Which of these segments `prune` would delete in a repository if they were there and old. None where not all is known,
    /// and where the repository has no good base backup.
    pub fn unneeded(
        self,
        place: usize,
        segments: &BTreeSet<WalSegment>,
        policy: &RetentionConfig,
        now: Timestamp,
    ) -> BTreeSet<WalSegment> {
        let Self { mut holdings, errors } = self;
        let mut there = holdings.wal.iter_mut().filter(|(number, _)| *number == place);
        let size = segments.first().zip(there.next()).and_then(|(_, (_, ranges))| {
            let size = ranges.first()?.size;
            let own = ranges.iter().flat_map(|range| range.segments());
            let all: BTreeSet<WalSegment> = own.chain(segments.iter().copied()).collect();
            *ranges = WalRange::all_of(all, size);
            Some(size)
        });
        let is_known = size.is_some() && errors.is_empty() && holdings.stored.closed.is_empty();
        holdings.young.remove(&place);
        let plan = plan(&holdings, policy, now).ok().filter(|_| is_known);
        let lines = plan.into_iter().flat_map(|plan| plan.wal);
        let lines = lines.filter(|line| line.repository == place && !line.verdict.keep);
        lines.flat_map(|line| line.range.segments()).filter(|it| segments.contains(it)).collect()
    }
}

/// Whether a copy can be restored, with the WAL of its repository. What that is owed it may get yet.
pub fn condition(
    system: &SystemWal,
    backup: &Backup,
    copy: &StoredBackup,
    is_owed: &dyn Fn(usize, WalSegment) -> bool,
) -> Condition {
    if let Some(fault) = &copy.fault {
        return Condition::Bad(fault.clone());
    }
    // No WAL at all is deleted then.
    if backup.facts.segment_size != system.segment_size {
        return Condition::Good;
    }
    match system.needed_in(copy.repository, backup) {
        Some(Needed::Complete) => Condition::Good,
        Some(Needed::Missing(segment)) if is_owed(copy.repository, segment) => {
            Condition::Unknown(format!("its repository is owed WAL segment {segment}"))
        }
        Some(Needed::Missing(segment)) if system.unread.is_empty() => {
            Condition::Bad(format!("WAL segment {segment} is missing"))
        }
        Some(Needed::Missing(_) | Needed::Unknown) => {
            Condition::Unknown("the order of its timelines is not known".to_owned())
        }
        None => Condition::Unknown("its WAL could not be listed".to_owned()),
    }
}

/// So many keys are in memory at a time.
const KEYS: usize = 1000;

/// A plan for one system, about to be carried out: base backups and unfinished ones deleted, and then
/// the WAL that nothing needs any more.
///
/// Which WAL that is, is planned anew in between: a base backup that could not be deleted keeps its WAL.
pub struct CarryOut<'a> {
    pub cluster: &'a str,
    pub system: SystemIdentifier,
    pub holdings: &'a SystemHoldings<'a>,
    pub plan: &'a Plan,
    pub policy: &'a RetentionConfig,
    /// The time that the plan was made for.
    pub now: Timestamp,
    /// WAL that the store dates later than this is not touched.
    pub since: Timestamp,
}

impl CarryOut<'_> {
    /// Goes on with the other repositories where one fails.
    pub fn run(&self, deletions: &mut Deletions<'_>) {
        let mut stayed = BTreeSet::new();
        for deletion in self.plan.deletions(self.holdings) {
            let Deletion::Stored(line) = deletion else { continue };
            let folder = BackupFolder::new(self.cluster, self.system, &line.id);
            if !deletions.line(&line, &folder) && line.what == PlanSubject::Backup {
                stayed.insert((line.repository, line.id));
            }
        }
        // What is still there needs its WAL.
        let lines = self.plan.wal_beside(self.holdings, self.policy, self.now, &stayed);
        for (number, _) in &self.holdings.wal {
            let lines = lines.iter().filter(|it| it.repository == *number && !it.verdict.keep);
            let ranges: Vec<WalRange> = lines.map(|line| line.range).collect();
            deletions.within(*number, |there| self.wal(&ranges, there));
        }
    }

    fn wal(&self, ranges: &[WalRange], deleting: &mut Deleting<'_>) -> Result<()> {
        let folder = WalFolder::new(self.cluster, self.system);
        let repository = deleting.repository();
        // Meanwhile another one may have become away.
        let owed = owed_anybody(repository, &folder)?;
        let mut after = String::new();
        loop {
            let keys = repository.wal_keys(&folder, (ranges, self.since), &after, KEYS)?;
            let Some((last, _)) = keys.last() else { return Ok(()) };
            after.clone_from(last);
            for (key, size) in &keys {
                let name = folder.file_of(key);
                if name.is_none_or(|name| !owed.contains(&name)) {
                    deleting.object(key, *size)?;
                }
            }
        }
    }
}
