//! What is in a snapshot, entry by entry, out of whichever repository can be read; and an entry as a line for people. Memory does not
//! grow with a snapshot. Names are somebody else's: nothing in them reaches a terminal raw.

use jiff::Timestamp;

use super::snapshot::StoredSnapshot;
use crate::backup::{Backup, Catalogue, Configured as _};
use crate::cli::text::{at_seconds, plain, plain_bytes, size};
use crate::command::backups::choose;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media_backup::SpoolReader;
use crate::media_backup::{Entry, EntryPath, FileKind, IndexReader, SnapshotDescription};
use crate::repository::{self, Repository};

/// All snapshots of a set.
pub struct Snapshots<'a> {
    pub config: &'a Config,
    pub repositories: Vec<Repository>,
    pub series: Catalogue<SnapshotDescription>,
}

impl<'a> Snapshots<'a> {
    pub fn look(config: &'a Config) -> Result<Self> {
        let repositories = repository::open_all(config, None)?;
        let series = Catalogue::read(&repositories, SnapshotDescription::name(config));
        Ok(Self { config, repositories, series })
    }

    /// The same. A repository that does not answer is a warning: another one may have what is wanted.
    pub fn open(config: &'a Config) -> Result<Self> {
        let snapshots = Self::look(config)?;
        for failure in &snapshots.series.failures {
            tracing::warn!("{}", failure.error);
        }
        Ok(snapshots)
    }

    /// The one whose id begins so, or the newest whole one.
    pub fn choose(&self, id: Option<&str>) -> Result<&Backup<SnapshotDescription>> {
        choose(&self.series, &self.repositories, id)
    }

    pub fn entries<'s>(&'s self, backup: &'s Backup<SnapshotDescription>) -> Entries<'s> {
        let copies = by_wholeness(backup);
        let reading = None;
        Entries { snapshots: self, backup, copies, reading, last: None, sum: None, failure: None }
    }

    /// Names of the repositories that have it.
    pub fn places(&self, backup: &Backup<SnapshotDescription>) -> Vec<&str> {
        let copies = backup.copies.iter();
        let names = copies.filter_map(|copy| self.repositories.get(copy.repository));
        names.map(Repository::name).collect()
    }

    pub fn stored<'s>(&'s self, id: &'s str, at: usize) -> Option<StoredSnapshot<'s>> {
        let repository = self.repositories.get(at)?;
        Some(StoredSnapshot { config: self.config, series: &self.series, id, at, repository })
    }
}

/// The whole ones first. One that lacks an object may still have what is wanted.
pub fn by_wholeness(backup: &Backup<SnapshotDescription>) -> Vec<usize> {
    let places = |whole: bool| {
        let copies = backup.copies.iter().filter(move |it| it.fault.is_none() == whole);
        copies.map(|copy| copy.repository)
    };
    places(true).chain(places(false)).collect()
}

/// The entries of one snapshot, in the order of their paths.
pub struct Entries<'a> {
    snapshots: &'a Snapshots<'a>,
    backup: &'a Backup<SnapshotDescription>,
    /// Places of the repositories that were not asked yet.
    copies: Vec<usize>,
    reading: Option<(&'a str, IndexReader<SpoolReader>)>,
    /// The path that was handed out last, and the sum of the snapshot that it came from.
    last: Option<EntryPath>,
    sum: Option<String>,
    failure: Option<Error>,
}

impl Entries<'_> {
    /// `None` behind the last one, when all of them were read and are as many as they should be.
    pub fn next(&mut self) -> Result<Option<Entry>> {
        loop {
            let Some((name, index)) = &mut self.reading else {
                self.open_one()?;
                continue;
            };
            match index.next_entry() {
                // Another repository handed it out before it failed.
                Ok(Some(entry)) if self.last.as_ref().is_some_and(|it| entry.path <= *it) => {}
                Ok(Some(entry)) => {
                    self.last = Some(entry.path.clone());
                    return Ok(Some(entry));
                }
                Ok(None) => return Ok(None),
                Err(error) => {
                    let name = *name;
                    self.failure = Some(self.of_repository(name, error));
                    self.reading = None;
                }
            }
        }
    }

    fn open_one(&mut self) -> Result<()> {
        while !self.copies.is_empty() {
            let at = self.copies.remove(0);
            let Some(stored) = self.snapshots.stored(&self.backup.id, at) else { continue };
            let name = stored.repository.name();
            if let Some(error) = self.failure.take() {
                tracing::warn!("going on with repository {name}: {error}");
            }
            match stored.index(&std::env::temp_dir()) {
                Ok((description, _)) if self.last.is_some() && description.sum != self.sum => {
                    let message = "there it is of another moment".to_owned();
                    let error = Error::new(Class::Conflict, message);
                    self.failure = Some(self.of_repository(name, error));
                }
                Ok((description, index)) => {
                    self.sum = description.sum;
                    self.reading = Some((name, index));
                    return Ok(());
                }
                Err(error) => self.failure = Some(self.of_repository(name, error)),
            }
        }
        Err(self.failure.take().unwrap_or_else(|| {
            Error::new(Class::Gap, format!("no repository has snapshot {}", self.backup.id))
        }))
    }

    fn of_repository(&self, name: &str, error: Error) -> Error {
        let id = &self.backup.id;
        error.while_doing(format!("could not read what is in snapshot {id} in repository {name}"))
    }
}

/// Its path, with a slash at its end for a folder.
pub fn short(entry: &Entry) -> String {
    path(entry) + if entry.is_directory() { "/" } else { "" }
}

pub fn path(entry: &Entry) -> String {
    format!("/{}", plain_bytes(entry.path.as_bytes()))
}

/// As `ls -l` has it.
pub fn long(entry: &Entry) -> String {
    let owners = plain(&owners(entry));
    let more = match &entry.kind {
        FileKind::Symlink { target } => format!(" -> {}", plain_bytes(target)),
        FileKind::HardLink { to, .. } => format!(" = /{}", plain_bytes(to.as_bytes())),
        FileKind::File(_) | FileKind::Directory { .. } => String::new(),
    };
    let (mode, length, time, path) = (mode(entry), length(entry), time(entry), path(entry));
    format!("{mode} {owners:17} {length:>10} {time} {path}{more}")
}

/// By name where that is known.
pub fn owners(entry: &Entry) -> String {
    let it = &entry.metadata;
    let owner = |name: &Option<String>, number: u32| name.clone().unwrap_or(number.to_string());
    format!("{}:{}", owner(&it.user, it.uid), owner(&it.group, it.gid))
}

/// Of a file.
pub fn length(entry: &Entry) -> String {
    entry.content().map(|content| size(content.size)).unwrap_or_default()
}

pub fn time(entry: &Entry) -> String {
    let mtime = entry.metadata.mtime;
    Timestamp::from_second(mtime.second()).map_or_else(|_| mtime.to_string(), at_seconds)
}

fn mode(entry: &Entry) -> String {
    let kind = match entry.kind {
        FileKind::Directory { .. } => 'd',
        FileKind::Symlink { .. } => 'l',
        FileKind::File(_) | FileKind::HardLink { .. } => '-',
    };
    let bits = entry.metadata.mode;
    let all = "rwxrwxrwx".chars().enumerate();
    let all = all.map(|(at, letter)| if bits >> (8 - at) & 1 == 1 { letter } else { '-' });
    std::iter::once(kind).chain(all).collect()
}
