//! What `prune` would delete at once, if a repository got it: after an outage that was longer than the window nobody copies WAL
//! only to have it deleted the next night.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::backup::Configured as _;
use crate::backup::memory::Memory;
use crate::basebackup::Description;
use crate::basebackup::catalogue::Survey;
use crate::basebackup::pruning::gather;
use crate::command::pruning::clocks;
use crate::config::Config;
use crate::postgres::{SystemIdentifier, WalSegment};
use crate::repository::{Repository, WalRange};
use crate::retention::ago;

/// Looked at once it is asked: it lists all repositories.
pub(super) struct LazyRetained<'a> {
    config: &'a Config,
    repositories: &'a [Repository],
    seen: OnceCell<Option<Retained>>,
}

/// All base backups and their WAL, as `prune` sees them.
struct Retained {
    survey: Survey,
    now: Timestamp,
}

impl<'a> LazyRetained<'a> {
    pub(super) fn new(config: &'a Config, repositories: &'a [Repository]) -> Self {
        Self { config, repositories, seen: OnceCell::new() }
    }

    /// `None` where not all can be seen: then all is needed.
    fn look(&self) -> Option<Retained> {
        let (config, repositories) = (self.config, self.repositories);
        let mut survey = Survey::read(repositories, config);
        let mut memory = Memory::of(config.state_directory.as_deref(), Description::NOTES);
        memory.recall(&mut survey.catalogue, repositories);
        let newest = survey.catalogue.newest_sure().map(|it| it.ended);
        let clocks = clocks(repositories, &|_| false, newest);
        survey.catalogue.close(&clocks);
        let is_whole = survey.errors().next().is_none() && clocks.wrong.is_empty();
        is_whole.then_some(Retained { survey, now: clocks.now })
    }

    /// Which of these no rule keeps in a repository.
    pub(super) fn unneeded(
        &self,
        system: SystemIdentifier,
        place: usize,
        segments: &BTreeSet<WalSegment>,
    ) -> BTreeSet<WalSegment> {
        let none = BTreeSet::new;
        if segments.is_empty() {
            return none();
        }
        let Some(seen) = self.seen.get_or_init(|| self.look()) else { return none() };
        let Some(wal) = seen.survey.system(system) else { return none() };
        let policy = &self.config.retention;
        let since = ago(seen.now, policy.wal_window);
        let gathered = gather(&seen.survey, wal, self.repositories, self.config, since);
        gathered.unneeded(place, segments, policy, seen.now)
    }

    /// The stretches that these segments make. None where nobody looked.
    pub(super) fn ranges(
        &self,
        system: SystemIdentifier,
        segments: BTreeSet<WalSegment>,
    ) -> Vec<WalRange> {
        let seen = self.seen.get().and_then(Option::as_ref);
        let size = seen.and_then(|seen| seen.survey.system(system)).map(|wal| wal.segment_size);
        size.map_or_else(Vec::new, |size| WalRange::all_of(segments, size))
    }
}
