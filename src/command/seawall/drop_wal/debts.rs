//! `seawall drop-wal --repository NAME`: a human gives up WAL that one repository is owed and can't get any more. The gap is
//! written down in it first, then the notes of the debts go. What others have stays, and nothing on the server changes.

use std::collections::{BTreeMap, BTreeSet};

use clap::ArgMatches;
use jiff::Timestamp;

use super::{host_name, now};
use crate::cli::text::{at_seconds, count, plain, table};
use crate::cli::{asked, guard, verbs};
use crate::config::Config;
use crate::debts::{Ledger, OwedTo, announced, give_up, note_of, settled};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::{SystemIdentifier, WalFileName, WalSegment, WalSegmentSize};
use crate::repository::{self, DroppedWal, Repository, WalFolder, WalRange};

/// What one repository is owed of one timeline, up to a segment.
struct DroppedDebts<'a> {
    repositories: &'a [Repository],
    /// The place of the one that is owed it, and what notes call it.
    creditor: usize,
    account: &'a OwedTo,
    folder: WalFolder,
    until: WalSegment,
    /// By the places of those that note them, and since when.
    files: BTreeMap<WalFileName, (BTreeSet<usize>, Option<Timestamp>)>,
    /// What it does not have, as it says.
    ranges: Vec<(WalSegment, WalSegment)>,
}

pub(super) fn run(
    matches: &ArgMatches,
    config: &Config,
    creditor: usize,
    until: WalSegment,
    reason: Option<String>,
) -> Result<()> {
    let repositories = repository::open_all(config, None)?;
    let ledger = Ledger::read(&repositories, &config.cluster);
    for (holder, error) in &ledger.failures {
        let name = repositories[*holder].name();
        tracing::warn!("what repository {name} notes is not known, and stays: {error}");
    }
    let account =
        ledger.accounts.iter().find(|account| account.payee(&repositories) == Some(creditor));
    let name = repositories[creditor].name();
    let nothing = || {
        guard::print(&format!(
            "Repository {name} is owed no WAL of timeline {} up to {until}: there is nothing to drop.\n",
            until.timeline.number()
        ));
        Ok(())
    };
    let Some(account) = account else { return nothing() };
    let Some(system) = system(account, until)? else { return nothing() };
    let folder = WalFolder::new(&config.cluster, system);
    let mut drop = DroppedDebts {
        repositories: &repositories,
        creditor,
        account,
        folder,
        until,
        files: files(account, system, until),
        ranges: Vec::new(),
    };
    drop.look()?;
    if !asked::agreed(matches, &drop.plan())? {
        return Ok(());
    }
    guard::print(&verbs::for_people(&drop.carry_out(reason)?));
    Ok(())
}

/// A backup history and a `.partial` go with their segment, and the history of the timeline comes with the next push of it.
fn is_dropped(name: WalFileName, until: WalSegment) -> bool {
    name.timeline() == until.timeline && name.segment().is_none_or(|segment| segment <= until)
}

fn files(
    account: &OwedTo,
    system: SystemIdentifier,
    until: WalSegment,
) -> BTreeMap<WalFileName, (BTreeSet<usize>, Option<Timestamp>)> {
    let owed =
        account.wal.iter().filter(|((of, name), _)| *of == system && is_dropped(*name, until));
    owed.map(|((_, name), noted)| (*name, (noted.holders.clone(), noted.since))).collect()
}

/// The one whose WAL is owed.
fn system(account: &OwedTo, until: WalSegment) -> Result<Option<SystemIdentifier>> {
    let owed = account.wal.keys().filter(|(_, name)| is_dropped(*name, until));
    let systems: BTreeSet<SystemIdentifier> = owed.map(|(system, _)| *system).collect();
    let mut all = systems.iter().copied();
    match (all.next(), all.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => {
            let names: Vec<String> = systems.iter().map(ToString::to_string).collect();
            let (name, names) = (plain(&account.name), names.join(", "));
            let message =
                format!("repository {name} is owed WAL of several systems up to {until}: {names}");
            Err(Error::new(Class::Usage, message).hint(
                "Delete the notes below owed/ of the system that is meant by hand, oldest first.",
            ))
        }
    }
}

impl DroppedDebts<'_> {
    fn creditor(&self) -> &Repository {
        &self.repositories[self.creditor]
    }

    fn segments(&self) -> impl Iterator<Item = WalSegment> {
        self.files.keys().filter_map(|name| match name {
            WalFileName::Segment(segment) => Some(*segment),
            _ => None,
        })
    }

    /// What it has of them is no gap.
    fn look(&mut self) -> Result<()> {
        let Some((first, last)) = self.segments().min().zip(self.segments().max()) else {
            return Ok(());
        };
        let has = self.creditor().files_between(&self.folder, first, last)?;
        let lacked = |it: &WalSegment| !has.contains(&WalFileName::Segment(*it));
        let mut segments: Vec<WalSegment> = self.segments().filter(lacked).collect();
        segments.sort_unstable();
        let size = segments.first().and_then(|first| self.segment_size(*first));
        self.ranges = match size {
            Some(size) => {
                let ranges = WalRange::all_of(segments, size).into_iter();
                ranges.map(|range| (range.first, range.last)).collect()
            }
            None => segments.into_iter().map(|segment| (segment, segment)).collect(),
        };
        Ok(())
    }

    /// As a note says it. Without it the gap is told segment by segment.
    fn segment_size(&self, segment: WalSegment) -> Option<WalSegmentSize> {
        let name = WalFileName::Segment(segment);
        let holder = &self.repositories[*self.files.get(&name)?.0.first()?];
        let note = note_of(holder, &self.account.id, &self.folder, name).ok().flatten()?;
        WalSegmentSize::from_bytes(u32::try_from(note.size).ok()?).ok()
    }

    fn plan(&self) -> String {
        let mut rows = vec![["FIRST", "LAST", "OWED SINCE"].map(str::to_owned).to_vec()];
        for (first, last) in &self.ranges {
            let within = |(name, (_, since)): (&WalFileName, &(_, Option<Timestamp>))| {
                let segment = name.segment()?;
                (*first <= segment && segment <= *last).then_some(*since).flatten()
            };
            let since = self.files.iter().filter_map(within).min();
            let since = since.map_or_else(|| "-".to_owned(), at_seconds);
            rows.push(vec![first.to_string(), last.to_string(), since]);
        }
        let (name, owed) = (self.creditor().name(), count(self.files.len() as u64, "WAL file"));
        let mut text = format!(
            "System {}. Repository {name} is owed {owed} up to {}. The notes of these debts would be deleted.\n",
            self.folder.system(),
            self.until
        );
        if !self.ranges.is_empty() {
            text += &format!("Repository {name} would never get:\n\n{}\n", table(&rows, &[]));
        }
        text + &format!(
            "What other repositories have stays there. No recovery from {name} alone can pass this gap. Later files are copied \
             into {name} as before. Repository {name} gets a note on the gap. Take a base backup at once (`basebackup create`).\n"
        )
    }

    fn carry_out(&self, why: Option<String>) -> Result<String> {
        let (creditor, name) = (self.creditor(), self.creditor().name());
        for (first, last) in &self.ranges {
            let dropped = DroppedWal {
                first: *first,
                last: *last,
                when: now(),
                host: host_name(),
                why: why.clone(),
                by_retention: false,
            };
            let stored = creditor.store_dropped(&self.folder, &dropped);
            stored.map_err(|error| error.while_doing("nothing was dropped"))?;
            tracing::warn!("in repository {name}: {dropped}");
        }
        let mut left = Vec::new();
        for (file, (holders, _)) in &self.files {
            for holder in holders {
                let holder = &self.repositories[*holder];
                left.extend(give_up(holder, &self.account.id, &self.folder, *file).err());
                failpoint::reach("drop.gave-up");
            }
        }
        // What it was told of itself.
        let told = announced(creditor, &self.folder)?;
        let is_given_up = |name| self.files.contains_key(&name);
        let told = told.iter().filter(|debt| {
            let name = debt.what.strip_prefix(self.folder.prefix());
            name.and_then(|name| name.parse().ok()).is_some_and(is_given_up)
        });
        told.for_each(|debt| settled(creditor, debt));
        if let Some(error) = left.into_iter().next() {
            let error = error.while_doing("the gap is written down, and a note of a debt stays");
            return Err(error.or_hint(
                "Run the same command again as a user who may delete there, or delete the notes below owed/ by hand.",
            ));
        }
        let dropped = count(self.files.len() as u64, "WAL file");
        let gap = if self.ranges.is_empty() { "" } else { " The gap is written down there." };
        Ok(format!(
            "Gave up {dropped} that repository {name} was owed.{gap} Later files are copied by `seawall settle`. Then take a base \
             backup: basebackup create\n"
        ))
    }
}
