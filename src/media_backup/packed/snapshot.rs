//! Taking a snapshot in packs. Each repository first gets a note that one is being taken, and is asked what can be
//! shared; then one pass over the files feeds all of them; then each gets its lists and its description. A repository
//! that fails is left behind.
//!
//! The first of these steps are in `start`, the last ones in `finish`.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

use jiff::Timestamp;

use super::super::BEGUN;
use super::super::description::SnapshotTotals;
use super::super::index::{IndexHeader, IndexWriter};
use super::super::open_places::Places;
use super::super::problems::{MediaProgress, Problems};
use super::super::spool::Spool;
use super::super::take::{KeptTree, Taking};
use super::contents::PackedContents;
use super::pack_lane::{PackLane, not_stored, store};
use super::packing::Packing;
use crate::backup::deleting::withdraw;
use crate::backup::{BackupFolder, CreateFailure, Fell, StoredObject};
use crate::codec::Identities;
use crate::config::MediaSet;
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;
use crate::media_backup::SnapshotDescription;
use crate::repository::Repository;
use crate::threads::in_parallel;
use crate::threads::start_in;

/// So many pieces of about 1 MiB wait for each repository.
const WAITING_MAX: usize = 4;

/// A snapshot in packs, about to be taken. Memory: some 20 MiB, up to 80 MiB for each bucket that is slow to take
/// them, and some 100 bytes for each content and repository.
pub struct PackedSnapshot<'a> {
    pub repositories: &'a [&'a Repository],
    pub set: &'a MediaSet,
    pub id: &'a str,
    pub label: &'a str,
    pub began: Timestamp,
    /// Read all files, whatever their times say.
    pub checksum: bool,
    /// That it holds far less than the one before is as it should be.
    pub accept_fewer: bool,
    /// Folders that are not entered, such as repositories.
    pub leave_out: &'a [&'a Path],
    /// The tree that the snapshot lies in already, in another repository.
    pub copy_of: Option<&'a KeptTree>,
    /// zstd level.
    pub level: i32,
    pub threads: NonZeroUsize,
    pub identities: &'a Identities,
    /// Where a host that can't read its encrypted snapshots remembers the newest.
    pub state: Option<&'a Path>,
    /// How often an object is read whose answer breaks off.
    pub attempts: u32,
    pub progress: &'a (dyn Fn(MediaProgress) + Sync),
}

/// What became of a snapshot.
#[derive(Debug)]
pub struct PackedTaken {
    /// The repositories that have it whole, and what it is there.
    pub descriptions: Vec<(String, SnapshotDescription)>,
    pub totals: SnapshotTotals,
    pub problems: Problems,
    /// What went wrong in the other repositories.
    pub failures: Vec<CreateFailure>,
}

/// A repository that was told that a snapshot is being taken, and the newest one it has.
pub(super) struct Start<'a> {
    pub repository: &'a Repository,
    pub begun: StoredObject,
    pub previous: Option<SnapshotDescription>,
    /// What it should hold about as much as.
    pub reference: Option<Fell>,
    /// What can be shared.
    pub contents: PackedContents,
    pub index: Option<Spool>,
}

impl PackedSnapshot<'_> {
    /// Takes it in every repository that answers; fails where none does. It exists in a repository from the
    /// moment its description is there.
    pub fn take(&self) -> Result<PackedTaken> {
        let places = Places::of_set(&self.set.paths)?;
        let spools = self.spools();
        let mut failures = Vec::new();
        let mut starts: Vec<Start<'_>> = Vec::new();
        let begun = in_parallel(self.repositories, |repository| self.begin(repository, &spools));
        for (repository, start) in self.repositories.iter().zip(begun) {
            match start {
                Ok(start) => starts.push(start),
                Err(error) => failures.push(CreateFailure::of(repository, error)),
            }
        }
        if starts.is_empty() {
            let nothing = || Error::new(Class::Configuration, "no repository is configured");
            return Err(failures.into_iter().next().map_or_else(nothing, |it| it.error));
        }
        let filled = Spool::fill(&spools, |file| {
            let header = IndexHeader::new(self.set, self.id, self.began);
            let mut index = IndexWriter::begin(file, &header)?;
            let read = self.read(&places, &mut starts, &mut index)?;
            index.finish()?;
            Ok(read)
        });
        let (index, read) = filled.inspect_err(|error| {
            starts.iter().for_each(|start| self.withdraw(start.repository, error));
        })?;
        let FilesRead { totals, problems, lanes } = read;
        let mut whole = Vec::new();
        for (start, (contents, packs)) in starts.into_iter().zip(lanes) {
            match packs {
                Ok(packs) => whole.push((Start { contents, ..start }, packs)),
                Err(error) => {
                    self.withdraw(start.repository, &error);
                    failures.push(CreateFailure::of(start.repository, error));
                }
            }
        }
        reach("packed.packs-stored");
        let outcomes = in_parallel(&whole, |(start, packs)| {
            let finished = self.finish(start, packs, &index, &spools, (&totals, &problems));
            finished.map_err(|error| not_stored(start.repository, error))
        });
        let mut descriptions = Vec::new();
        for ((start, _), outcome) in whole.iter().zip(outcomes) {
            match outcome {
                Ok(description) => {
                    descriptions.push((start.repository.name().to_owned(), description))
                }
                Err(error) => failures.push(CreateFailure::of(start.repository, error)),
            }
        }
        match failures.first() {
            Some(failure) if descriptions.is_empty() => Err(failure.error.clone()),
            _ => Ok(PackedTaken { descriptions, totals, problems, failures }),
        }
    }

    /// What the keys of all snapshots of the set begin with.
    pub(super) fn all(&self) -> String {
        format!("media/{}/", self.set.name)
    }

    pub(super) fn folder(&self) -> BackupFolder {
        BackupFolder::below(&self.all(), self.id)
    }

    /// Takes back that a snapshot is being taken and what was stored of it, so that who prunes need not wait for one
    /// that has failed. Only before its description is sent, because that names the note; where this host may not
    /// delete, or the store does not answer, the note stays until it is too old to count.
    pub(super) fn withdraw(&self, repository: &Repository, error: &Error) {
        if error.class() != Class::Unreachable {
            let _ = repository.storage().delete(&self.folder().key(BEGUN));
        }
        withdraw(repository, &self.folder(), error);
    }

    /// The one pass over the files.
    fn read(
        &self,
        places: &Places,
        starts: &mut [Start<'_>],
        index: &mut IndexWriter<&mut std::fs::File>,
    ) -> Result<FilesRead> {
        let previous = Start::newest_index(starts);
        let of = Start::last_time(starts);
        let progress = |at: MediaProgress| (self.progress)(MediaProgress { of, ..at });
        let folder = self.folder();
        let recipients = starts.iter().find_map(|start| start.repository.recipients());
        thread::scope(|scope| {
            let (mut lanes, mut storing) = (Vec::new(), Vec::new());
            for start in starts {
                let (sender, messages) = sync_channel(WAITING_MAX);
                let contents = std::mem::take(&mut start.contents);
                lanes.push(PackLane::new(self.id, start.repository.encrypts(), contents, sender));
                let (repository, folder) = (start.repository, &folder);
                storing.push(start_in(scope, move || store(repository, folder, messages))?);
            }
            let packing = Packing {
                lanes: Mutex::new(lanes),
                recipients,
                level: self.level,
                threads: self.threads,
            };
            let taking = Taking {
                set: self.set,
                places,
                keep: &packing,
                checksum: self.checksum,
                leave_out: self.leave_out,
                copy_of: self.copy_of,
                threads: self.threads,
                progress: &progress,
            };
            let taken = taking.run(previous, index);
            let mut lanes = packing.lanes.into_inner().unwrap_or_else(PoisonError::into_inner);
            if taken.is_ok() {
                lanes.iter_mut().for_each(PackLane::close);
            }
            let contents: Vec<PackedContents> =
                lanes.into_iter().map(|lane| lane.contents).collect();
            let stored = storing
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            let lanes: Vec<_> = contents.into_iter().zip(stored).collect();
            if lanes.iter().all(|(_, stored)| stored.is_err()) {
                // What else failed is only an echo of it.
                return Err(lanes.into_iter().find_map(|(_, it)| it.err()).unwrap_or_else(died));
            }
            let (totals, problems) = taken?;
            Ok(FilesRead { totals, problems, lanes })
        })
    }
}

/// What the pass over the files brought: for each repository its contents, and the objects that are durable.
struct FilesRead {
    totals: SnapshotTotals,
    problems: Problems,
    lanes: Vec<(PackedContents, Result<Vec<StoredObject>>)>,
}

fn died() -> Error {
    Error::new(Class::Internal, "a thread of the snapshot died")
}
