//! A kind of backups: base backups of PostgreSQL, backups of a Redis, snapshots of media files.
//!
//! All kinds lie in a repository alike: a folder for each backup, and in it objects, with the description last. So they
//! are found, judged, pinned and deleted by one code, and here is what that code has to know of a kind.

use std::fmt::Debug;

use jiff::Timestamp;
use serde::Serialize;

use super::catalogue::{Backup, Described};
use super::{BackupFolder, Fell, Measure};
use crate::config::{Config, KeepConfig};
use crate::error::{Class, Error, Result};
use crate::repository::Repository;

/// How a kind of backups is configured.
pub trait Configured {
    /// The program that takes them, such as `redis-backup`.
    const PROGRAM: &'static str;
    /// The setting or option that tells them from others in one repository.
    const NAMED_BY: &'static str;
    /// The tables of settings that all verbs of the program take.
    const TABLES: &'static [&'static str];
    /// What the folder of this host's notes of them is called by.
    const NOTES: &'static str;

    /// The name of those that the configuration means: a cluster, a Redis, a media set.
    fn name(config: &Config) -> &str;
    /// The rules that keep them.
    fn keep(config: &Config) -> KeepConfig;
}

/// A kind of backups, told by the description that such backups have.
pub trait Kind: Described + Configured + Sync + 'static {
    /// What tells backups under one name apart: base backups the system that they are of. `()` where all are of one thing.
    type System: Copy + Ord + Debug + Send + Sync;
    /// What is kept of a description: there may be very many.
    type Facts: Debug + Send + Sync;

    /// What the keys of all backups of a system begin with, such as `redis/main/`.
    fn all(name: &str, system: Self::System) -> String;
    /// The systems that a repository has anything of.
    fn systems(repository: &Repository, name: &str) -> Result<Vec<Self::System>>;
    /// Checks that this describes the backup in that folder. Returns what is kept of it, when it was begun, and when it ended.
    fn facts(
        &self,
        folder: &BackupFolder,
        system: Self::System,
    ) -> Result<(Self::Facts, [Timestamp; 2])>;
    /// Length before compression, in bytes.
    fn size(facts: &Self::Facts) -> u64;
    /// Fails unless both are one backup, in two repositories. Two hosts may have made one id: the first repository's is the one.
    fn check_same(
        found: &Backup<Self>,
        known: &Backup<Self>,
        repositories: &[Repository],
    ) -> Result<()>;
    /// Puts the oldest first. They come by their ids.
    fn sort(backups: &mut [Backup<Self>]);
}

/// A description of a backup that consists of its objects alone, and needs no WAL. It is kept as a whole.
pub trait SelfContained:
    Described + Configured + Serialize + Clone + Debug + Sync + 'static
{
    /// What all keys of all of them begin with, such as `redis/`.
    const ROOT: &'static str;

    fn head(&self) -> DescriptionHead<'_>;
    /// How much it holds of what should not vanish.
    fn measures(&self) -> Vec<Measure>;
    /// Takes over what [`DescriptionHead`] says of it.
    fn set_fall(&mut self, fell: Option<Fell>, accepted: bool);

    fn id(&self) -> &str {
        self.head().id
    }

    fn label(&self) -> &str {
        self.head().label
    }

    /// Says whether it holds far less than `reference`, or that this is as it should be.
    fn judged(mut self, reference: Option<&Fell>, accept: bool) -> Self {
        let (fell, accepted) = Fell::judge(reference, &self.measures(), accept);
        self.set_fall(fell, accepted);
        self
    }
}

/// What every such description says of its backup.
#[derive(Debug, Clone, Copy)]
pub struct DescriptionHead<'a> {
    pub id: &'a str,
    pub label: &'a str,
    /// When it was begun and when it was complete: RFC 3339 in UTC.
    pub times: [&'a str; 2],
    /// Absent where it holds about as much as those before, as was found when it was taken.
    pub fell: Option<&'a Fell>,
    /// Somebody said that it may hold less than those before.
    pub accepted: bool,
}

impl<D: SelfContained> Kind for D {
    type System = ();
    type Facts = D;

    fn all(name: &str, (): ()) -> String {
        format!("{}{name}/", D::ROOT)
    }

    fn systems(_: &Repository, _: &str) -> Result<Vec<()>> {
        Ok(vec![()])
    }

    fn facts(&self, folder: &BackupFolder, (): ()) -> Result<(D, [Timestamp; 2])> {
        let damaged = |message| Error::new(Class::Damaged, message);
        if self.id() != folder.id() {
            let (expected, found) = (folder.id(), self.id());
            let message = format!("expected the description of {expected}, found that of {found}");
            return Err(damaged(message));
        }
        let time = |text: &str| {
            text.parse::<Timestamp>().map_err(|_| {
                damaged(format!("expected a time like 2026-11-22T20:30:00Z, found {text:?}"))
            })
        };
        let [began, ended] = self.head().times;
        let times = [time(began)?, time(ended)?];
        Ok((self.clone(), times))
    }

    fn size(facts: &D) -> u64 {
        facts.objects().map(|object| object.size).sum()
    }

    fn check_same(found: &Backup<D>, known: &Backup<D>, _: &[Repository]) -> Result<()> {
        let (id, expected, found) = (&known.id, known.began, found.began);
        if expected == found {
            return Ok(());
        }
        let message = format!(
            "expected {} {id} to be the same in all repositories, found one that began at {found} and not at \
             {expected}",
            D::WHAT
        );
        Err(Error::new(Class::Conflict, message)
            .hint("To see that one, name only its repository with --repository."))
    }

    fn sort(backups: &mut [Backup<D>]) {
        backups.sort_by_key(|backup| (backup.began, backup.ended));
    }
}
