//! Once a day, and after each outage, what the repositories hold is compared: what one lacks and nobody noted is noted, and paid
//! as any debt.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::retained::LazyRetained;
use crate::cli::text::count;
use crate::codec::{Identities, Label};
use crate::config::Config;
use crate::debts::{LackedWal, Ledger, WalListings, creditor_of, owe};
use crate::durable::Notes;
use crate::error::{Class, Error, Result};
use crate::postgres::{SystemIdentifier, TimelineId, WalFileName, WalSegment};
use crate::repository::{Carrying, Repository, Source, WalFolder};
use crate::threads::in_parallel;

const FOLDER: &str = "compared";
const EACH: SignedDuration = SignedDuration::from_hours(24);
const NOTE_BYTES_MAX: u64 = 64 << 10;

/// So many files are noted at the same time.
const AT_ONCE: usize = 8;

/// What is needed to compare.
pub(super) struct Comparison<'a> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub identities: &'a Identities,
    pub only_look: bool,
    pub retained: &'a LazyRetained<'a>,
}

/// What one repository lacks of one system.
#[derive(Serialize)]
pub(super) struct ComparedRow {
    repository: String,
    system: String,
    /// WAL files that it lacks and nobody noted. They are noted now, unless nothing is changed.
    lacked: usize,
    /// Whether it has nothing of this system: then nothing is noted.
    new: bool,
    #[serde(skip)]
    fill_from: Option<String>,
}

/// When these repositories were compared last.
#[derive(Serialize, Deserialize)]
struct ComparedNote {
    seawall: u32,
    when: Timestamp,
    repositories: Vec<String>,
}

impl ComparedRow {
    pub(super) fn is_noted(&self) -> bool {
        self.lacked > 0
    }

    pub(super) fn words(&self, only_look: bool) -> String {
        let Self { repository, system, .. } = self;
        if let Some(from) = &self.fill_from {
            return format!(
                "Repository {repository} has nothing of system {system} yet. To fill it: seawall copy --from {from} --to {repository}\n"
            );
        }
        let files = count(self.lacked as u64, "WAL file");
        let done = if only_look { "they would be noted" } else { "noted now" };
        format!(
            "Repository {repository} lacks {files} of system {system} that nobody noted: {done}.\n"
        )
    }
}

impl<'a> Comparison<'a> {
    pub(super) fn new(
        config: &'a Config,
        repositories: &'a [Repository],
        identities: &'a Identities,
        retained: &'a LazyRetained<'a>,
        only_look: bool,
    ) -> Self {
        Self { config, repositories, identities, only_look, retained }
    }

    /// Whether a day has passed. Never where this host remembers nothing.
    pub(super) fn is_due(&self) -> bool {
        let state = self.config.state_directory.as_deref().filter(|state| state.is_dir());
        let Some(state) = state.filter(|_| self.repositories.len() > 1) else { return false };
        let read = || -> Result<Option<Vec<u8>>> {
            let notes = Notes::open(state, FOLDER)?;
            notes.map_or(Ok(None), |notes| notes.read(&self.note(), NOTE_BYTES_MAX))
        };
        let note = read().ok().flatten();
        let note = note.and_then(|bytes| serde_json::from_slice::<ComparedNote>(&bytes).ok());
        let is_fresh = |note: ComparedNote| {
            let age = Timestamp::now().duration_since(note.when);
            note.seawall == 1 && age.abs() < EACH && note.repositories == self.all()
        };
        !note.is_some_and(is_fresh)
    }

    fn remember(&self) {
        let state = self.config.state_directory.as_deref().filter(|state| state.is_dir());
        let Some(state) = state.filter(|_| !self.only_look) else { return };
        let note = ComparedNote { seawall: 1, when: Timestamp::now(), repositories: self.all() };
        let Ok(json) = serde_json::to_vec(&note) else { return };
        let written = Notes::make(state, FOLDER).and_then(|notes| notes.write(&self.note(), &json));
        if let Err(error) = written {
            tracing::warn!("the next call compares the repositories again: {error}");
        }
    }

    fn note(&self) -> String {
        format!("{}.json", self.config.cluster)
    }

    fn all(&self) -> Vec<String> {
        self.repositories.iter().map(creditor_of).collect()
    }

    /// Compares all of them, and notes what is lacked. Nothing is remembered where something could not be seen.
    pub(super) fn run(&self, ledger: &Ledger, errors: &mut Vec<Error>) -> Vec<ComparedRow> {
        let (mut rows, before) = (Vec::new(), errors.len());
        let systems = match self.systems() {
            Ok(systems) => systems,
            Err(error) => {
                errors.push(error);
                return rows;
            }
        };
        let newest = systems.last().copied();
        for system in systems {
            let one = SystemComparison {
                all: self,
                ledger,
                folder: WalFolder::new(&self.config.cluster, system),
                is_newest: newest == Some(system),
            };
            if let Err(error) = one.run(&mut rows, errors) {
                errors.push(error);
            }
        }
        if errors.len() == before {
            self.remember();
        }
        rows
    }

    fn systems(&self) -> Result<BTreeSet<SystemIdentifier>> {
        let mut systems = BTreeSet::new();
        for found in in_parallel(self.repositories, |it| it.systems(&self.config.cluster)) {
            systems.extend(found?);
        }
        Ok(systems)
    }
}

/// Of one system.
struct SystemComparison<'a, 'b> {
    all: &'a Comparison<'b>,
    ledger: &'a Ledger,
    folder: WalFolder,
    is_newest: bool,
}

impl SystemComparison<'_, '_> {
    fn run(&self, rows: &mut Vec<ComparedRow>, errors: &mut Vec<Error>) -> Result<()> {
        let repositories = self.all.repositories;
        let listings = WalListings::read(repositories, &self.folder)?;
        let ancestors = listings.ancestors(repositories, &self.source());
        for (place, repository) in repositories.iter().enumerate() {
            let row = |lacked, fill_from: Option<String>| ComparedRow {
                repository: repository.name().to_owned(),
                system: self.folder.system().to_string(),
                lacked,
                new: fill_from.is_some(),
                fill_from,
            };
            if listings.is_new(place) {
                let from = listings.fullest().map(|from| repositories[from].name().to_owned());
                rows.extend(from.filter(|_| self.is_newest).map(|from| row(0, Some(from))));
                continue;
            }
            let mut lacked = listings.lacked(place, &ancestors, Timestamp::now());
            self.leave_out(place, &mut lacked)?;
            self.leave_out_other_lines(place, &listings, &mut lacked, errors);
            let noted = match self.all.only_look {
                true => lacked.len(),
                false => self.note(place, &lacked, errors),
            };
            if noted > 0 {
                rows.push(row(noted, None));
            }
        }
        Ok(())
    }

    fn source(&self) -> Source<'_> {
        let (identities, limits) = (self.all.identities, self.all.config.limits);
        Source { folder: &self.folder, identities, limits }
    }

    /// What is owed already, what a human dropped, what no rule of retention keeps, and what has come meanwhile.
    fn leave_out(&self, place: usize, lacked: &mut LackedWal) -> Result<()> {
        let (system, repository) = (self.folder.system(), &self.all.repositories[place]);
        lacked.retain(|name, _| !self.ledger.owes(place, system, *name));
        if lacked.is_empty() {
            return Ok(());
        }
        let dropped = repository.dropped(&self.folder, &|_, _| true)?;
        let is_dropped = |segment| dropped.iter().any(|it| it.holds(segment));
        lacked.retain(|name, _| !name.segment().is_some_and(is_dropped));
        let segments: BTreeSet<WalSegment> = lacked.keys().filter_map(|it| it.segment()).collect();
        let unneeded = self.all.retained.unneeded(system, place, &segments);
        lacked.retain(|name, _| name.segment().is_none_or(|it| !unneeded.contains(&it)));
        let mut there = BTreeSet::new();
        for name in lacked.keys() {
            if repository.holds(&self.folder, *name)? {
                there.insert(*name);
            }
        }
        lacked.retain(|name, _| !there.contains(name));
        Ok(())
    }

    /// What is next to a hole has to be the same in both: of two servers that archived into one repository each, neither is
    /// noted to the other.
    fn leave_out_other_lines(
        &self,
        place: usize,
        listings: &WalListings,
        lacked: &mut LackedWal,
        errors: &mut Vec<Error>,
    ) {
        let source = self.source();
        let mut around: BTreeMap<(usize, WalSegment), TimelineId> = BTreeMap::new();
        for (name, holders) in &*lacked {
            let beside = name.segment().map_or_else(Vec::new, |it| listings.around(place, it));
            for (holder, segment) in holders.iter().zip(std::iter::repeat(beside)) {
                around.extend(segment.into_iter().map(|it| ((*holder, it), name.timeline())));
            }
        }
        let mut other_lines = BTreeSet::new();
        for ((holder, segment), timeline) in around {
            let carrying = Carrying {
                from: &self.all.repositories[holder],
                to: &self.all.repositories[place],
                source: &source,
                memory: None,
                anew: false,
            };
            if !other_lines.contains(&timeline)
                && let Err(error) = carrying.check_same(WalFileName::Segment(segment))
            {
                other_lines.insert(timeline);
                let number = timeline.number();
                errors.push(error.adding(format_args!("; nothing of timeline {number} is noted")));
            }
        }
        lacked.retain(|name, _| !other_lines.contains(&name.timeline()));
    }

    /// How many files were noted.
    fn note(&self, place: usize, lacked: &LackedWal, errors: &mut Vec<Error>) -> usize {
        let all: Vec<(&WalFileName, &Vec<usize>)> = lacked.iter().collect();
        let (repositories, folder) = (self.all.repositories, &self.folder);
        let mut noted = 0;
        for some in all.chunks(AT_ONCE) {
            let outcomes = in_parallel(some, |(name, holders)| {
                note_one(repositories, folder, (place, **name), holders)
            });
            for outcome in outcomes {
                match outcome {
                    Ok(()) => noted += 1,
                    Err(error) => errors.push(error),
                }
            }
        }
        noted
    }
}

/// Writes a note beside each copy.
fn note_one(
    repositories: &[Repository],
    folder: &WalFolder,
    (place, name): (usize, WalFileName),
    holders: &[usize],
) -> Result<()> {
    let (mut labels, mut failed): (Vec<(usize, Label)>, Option<Error>) = (Vec::new(), None);
    for holder in holders {
        match repositories[*holder].wal_label(folder, name) {
            Ok(label) => labels.extend(label.map(|label| (*holder, label))),
            Err(error) => failed = Some(error),
        }
    }
    let Some((_, first)) = labels.first() else {
        return Err(failed
            .unwrap_or_else(|| Error::new(Class::Gap, format!("{name} was listed and is gone"))));
    };
    if labels.iter().any(|(_, label)| (label.size, label.digest) != (first.size, first.digest)) {
        let message =
            format!("repositories have other contents under {name}: it is not noted as owed");
        return Err(Error::new(Class::Conflict, message).hint(
            "Two servers archived under one cluster name; see docs/exit-statuses.md, status 7.",
        ));
    }
    for (holder, label) in &labels {
        owe(&repositories[*holder], &repositories[place], folder, name, label)?;
    }
    Ok(())
}
