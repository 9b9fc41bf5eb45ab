//! A debt as it is written down: a small object beside the good copy, in each repository that has that.
//! Its key is `owed/<creditor>/postgres/<cluster>/<system identifier>/wal/<name>.json`.
//! `<creditor>` stands for the repository that lacks it: 16 digits of the BLAKE3 digest of its URL and endpoint.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::ops::ControlFlow;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::codec::{Digest, Label, read_failed};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::{SystemIdentifier, WalFileName, WalSegment};
use crate::repository::{Repository, WalFolder};
use crate::storage::{Created, Metadata};

pub(super) const ROOT: &str = "owed/";

/// No note is longer, in bytes.
const NOTE_BYTES_MAX: u64 = 64 << 10;

/// What a note says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DebtNote {
    seawall: u32,
    /// The name of the repository that lacks it, as the host that wrote this calls it, and its place.
    pub repository: String,
    pub place: String,
    /// Length of the file in bytes, and the digest of its content; of a backup those of its description.
    pub size: u64,
    pub blake3: String,
    /// When it became owed, by the clock of the host.
    pub since: Timestamp,
    pub host: String,
}

impl DebtNote {
    pub(super) fn of(creditor: &Repository, size: u64, blake3: String) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            seawall: 1,
            repository: creditor.name().to_owned(),
            place: creditor.place(),
            size,
            blake3,
            since: Timestamp::now(),
            host: host.trim().to_owned(),
        }
    }

    /// What the file must be.
    pub fn digest(&self) -> Result<Digest> {
        self.blake3.parse().map_err(|_| {
            let found = &self.blake3;
            let message = format!("expected a BLAKE3 digest in a note of a debt, found {found:?}");
            Error::new(Class::Damaged, message)
        })
    }
}

/// Tells a repository from all others in the keys of notes.
pub fn creditor_of(repository: &Repository) -> String {
    blake3::hash(repository.identity().as_bytes()).to_hex()[..16].to_owned()
}

/// Something that is owed, as the key of its note says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Debt {
    pub creditor: String,
    /// What is owed, by the beginning of its keys: `postgres/main/7/wal/000000010000000000000001`.
    pub what: String,
}

impl Debt {
    pub(super) fn of_wal(creditor: &str, folder: &WalFolder, name: WalFileName) -> Self {
        Self { creditor: creditor.to_owned(), what: format!("{}{name}", folder.prefix()) }
    }

    fn of_key(key: &str) -> Option<Self> {
        let (creditor, what) = key.strip_prefix(ROOT)?.strip_suffix(".json")?.split_once('/')?;
        Some(Self { creditor: creditor.to_owned(), what: what.to_owned() })
    }

    /// The WAL file that is owed, and the system that it is of; `None` for a backup.
    pub fn wal(&self, cluster: &str) -> Option<(SystemIdentifier, WalFileName)> {
        let (system, name) =
            self.what.strip_prefix(&format!("postgres/{cluster}/"))?.split_once("/wal/")?;
        let number = system.parse::<u64>().ok().filter(|number| number.to_string() == system)?;
        Some((SystemIdentifier(number), name.parse().ok()?))
    }

    pub(super) fn key(&self) -> String {
        format!("{ROOT}{}/{}.json", self.creditor, self.what)
    }

    /// What the note in a repository says; `None` where it is gone.
    pub fn read(&self, holder: &Repository) -> Result<Option<DebtNote>> {
        let said = |error: Error| {
            error.while_doing(format!(
                "the note of a debt {} in repository {}",
                self.key(),
                holder.name()
            ))
        };
        let opened = holder.storage().open(&self.key(), Some(NOTE_BYTES_MAX)).map_err(said)?;
        let Some(mut reader) = opened else { return Ok(None) };
        let mut json = Vec::new();
        reader.read_to_end(&mut json).map_err(|error| said(read_failed(&error)))?;
        let note: DebtNote = serde_json::from_slice(&json)
            .map_err(|error| said(Error::new(Class::Damaged, error.to_string())))?;
        if note.seawall != 1 {
            let message = format!("expected version 1, found {}", note.seawall);
            return Err(said(Error::new(Class::Damaged, message)));
        }
        Ok(Some(note))
    }
}

/// Writes down, durably and beside the good copy, that a repository lacks a WAL file.
pub fn owe(
    holder: &Repository,
    creditor: &Repository,
    folder: &WalFolder,
    name: WalFileName,
    label: &Label,
) -> Result<()> {
    let debt = Debt::of_wal(&creditor_of(creditor), folder, name);
    write(holder, creditor, &debt, label.size, label.digest.to_string())
}

/// Writes a note, durably.
pub(super) fn write(
    holder: &Repository,
    creditor: &Repository,
    debt: &Debt,
    size: u64,
    blake3: String,
) -> Result<()> {
    let said = |error: Error| {
        let (name, place) = (creditor.name(), holder.name());
        error.while_doing(format!(
            "could not note in repository {place} what repository {name} is owed"
        ))
    };
    let json = serde_json::to_vec(&DebtNote::of(creditor, size, blake3));
    let json = json.map_err(|error| said(Error::new(Class::Internal, error.to_string())))?;
    failpoint::reach("owe.before-note");
    // One that is there is of this very thing: an earlier call did not come to its end.
    let (storage, key) = (holder.storage(), debt.key());
    if storage.create(&key, Bytes::from(json), &Metadata::new()).map_err(said)? == Created::Taken {
        storage.settle(&key).map_err(said)?;
    }
    failpoint::reach("owe.noted");
    Ok(())
}

/// Removes the note of a debt that is paid. A host that may not delete leaves it: it is a claim, and no debt any more.
pub fn settled(holder: &Repository, debt: &Debt) {
    if let Err(error) = holder.storage().delete(&debt.key()) {
        tracing::debug!("a note of what was owed stays in repository {}: {error}", holder.name());
    }
}

/// Removes the note of a WAL file that a human gave up. One that is gone is fine.
pub fn give_up(
    holder: &Repository,
    creditor: &str,
    folder: &WalFolder,
    name: WalFileName,
) -> Result<()> {
    let debt = Debt::of_wal(creditor, folder, name);
    holder.storage().delete(&debt.key()).map_err(|error| {
        error.while_doing(format!(
            "could not delete {} in repository {}",
            debt.key(),
            holder.name()
        ))
    })
}

/// The content of the note of a WAL file; `None` if there is no note.
pub fn note_of(
    holder: &Repository,
    creditor: &str,
    folder: &WalFolder,
    name: WalFileName,
) -> Result<Option<DebtNote>> {
    Debt::of_wal(creditor, folder, name).read(holder)
}

/// Whether a repository notes that another one is owed any WAL of a system. One listing request.
pub fn is_owed_wal(holder: &Repository, creditor: &str, folder: &WalFolder) -> Result<bool> {
    let mut any = false;
    visit(holder, &format!("{ROOT}{creditor}/{}", folder.prefix()), &mut |_, _| {
        any = true;
        ControlFlow::Break(())
    })?;
    Ok(any)
}

/// The WAL files of a system that one repository notes as owed to another one.
pub fn owed_wal(
    holder: &Repository,
    creditor: &str,
    folder: &WalFolder,
) -> Result<Vec<(WalFileName, Debt)>> {
    let mut owed = Vec::new();
    visit(holder, &format!("{ROOT}{creditor}/{}", folder.prefix()), &mut |debt, _| {
        let name = debt.what.strip_prefix(folder.prefix()).and_then(|name| name.parse().ok());
        owed.extend(name.map(|name| (name, debt)));
        ControlFlow::Continue(())
    })?;
    Ok(owed)
}

/// The first segment of this timeline, this one or behind it, that a repository notes as owed: to another one, and whether to
/// itself. One listing request for each creditor, and one more.
pub fn owed_from(
    holder: &Repository,
    folder: &WalFolder,
    segment: WalSegment,
) -> Result<[Option<WalSegment>; 2]> {
    let (own, mut found) = (creditor_of(holder), [None; 2]);
    for creditor in holder.folders(ROOT)? {
        let prefix = format!("{ROOT}{creditor}/{}", folder.prefix());
        // What comes before the first key of the segment itself.
        let after = format!("{prefix}{segment}");
        let place = &mut found[usize::from(creditor == own)];
        let listed = holder.storage().list(&prefix, &after, &mut |object| {
            let debt = Debt::of_key(object.key);
            let name = debt.and_then(|debt| {
                debt.what.strip_prefix(folder.prefix())?.parse::<WalFileName>().ok()
            });
            let Some(WalFileName::Segment(owed)) = name else { return ControlFlow::Continue(()) };
            if owed.timeline == segment.timeline {
                *place = (*place).into_iter().chain([owed]).min();
            }
            ControlFlow::Break(())
        });
        listed.map_err(|error| {
            error.while_doing(format!(
                "could not list what is owed, in repository {}",
                holder.name()
            ))
        })?;
    }
    Ok(found)
}

/// The WAL files of a system that a repository notes as owed to any other one.
pub fn owed_anybody(holder: &Repository, folder: &WalFolder) -> Result<BTreeSet<WalFileName>> {
    let mut owed = BTreeSet::new();
    visit(holder, ROOT, &mut |debt, _| {
        let name = debt.what.strip_prefix(folder.prefix());
        owed.extend(name.and_then(|name| name.parse::<WalFileName>().ok()));
        ControlFlow::Continue(())
    })?;
    Ok(owed)
}

/// All debts that a repository notes, whatever is owed to whom, and when each was noted by the clock of its store.
pub(super) fn debts_in(holder: &Repository) -> Result<Vec<(Debt, Option<Timestamp>)>> {
    let mut debts = Vec::new();
    visit(holder, ROOT, &mut |debt, created| {
        debts.push((debt, created));
        ControlFlow::Continue(())
    })?;
    Ok(debts)
}

pub(super) fn visit(
    holder: &Repository,
    prefix: &str,
    see: &mut dyn FnMut(Debt, Option<Timestamp>) -> ControlFlow<()>,
) -> Result<()> {
    let listed = holder.storage().list(prefix, "", &mut |object| match Debt::of_key(object.key) {
        Some(debt) => see(debt, object.created),
        None => ControlFlow::Continue(()),
    });
    listed.map_err(|error| {
        error.while_doing(format!("could not list what is owed, in repository {}", holder.name()))
    })
}

/// What a repository says of itself that it lacks, as it was told when it was back.
pub fn announced(creditor: &Repository, folder: &WalFolder) -> Result<Vec<Debt>> {
    Ok(owed_wal(creditor, &creditor_of(creditor), folder)?
        .into_iter()
        .map(|(_, debt)| debt)
        .collect())
}

/// Tells a repository what it lacks.
pub(super) fn announce(creditor: &Repository, debt: &Debt, note: &DebtNote) -> Result<()> {
    let json =
        serde_json::to_vec(note).map_err(|error| Error::new(Class::Internal, error.to_string()))?;
    creditor.storage().create(&debt.key(), Bytes::from(json), &Metadata::new()).map(drop)
}
