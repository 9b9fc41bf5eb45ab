//! The survey that `check` and the commands on base backups begin with: base backups and WAL of all repositories, put
//! together, and what can be restored from them.
//!
//! Keys are listed, and nothing is read but descriptions and histories. So the survey tells what is there, and `verify`
//! whether that is sound.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::histories::read_histories;
use super::{Backup, Catalogue, Failure};
use crate::backup::HowMany;
use crate::basebackup::holes::{Holes, window_begins};
use crate::basebackup::windows::{Needed, Span, Timeline, Timelines, Wal};
use crate::config::Config;
use crate::error::{Class, Error};
use crate::postgres::{
    Lsn, SystemIdentifier, TimelineHistory, TimelineId, WalSegment, WalSegmentSize,
};
use crate::repository::{DroppedWal, Inventory, ListingVisitor, Repository, WalFolder};
use crate::retention::ago;
use crate::threads::in_parallel;

/// The base backups of a cluster together with the WAL of their systems: what can be recovered.
#[derive(Debug)]
pub struct Survey {
    pub catalogue: Catalogue,
    /// Those that have a base backup, oldest first.
    pub systems: Vec<SystemWal>,
}

/// The WAL of one system. Recovery takes each file from the first repository that has it, so what is
/// there in any counts.
#[derive(Debug)]
pub struct SystemWal {
    pub system: SystemIdentifier,
    /// That of the newest base backup. (`pg_resetwal` can change it; what was before is of no use then.)
    pub segment_size: WalSegmentSize,
    /// What each repository has; `None` where it could not be listed.
    pub inventories: Vec<Option<Inventory>>,
    pub histories: BTreeMap<TimelineId, TimelineHistory>,
    /// Histories that are there and can't be read.
    pub unread: BTreeMap<TimelineId, Error>,
    pub timelines: Timelines,
    /// What a human dropped, of which something is missing in some repository. Each is a claim, which gives a gap its words.
    pub dropped: BTreeSet<DroppedWal>,
    /// Those that each repository has by itself.
    alone: Vec<Option<Timelines>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restorable {
    Yes,
    /// Why not.
    No(String),
    /// Not as far as can be seen; what can't be seen might be enough.
    Unknown(String),
}

impl Survey {
    /// Lists every repository. What fails is in the catalogue's failures.
    pub fn read(repositories: &[Repository], config: &Config) -> Self {
        Self::read_newest(repositories, config, &|ids| ids.len())
    }

    /// The same, but reads the descriptions of the newest `how_many` base backups only.
    pub fn read_newest(
        repositories: &[Repository],
        config: &Config,
        how_many: HowMany<'_>,
    ) -> Self {
        Self::read_watched(repositories, config, how_many, &|_| ()).0
    }

    /// The same, with an onlooker for the WAL of each system in each repository. What they saw comes in the
    /// order of [`Self::systems`], then of the repositories; `None` where it could not be listed.
    pub fn read_watched<O: ListingVisitor>(
        repositories: &[Repository],
        config: &Config,
        how_many: HowMany<'_>,
        onlooker: &(dyn Fn(WalSegmentSize) -> O + Sync),
    ) -> (Self, Vec<Vec<Option<O>>>) {
        let mut catalogue = Catalogue::read_newest(repositories, &config.cluster, how_many);
        let (mut systems, mut watched) = (Vec::new(), Vec::new());
        for system in catalogue.systems.clone() {
            let newest = catalogue.backups.iter().rfind(|backup| backup.system == system);
            if let Some(size) = newest.map(|backup| backup.facts.segment_size) {
                let folder = WalFolder::new(&config.cluster, system);
                let (inventories, seen) =
                    list(&mut catalogue, &folder, size, repositories, onlooker);
                let dropped = dropped(&folder, repositories, &inventories);
                let listed = (system, size, inventories);
                let wal = system_wal(&catalogue, listed, &folder, repositories, config);
                systems.push(SystemWal { dropped, ..wal });
                watched.push(seen);
            }
        }
        (Self { catalogue, systems }, watched)
    }

    /// Everything that stopped it from seeing all there is.
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        let failures = self.catalogue.failures.iter().map(|failure| &failure.error);
        let broken = self.catalogue.broken.iter().map(|broken| &broken.error);
        // Who only encrypts has no private key, and nothing is wrong with that.
        let unread = self.systems.iter().flat_map(|system| system.unread.values());
        let unread = unread.filter(|error| error.class() != Class::Configuration);
        failures.chain(broken).chain(unread)
    }

    pub fn system(&self, system: SystemIdentifier) -> Option<&SystemWal> {
        self.systems.iter().find(|one| one.system == system)
    }

    /// The backups of a system that recovery can start from, and the timelines that these lead to. The
    /// windows tell backups by their place among the former.
    pub fn windows(&self, system: &SystemWal) -> (Vec<&Backup>, Vec<Timeline>) {
        let usable = |backup: &&Backup| {
            let same_size = backup.facts.segment_size == system.segment_size;
            backup.system == system.system && same_size && backup.is_whole()
        };
        let backups: Vec<&Backup> = self.catalogue.backups.iter().filter(usable).collect();
        let spans: Vec<Span> = backups.iter().map(|backup| backup.span()).collect();
        let windows = system.timelines.windows(&spans);
        (backups, windows)
    }

    /// Whether a backup can be restored, from what repositories show without reading it.
    pub fn restorable(&self, backup: &Backup) -> Restorable {
        let reason = match self.needed(backup) {
            Ok(()) => return Restorable::Yes,
            Err(reason) => reason,
        };
        if self.catalogue.failures.is_empty() {
            return reason;
        }
        match reason {
            Restorable::No(reason) => Restorable::Unknown(format!(
                "{reason}, as far as the repositories that answered show"
            )),
            other => other,
        }
    }

    fn needed(&self, backup: &Backup) -> Result<(), Restorable> {
        if !backup.is_whole() {
            return Err(Restorable::No("no repository has all of it".to_owned()));
        }
        let Some(system) = self.system(backup.system) else { return Ok(()) };
        if backup.facts.segment_size != system.segment_size && !backup.facts.standalone {
            let message = "the WAL segment size has changed since, so its WAL is not known";
            return Err(Restorable::Unknown(message.to_owned()));
        }
        match system.timelines.needed(&backup.span()) {
            Needed::Complete => Ok(()),
            Needed::Missing(segment) => {
                Err(Restorable::No(format!("WAL segment {segment} is missing")))
            }
            Needed::Unknown => {
                Err(Restorable::Unknown("the order of its timelines is not known".to_owned()))
            }
        }
    }
}

impl Survey {
    /// What is missing of the WAL of one system in all repositories together, and what of that retention has left.
    pub fn holes(&self, system: &SystemWal, wal_window: Duration, now: Timestamp) -> Holes {
        let same_size = |it: &&Backup| it.facts.segment_size == system.segment_size;
        let here = self.catalogue.backups.iter().filter(|it| it.system == system.system);
        let backups: Vec<&Backup> = here.filter(same_size).collect();
        let ends = backups.iter().map(|it| it.facts.stop.time);
        let begins = window_begins(ends, ago(now, wal_window));
        Holes::of(&system.timelines, system.segment_size, &backups, begins)
    }
}

impl SystemWal {
    /// What the WAL of one repository alone leads to; `None` where it could not be listed.
    pub fn alone(&self, repository: usize) -> Option<&Timelines> {
        self.alone.get(repository)?.as_ref()
    }

    /// Who dropped any of these segments, as somebody says.
    pub fn dropped_of(&self, first: WalSegment, last: WalSegment) -> Option<&DroppedWal> {
        self.dropped.iter().find(|dropped| dropped.overlaps(first, last))
    }

    /// Who dropped what comes next for a recovery to this timeline that got up to here, as somebody says.
    pub fn dropped_at(&self, timeline: TimelineId, reach: Lsn) -> Option<&DroppedWal> {
        let history = self.histories.get(&timeline);
        let is_followed = |of: TimelineId| {
            let left = history.and_then(|history| history.left(of));
            of == timeline || left.is_some_and(|left| left > reach)
        };
        self.dropped.iter().find(|dropped| {
            let timeline = dropped.first.timeline;
            let next = WalSegment::at(reach, timeline, self.segment_size);
            is_followed(timeline) && next.is_some_and(|next| dropped.holds(next))
        })
    }

    /// The objects with second contents of segments of a timeline, by name: what another server had of them.
    pub fn beyond(&self, timeline: TimelineId) -> BTreeSet<&str> {
        let all = self.inventories.iter().flatten().flat_map(|inventory| &inventory.beyond);
        let of_timeline = all.filter(|(segment, _)| segment.timeline == timeline);
        of_timeline.map(|(_, name)| name.as_str()).collect()
    }

    /// How many of them there are, of all timelines: as far as they were counted in each repository.
    pub fn second_contents(&self) -> u64 {
        let all = self.inventories.iter().flatten().flat_map(|inventory| &inventory.beyond);
        all.map(|(_, name)| name).collect::<BTreeSet<_>>().len() as u64
    }

    /// When the last WAL before this place was stored, where it was first.
    pub fn stored(&self, end: Lsn) -> Option<Timestamp> {
        let all = self.inventories.iter().flatten();
        all.filter_map(|inventory| inventory.stored(end, self.segment_size)).min()
    }

    /// Whether one repository alone has the WAL that a backup needs; `None` where that is not known.
    pub fn needed_in(&self, repository: usize, backup: &Backup) -> Option<Needed> {
        let timelines = self.alone.get(repository)?.as_ref()?;
        (backup.facts.segment_size == self.segment_size).then(|| timelines.needed(&backup.span()))
    }
}

/// What each repository has, and what the onlooker saw there; `None` where it could not be listed.
fn list<O: ListingVisitor>(
    catalogue: &mut Catalogue,
    folder: &WalFolder,
    size: WalSegmentSize,
    repositories: &[Repository],
    onlooker: &(dyn Fn(WalSegmentSize) -> O + Sync),
) -> (Vec<Option<Inventory>>, Vec<Option<O>>) {
    let failed = |number| catalogue.failures.iter().any(|failure| failure.repository == number);
    let numbered = repositories.iter().enumerate().map(|(number, it)| (it, failed(number)));
    let numbered: Vec<_> = numbered.collect();
    let listed = in_parallel(&numbered, |(repository, failed)| {
        let mut onlooker = onlooker(size);
        let read = (!failed).then(|| repository.inventory(folder, size, &mut onlooker))?;
        Some(read.map(|inventory| (inventory, onlooker)))
    });
    let listed = listed.into_iter().enumerate().map(|(repository, listed)| {
        let fails = |error| catalogue.failures.push(Failure { repository, error });
        listed.and_then(|listed| listed.map_err(fails).ok()).unzip()
    });
    listed.unzip()
}

fn system_wal(
    catalogue: &Catalogue,
    (system, segment_size, inventories): (SystemIdentifier, WalSegmentSize, Vec<Option<Inventory>>),
    folder: &WalFolder,
    repositories: &[Repository],
    config: &Config,
) -> SystemWal {
    let merged = Inventory::merged(inventories.iter().flatten());
    let (histories, unread) = read_histories(&merged, &inventories, folder, repositories, config);
    let backups = catalogue.backups.iter().filter(|backup| backup.system == system);
    let spans: Vec<Span> = backups.map(Backup::span).collect();
    let timelines = |inventory: &Inventory| {
        let (ranges, histories) = (inventory.ranges.clone(), histories.clone());
        Timelines::new(&Wal { segment_size, ranges, histories }, &spans)
    };
    let alone = inventories.iter().map(|one| one.as_ref().map(timelines)).collect();
    let timelines = timelines(&merged);
    let dropped = BTreeSet::new();
    SystemWal { system, segment_size, inventories, histories, unread, timelines, dropped, alone }
}

/// What a human dropped, as far as a repository that could be listed lacks any of it.
fn dropped(
    folder: &WalFolder,
    repositories: &[Repository],
    inventories: &[Option<Inventory>],
) -> BTreeSet<DroppedWal> {
    let listed = repositories.iter().zip(inventories);
    let listed: Vec<_> = listed.filter_map(|(it, listed)| Some((it, listed.as_ref()?))).collect();
    let found = in_parallel(&listed, |(repository, inventory)| {
        repository.dropped(folder, &|first, last| !inventory.has_all(first, last))
    });
    let found = found.into_iter().filter_map(|found| {
        found.inspect_err(|error| tracing::warn!("who dropped WAL is not known: {error}")).ok()
    });
    found.flatten().collect()
}
