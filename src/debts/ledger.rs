//! What is owed to whom, as all repositories note it together.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::note::{Debt, creditor_of, debts_in};
use crate::error::Error;
use crate::postgres::{SystemIdentifier, WalFileName, WalSegment, WalSegmentSize};
use crate::repository::{Repository, WalRange};
use crate::threads::in_parallel;

/// All that is noted, by whom it is owed to.
#[derive(Debug, Default)]
pub struct Ledger {
    pub accounts: Vec<OwedTo>,
    /// Why repositories could not be asked what they note, by their places.
    pub failures: Vec<(usize, Error)>,
}

/// What one repository is owed.
#[derive(Debug)]
pub struct OwedTo {
    /// Its place in the configuration; `None` where it is not configured.
    pub creditor: Option<usize>,
    /// What notes call it, where it is not configured.
    pub name: String,
    /// What it is called by in keys of notes.
    pub id: String,
    pub wal: BTreeMap<(SystemIdentifier, WalFileName), DebtHolders>,
    /// Backups, by the beginning of their keys.
    pub backups: BTreeMap<String, DebtHolders>,
}

/// Who notes a debt.
#[derive(Debug, Clone, Default)]
pub struct DebtHolders {
    /// By their places.
    pub holders: BTreeSet<usize>,
    /// When, by the clock of the first store that says.
    pub since: Option<Timestamp>,
}

impl DebtHolders {
    fn also(&mut self, holder: usize, since: Option<Timestamp>) {
        self.holders.insert(holder);
        self.since = self.since.into_iter().chain(since).min();
    }
}

impl Ledger {
    /// Reads the names of all notes of these repositories: of this cluster, of Redis and of media files. What a repository
    /// notes of itself is what it was told, and counts as said by nobody.
    pub fn read(repositories: &[Repository], cluster: &str) -> Self {
        let ids: Vec<String> = repositories.iter().map(creditor_of).collect();
        let mut accounts: BTreeMap<String, OwedTo> = BTreeMap::new();
        let mut failures = Vec::new();
        let read = in_parallel(repositories, debts_in);
        for ((holder, repository), debts) in repositories.iter().enumerate().zip(read) {
            let debts = match debts {
                Ok(debts) => debts,
                Err(error) => {
                    failures.push((holder, error));
                    continue;
                }
            };
            for (debt, since) in debts {
                let creditor = ids.iter().position(|id| *id == debt.creditor);
                let is_another = debt.what.starts_with("postgres/")
                    && !debt.what.starts_with(&format!("postgres/{cluster}/"));
                if creditor == Some(holder) || is_another {
                    continue;
                }
                let account = accounts.entry(debt.creditor.clone());
                account
                    .or_insert_with(|| OwedTo::of(&debt, creditor, repository, repositories))
                    .add(&debt, cluster, holder, since);
            }
        }
        Self { accounts: accounts.into_values().collect(), failures }
    }
}

impl Ledger {
    /// Whether anybody notes that a repository is owed a WAL file.
    pub fn owes(&self, creditor: usize, system: SystemIdentifier, name: WalFileName) -> bool {
        let mut accounts = self.accounts.iter().filter(|it| it.creditor == Some(creditor));
        accounts.any(|account| account.wal.contains_key(&(system, name)))
    }

    /// The segments of a system that others are owed, by the repositories that note it.
    pub fn held(
        &self,
        system: SystemIdentifier,
        size: WalSegmentSize,
    ) -> BTreeMap<usize, Vec<WalRange>> {
        let mut held: BTreeMap<usize, BTreeSet<WalSegment>> = BTreeMap::new();
        for ((of, name), noted) in self.accounts.iter().flat_map(|account| &account.wal) {
            for holder in noted.holders.iter().filter(|_| *of == system) {
                held.entry(*holder).or_default().extend(name.segment());
            }
        }
        let ranges = |segments: BTreeSet<WalSegment>| WalRange::all_of(segments, size);
        held.into_iter().map(|(holder, segments)| (holder, ranges(segments))).collect()
    }
}

impl OwedTo {
    /// One that is configured elsewhere now is known by its name.
    fn of(
        debt: &Debt,
        creditor: Option<usize>,
        holder: &Repository,
        repositories: &[Repository],
    ) -> Self {
        let note = if creditor.is_none() { debt.read(holder).ok().flatten() } else { None };
        let noted = note.map(|note| format!("{} ({})", note.repository, note.place));
        let name = creditor.map(|place| repositories[place].name().to_owned()).or(noted);
        Self {
            creditor,
            name: name.unwrap_or_else(|| debt.creditor.clone()),
            id: debt.creditor.clone(),
            wal: BTreeMap::new(),
            backups: BTreeMap::new(),
        }
    }

    fn add(&mut self, debt: &Debt, cluster: &str, holder: usize, since: Option<Timestamp>) {
        let noted = match debt.wal(cluster) {
            Some(file) => self.wal.entry(file).or_default(),
            None => self.backups.entry(debt.what.clone()).or_default(),
        };
        noted.also(holder, since);
    }

    /// The place of the repository that is owed it. One that moved to another place keeps its name.
    pub fn payee(&self, repositories: &[Repository]) -> Option<usize> {
        let moved = |it: &Repository| {
            self.name.strip_prefix(it.name()).is_some_and(|rest| rest.starts_with(" ("))
        };
        self.creditor.or_else(|| repositories.iter().position(moved))
    }

    /// When the first thing became owed, by the clocks of the stores.
    pub fn since(&self) -> Option<Timestamp> {
        self.wal.values().chain(self.backups.values()).filter_map(|noted| noted.since).min()
    }

    /// How many segments are owed.
    pub fn segments(&self) -> usize {
        self.wal.keys().filter(|(_, name)| matches!(name, WalFileName::Segment(_))).count()
    }

    /// The systems whose WAL is owed.
    pub fn systems(&self) -> BTreeSet<SystemIdentifier> {
        self.wal.keys().map(|(system, _)| *system).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.wal.is_empty() && self.backups.is_empty()
    }
}
