//! A debt that no rule of retention keeps any more, after an outage that was longer than the window, is not paid only to be
//! deleted by the next prune. The gap is written down in the repository before the notes go.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::retained::LazyRetained;
use crate::config::Config;
use crate::debts::{OwedTo, give_up};
use crate::error::Result;
use crate::failpoint;
use crate::postgres::{SystemIdentifier, WalFileName, WalSegment};
use crate::repository::{DroppedWal, Repository, WalFolder, WalRange};
use crate::retention::ago;

/// What one repository is owed of one system.
pub(super) struct ExpiredDebts<'a> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub retained: &'a LazyRetained<'a>,
    pub account: &'a OwedTo,
    pub creditor: usize,
    pub system: SystemIdentifier,
}

impl ExpiredDebts<'_> {
    /// Those that `prune` would delete at once. Nobody looks before one is older than the window.
    pub(super) fn find(&self) -> BTreeMap<WalFileName, &BTreeSet<usize>> {
        let window = ago(Timestamp::now(), self.config.retention.wal_window);
        let owed = || self.account.wal.iter().filter(|((of, _), _)| *of == self.system);
        if !owed().any(|(_, noted)| noted.since.is_some_and(|since| since < window)) {
            return BTreeMap::new();
        }
        let segments: BTreeSet<WalSegment> =
            owed().filter_map(|((_, name), _)| name.segment()).collect();
        let unneeded = self.retained.unneeded(self.system, self.creditor, &segments);
        let expired = owed().filter(|((_, name), noted)| {
            let is_old = noted.since.is_some_and(|since| since < window);
            is_old && name.segment().is_some_and(|segment| unneeded.contains(&segment))
        });
        expired.map(|((_, name), noted)| (*name, &noted.holders)).collect()
    }

    /// Writes it down and removes the notes. How many files are not owed any more.
    pub(super) fn drop(&self) -> Result<usize> {
        let expired = self.find();
        let folder = WalFolder::new(&self.config.cluster, self.system);
        let creditor = &self.repositories[self.creditor];
        let whole = |name: &WalFileName| match name {
            WalFileName::Segment(segment) => Some(*segment),
            _ => None,
        };
        let segments: BTreeSet<WalSegment> = expired.keys().filter_map(whole).collect();
        for range in self.retained.ranges(self.system, segments) {
            let WalRange { first, last, .. } = range;
            let when = Timestamp::now();
            let when = Timestamp::from_second(when.as_second()).unwrap_or(when);
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            let host = host.trim().to_owned();
            let dropped = DroppedWal { first, last, when, host, why: None, by_retention: true };
            creditor.store_dropped(&folder, &dropped)?;
            tracing::warn!("in repository {}: {dropped}", creditor.name());
        }
        for (name, holders) in &expired {
            for holder in *holders {
                give_up(&self.repositories[*holder], &self.account.id, &folder, *name)?;
                failpoint::reach("drop.gave-up");
            }
        }
        Ok(expired.len())
    }
}
