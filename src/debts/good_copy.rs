//! One debt is paid from a good copy, wherever there is one: first where its note lies, then any other repository, at last
//! PostgreSQL's own file. A copy is good if it is what the note says by length and digest.

use std::path::Path;

use super::note::{Debt, DebtNote};
use crate::codec::{Digest, Encoding};
use crate::error::{Class, Error, Result};
use crate::postgres::{WalFileName, WalSegmentSize};
use crate::repository::{Carried, Carrying, Repository, RepositoryMemory, Source};

/// Where PostgreSQL keeps its own files, found only where no repository has a good copy.
pub type OwnFiles<'a> = dyn Fn() -> Result<std::path::PathBuf> + 'a;

/// Between whom one file goes.
pub(super) struct GoodCopy<'a> {
    pub name: WalFileName,
    pub holders: &'a [&'a Repository],
    pub creditor: &'a Repository,
    pub source: &'a Source<'a>,
    pub memory: Option<&'a RepositoryMemory>,
    /// Whether what comes before it is compared first.
    pub is_first: bool,
}

/// A debt as its notes say it, by the places of those that hold them.
pub(super) struct NotedDebt {
    pub places: Vec<usize>,
    pub size: u64,
    pub digest: Digest,
}

impl NotedDebt {
    /// `None` where no note is left: somebody else paid it meanwhile.
    pub(super) fn read(
        name: WalFileName,
        notes: &[(usize, Debt)],
        holders: &[&Repository],
    ) -> Result<Option<Self>> {
        let (mut noted, mut failed): (Option<Self>, Option<Error>) = (None, None);
        for (place, debt) in notes {
            let read = debt.read(holders[*place]).and_then(|note| {
                note.map(|note: DebtNote| Ok((note.size, note.digest()?))).transpose()
            });
            match (read, &mut noted) {
                (Ok(None), _) => {}
                (Ok(Some((size, digest))), None) => {
                    noted = Some(Self { places: vec![*place], size, digest });
                }
                (Ok(Some(said)), Some(noted)) if said == (noted.size, noted.digest) => {
                    noted.places.push(*place);
                }
                (Ok(Some(_)), Some(noted)) => {
                    let [one, other] = [noted.places[0], *place].map(|it| holders[it].name());
                    let message = format!(
                        "repositories {one} and {other} note other contents of {name} as owed: two servers archived on one timeline"
                    );
                    return Err(Error::new(Class::Conflict, message).hint(
                        "Find out which server is the right one; see docs/exit-statuses.md, status 7.",
                    ));
                }
                // Who does not answer may have the good copy; a damaged note may have a whole one beside it.
                (Err(error), _) => failed = failed.or(Some(error)),
            }
        }
        match (noted, failed) {
            (None, Some(error)) => Err(error),
            (noted, _) => Ok(noted),
        }
    }
}

/// What came of the copies that were tried.
#[derive(Default)]
struct Tried {
    /// Those that are damaged or gone, by their places.
    bad: Vec<(usize, Error)>,
    /// Why others could not be asked.
    away: Option<Error>,
}

/// A debt that was paid, and the copies that were found bad on the way.
pub(super) struct Brought {
    /// Length of the stored object in bytes; `None` where it was there already.
    pub bytes: Option<u64>,
    pub bad: Vec<Error>,
}

impl GoodCopy<'_> {
    /// Brings the file. Errors that are final: [`Class::Conflict`] of the creditor, [`Class::Damaged`] or [`Class::Gap`]
    /// where there is no good copy anywhere.
    pub(super) fn bring(
        &self,
        noted: &NotedDebt,
        own: &OwnFiles<'_>,
        encoding: Encoding,
    ) -> Result<Brought> {
        let mut tried = Tried::default();
        for place in self.sources(noted) {
            match self.from(place, noted) {
                Ok(Carried::Absent) if noted.places.contains(&place) => {
                    tried.bad.push((place, self.absent(place)));
                }
                Ok(Carried::Absent) => {}
                Ok(carried) => {
                    return Ok(self.brought(&carried, &tried, self.holders[place].name()));
                }
                Err(error) if error.class() == Class::Damaged => tried.bad.push((place, error)),
                Err(error) if error.class() == Class::Conflict => return Err(error),
                Err(error) => {
                    // Was it the creditor, nobody else need be asked.
                    self.carrying(place).check_target(self.name)?;
                    tried.away = tried.away.or(Some(error));
                }
            }
        }
        let pg_wal = own();
        if let Ok(pg_wal) = &pg_wal {
            let carried = self.carrying(noted.places[0]).carry_own(
                self.name,
                &pg_wal.join(self.name.to_string()),
                encoding,
                (noted.size, &noted.digest),
            )?;
            if carried != Carried::Absent {
                return Ok(self.brought(&carried, &tried, "pg_wal"));
            }
        }
        Err(self.nowhere(tried, pg_wal.as_deref()))
    }

    /// Those that note it have it.
    fn sources(&self, noted: &NotedDebt) -> Vec<usize> {
        let is_creditor =
            |place: &usize| self.holders[*place].identity() == self.creditor.identity();
        let others = (0..self.holders.len()).filter(|place| !noted.places.contains(place));
        noted.places.iter().copied().chain(others).filter(|place| !is_creditor(place)).collect()
    }

    fn carrying(&self, place: usize) -> Carrying<'_> {
        Carrying {
            from: self.holders[place],
            to: self.creditor,
            source: self.source,
            memory: self.memory,
            anew: false,
        }
    }

    fn from(&self, place: usize, noted: &NotedDebt) -> Result<Carried> {
        let carrying = self.carrying(place);
        if self.is_first {
            self.goes_on(&carrying, noted.size)?;
        }
        carrying.carry(self.name, Some((noted.size, &noted.digest)))
    }

    /// Whether what the creditor has before the first file of a timeline is of the same line.
    fn goes_on(&self, carrying: &Carrying<'_>, size: u64) -> Result<()> {
        let WalFileName::Segment(segment) = self.name else { return Ok(()) };
        let size = u32::try_from(size).ok().and_then(|size| WalSegmentSize::from_bytes(size).ok());
        let before = size.and_then(|size| segment.previous(size));
        before.map_or(Ok(()), |before| carrying.check_same(WalFileName::Segment(before)))
    }

    fn brought(&self, carried: &Carried, tried: &Tried, from: &str) -> Brought {
        let bytes = match carried {
            Carried::New { bytes } => Some(*bytes),
            Carried::Already | Carried::Absent => None,
        };
        let (name, creditor) = (self.name, self.creditor.name());
        let said = |(place, error): &(usize, Error)| {
            let (holder, reason) = (self.holders[*place].name(), error.message());
            let message = format!(
                "the copy of {name} in repository {holder} is bad: {reason}; repository {creditor} has it from {from}"
            );
            Error::new(Class::Damaged, message).hint(format!(
                "Move the object aside if there is one, after looking at it; then run \
                 seawall copy --from {creditor} --to {holder} --only wal."
            ))
        };
        Brought { bytes, bad: tried.bad.iter().map(said).collect() }
    }

    fn absent(&self, place: usize) -> Error {
        let (name, holder) = (self.name, self.holders[place].name());
        let message = format!(
            "repository {holder} notes that {name} is owed to another repository, and does not have it itself"
        );
        Error::new(Class::Gap, message)
    }

    /// One that does not answer may have a good copy. Else nobody has one.
    fn nowhere(&self, tried: Tried, pg_wal: Result<&Path, &Error>) -> Error {
        let Tried { bad, away } = tried;
        if let Some(away) = away {
            return away;
        }
        let (name, creditor) = (self.name, self.creditor.name());
        let reason = bad.into_iter().next().map(|(_, error)| error);
        let reason = reason.unwrap_or_else(|| {
            Error::new(Class::Gap, format!("no repository that notes {name} as owed has it"))
        });
        let looked = match pg_wal {
            Ok(_) => "; no other repository has a good copy, and pg_wal has none".to_owned(),
            Err(error) => format!(
                "; no other repository has a good copy, and pg_wal was not looked at: {}",
                error.message()
            ),
        };
        Error::new(reason.class(), format!("{}{looked}", reason.message())).hint(format!(
            "Put a good copy into pg_wal or into one of the repositories. If there is none: take a base backup, and give the file up \
             with seawall drop-wal --repository {creditor} --until {name}."
        ))
    }
}
