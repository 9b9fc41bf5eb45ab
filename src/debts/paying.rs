//! Brings the WAL that a repository is owed, oldest first and in strict order on each timeline: of two servers that archived
//! other content under the same names only one can go on, and the other one is told at its first file.

use std::collections::{BTreeMap, BTreeSet};

use super::good_copy::{Brought, GoodCopy, NotedDebt, OwnFiles};
use super::note::{Debt, announce, announced, owed_wal, settled};
use crate::codec::Encoding;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::{TimelineId, WalFileName};
use crate::repository::{Repository, RepositoryMemory, Source};

/// What is needed to pay one repository.
pub struct Paying<'a> {
    /// Those that may note what it is owed, and have the good copies. What it notes itself does not count.
    pub holders: &'a [&'a Repository],
    pub creditor: &'a Repository,
    /// What it is called by in the keys of the notes.
    pub id: &'a str,
    pub source: &'a Source<'a>,
    pub memory: Option<&'a RepositoryMemory>,
    /// Where PostgreSQL's own files are, asked for only where no repository has a good copy, and how one is compressed.
    pub own: &'a OwnFiles<'a>,
    pub encoding: Encoding,
}

/// A WAL file that a repository is owed.
pub struct OwedFile {
    pub name: WalFileName,
    /// The notes, by the places of those that hold them.
    notes: Vec<(usize, Debt)>,
}

/// A debt that was paid.
pub struct Paid {
    pub name: WalFileName,
    /// Length of the stored object in bytes; `None` where it was there already.
    pub bytes: Option<u64>,
    /// Copies that are damaged or gone where they should be; it was paid from another one.
    pub bad: Vec<Error>,
}

/// A file that can't be paid, and why. Nothing later of its timeline is.
pub struct RefusedPayment {
    pub name: WalFileName,
    pub error: Error,
}

/// What was left, and why.
#[derive(Default)]
pub struct PaymentStop {
    pub paid: usize,
    pub left: usize,
    /// Why timelines stopped: other content is there, or no good copy.
    pub refused: Vec<RefusedPayment>,
    /// Why nothing more could be paid: a repository does not answer.
    pub away: Option<Error>,
}

impl Paying<'_> {
    /// What it is owed: histories first, then segments as they follow one another.
    pub fn owed(&self) -> Result<Vec<OwedFile>> {
        let mut owed: BTreeMap<(bool, String), OwedFile> = BTreeMap::new();
        for (place, holder) in self.holders.iter().enumerate() {
            if holder.identity() == self.creditor.identity() {
                continue;
            }
            for (name, debt) in owed_wal(holder, self.id, self.source.folder)? {
                let is_history = matches!(name, WalFileName::History(_));
                let file = owed.entry((!is_history, name.to_string()));
                file.or_insert(OwedFile { name, notes: Vec::new() }).notes.push((place, debt));
            }
        }
        Ok(owed.into_values().collect())
    }

    /// Pays these debts as long as `go_on` says so of the number that were paid. `told` hears of each.
    pub fn pay(
        &self,
        owed: &[OwedFile],
        go_on: &dyn Fn(usize) -> bool,
        told: &mut dyn FnMut(&Paid),
    ) -> PaymentStop {
        let mut stop = PaymentStop { left: owed.len(), ..PaymentStop::default() };
        let (mut closed, mut begun) = (BTreeSet::new(), BTreeSet::new());
        for file in owed {
            let timeline = file.name.timeline();
            if closed.contains(&timeline) {
                continue;
            }
            if !go_on(stop.paid) {
                break;
            }
            failpoint::reach("settle.before-file");
            match self.pay_one(file, begun.insert(timeline)) {
                Ok(paid) => {
                    stop.paid += 1;
                    stop.left -= 1;
                    told(&paid);
                }
                Err(error) if is_final(&error) => {
                    closed.insert(timeline);
                    let error = of_timeline(error, timeline, self.creditor);
                    stop.refused.push(RefusedPayment { name: file.name, error });
                }
                Err(error) => {
                    stop.away = Some(error);
                    break;
                }
            }
        }
        stop
    }

    /// Writes into the creditor itself up to where it is owed WAL, or that it is owed none any more: who has nothing but this
    /// repository later reads there what it lacks.
    pub fn announce(&self, owed: &[OwedFile]) -> Result<()> {
        let newest = owed.iter().rev().find(|file| file.name.segment().is_some());
        let known = announced(self.creditor, self.source.folder)?;
        if let Some(file) = newest
            && let Some((place, debt)) = file.notes.first()
            && !known.contains(debt)
            && let Some(note) = debt.read(self.holders[*place])?
        {
            announce(self.creditor, debt, &note)?;
        }
        let newest = newest.and_then(|file| file.notes.first()).map(|(_, debt)| debt);
        known
            .iter()
            .filter(|debt| Some(*debt) != newest)
            .for_each(|debt| settled(self.creditor, debt));
        Ok(())
    }

    fn pay_one(&self, file: &OwedFile, is_first: bool) -> Result<Paid> {
        let name = file.name;
        let Some(noted) = NotedDebt::read(name, &file.notes, self.holders)? else {
            return Ok(Paid { name, bytes: None, bad: Vec::new() });
        };
        let (holders, creditor) = (self.holders, self.creditor);
        let (source, memory) = (self.source, self.memory);
        let copy = GoodCopy { name, holders, creditor, source, memory, is_first };
        let Brought { bytes, bad } = copy.bring(&noted, self.own, self.encoding)?;
        failpoint::reach("settle.carried");
        for (place, debt) in &file.notes {
            settled(self.holders[*place], debt);
        }
        Ok(Paid { name, bytes, bad })
    }
}

/// Whether another try in a minute would end alike.
fn is_final(error: &Error) -> bool {
    matches!(error.class(), Class::Conflict | Class::Damaged | Class::Gap)
}

fn of_timeline(error: Error, timeline: TimelineId, creditor: &Repository) -> Error {
    let (number, name) = (timeline.number(), creditor.name());
    error.adding(format_args!("; nothing later of timeline {number} goes into repository {name}"))
}
