//! From the base backup that was chosen to its files in the data directory, out of the first repository that gives all
//! of it; `--replace` moves the old directory aside before, and its tablespaces within their folders.
//!
//! Every repository is tried before anything on the disk is touched: a key that does not fit must show while the old
//! files are still there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::directory::RestoreDirectory;
use super::in_use::FolderLocks;
use super::plan::RestorePlan;
use super::tablespaces::{TablespaceName, TablespacePlace, missing_above, place_tablespaces};
use crate::backup::BackupFolder;
use crate::basebackup::Description;
use crate::basebackup::unpack::{BackupSource, Unpack, Unpacked};
use crate::codec::Identities;
use crate::config::Config;
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::repository::{self, Repository};
use crate::storage::DAMAGED;

/// The files of the base backup that a plan chose, about to be laid down.
pub struct LayDown<'a> {
    pub config: &'a Config,
    pub plan: &'a RestorePlan<'a>,
    pub repositories: &'a [Repository],
    pub data: &'a Path,
    pub delta: bool,
    /// Whether what is laid down survives a power cut.
    pub durable: bool,
    /// Gets how many bytes of the files are there, and of how many.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// A base backup that could be opened, and where its tablespaces go.
pub struct Opened {
    /// The repositories that have given the manifest and a part's beginning, by place, in the order in which they are tried.
    pub repositories: Vec<usize>,
    pub description: Description,
    /// Of the files without which no server starts those that are not among the backup's.
    pub without: Vec<&'static str>,
}

/// Where they lie outside the data directory, as on Debian, or are links out of it, they are not backed up.
const NEEDED: [&str; 2] = ["postgresql.conf", "pg_hba.conf"];

impl Opened {
    /// Fails where the server that `--start` would start is known not to find its configuration.
    pub fn refuse_start(&self) -> Result<()> {
        let told = self.description.elsewhere.iter().flatten();
        let hba_elsewhere = told.clone().any(|it| it.setting == "hba_file");
        let missing = self.without.iter().find(|name| match **name {
            // Whether another one is named is not known of a backup that an older version took.
            "pg_hba.conf" => self.description.elsewhere.is_some() && !hba_elsewhere,
            _ => true,
        });
        let Some(missing) = missing else { return Ok(()) };
        let message = format!(
            "--start needs {missing}, which is not in the base backup: it was outside the data \
             directory, or was a link to outside"
        );
        Err(Error::new(Class::Usage, message).hint(
            "Start the server as the old server was started: with --follow --after 'systemctl start …' instead of --start.",
        ))
    }

    pub fn tablespaces(
        &self,
        place: &RestoreDirectory,
        asked: &[(TablespaceName, PathBuf)],
    ) -> Result<Vec<TablespacePlace>> {
        place_tablespaces(place, &self.description, asked)
    }
}

impl LayDown<'_> {
    /// Tries all repositories of the plan before anything is touched: the description, the manifest, and the beginning of a part.
    /// Those that fail are told and left out, as long as there is another.
    pub fn open(&self) -> Result<Opened> {
        let identities = repository::identities(self.config)?;
        let mut failure: Option<Error> = None;
        let mut opened: Option<Opened> = None;
        for at in self.plan.repositories.iter().copied() {
            let repository = &self.repositories[at];
            let name = repository.name();
            let tried = self.try_one(repository, &identities);
            if let (Ok(Some(_)), Some(error), None) = (&tried, &failure, &opened) {
                tracing::warn!("going on with repository {name}: {error}");
            }
            match (tried, &mut opened) {
                (Ok(None), _) => {}
                (Ok(Some(_)), Some(opened)) => opened.repositories.push(at),
                (Ok(Some((description, without))), None) => {
                    opened = Some(Opened { repositories: vec![at], description, without });
                }
                (Err(error), there) => {
                    let error = said(error, name);
                    match there {
                        Some(_) => tracing::warn!("{error}"),
                        None => failure = Some(error),
                    }
                }
            }
        }
        opened.ok_or_else(|| failure.unwrap_or_else(|| self.gone()))
    }

    /// `None` when the backup was deleted there since the plan was made.
    fn try_one(
        &self,
        repository: &Repository,
        identities: &Identities,
    ) -> Result<Option<(Description, Vec<&'static str>)>> {
        let Some(contents) = self.plan.backup.contents(repository, &self.config.cluster)? else {
            return Ok(None);
        };
        let description = contents.description;
        let prefix = self.prefix();
        let source = self.source(repository, &prefix, &description, identities);
        // Where they go is not decided yet, and makes no difference to the manifest.
        let folders = description.tablespaces.iter();
        let folders = folders
            .map(|it| (it.oid, self.data.join("pg_tblspc").join(it.oid.to_string())))
            .collect();
        let manifest = self.unpack(source, &folders, &|_| {}).check_manifest()?;
        source.try_part()?;
        let has = |name: &str| manifest.files.iter().any(|file| *file.path == *Path::new(name));
        let without = NEEDED.into_iter().filter(|name| !has(name)).collect();
        Ok(Some((description, without)))
    }

    /// From the first repository that gives all of it; another one goes on where that one failed. Returns
    /// which one was the last. What is in the way is moved when nothing else can keep the files from being laid down.
    pub fn run(
        &self,
        opened: &Opened,
        tablespaces: &[TablespacePlace],
        moves: Moves<'_>,
        claim: &mut FolderLocks,
    ) -> Result<(usize, Unpacked)> {
        let identities = repository::identities(self.config)?;
        let folders: BTreeMap<u32, PathBuf> =
            tablespaces.iter().map(|it| (it.oid, it.folder.clone())).collect();
        moves.carry_out(self.data)?;
        let mut failure: Option<Error> = None;
        for at in opened.repositories.iter().copied() {
            let repository = &self.repositories[at];
            let name = repository.name();
            if let Some(error) = &failure {
                tracing::warn!("going on with repository {name}: {error}");
            }
            match self.from(repository, &identities, &folders, claim) {
                Ok(Some(unpacked)) => return Ok((at, unpacked)),
                Ok(None) => {}
                Err(error) => failure = Some(said(error, name)),
            }
        }
        Err(failure.unwrap_or_else(|| self.gone()))
    }

    /// `None` when the backup was deleted there since it was opened.
    fn from(
        &self,
        repository: &Repository,
        identities: &Identities,
        folders: &BTreeMap<u32, PathBuf>,
        claim: &mut FolderLocks,
    ) -> Result<Option<Unpacked>> {
        let (config, backup) = (self.config, self.plan.backup);
        let Some(contents) = backup.contents(repository, &config.cluster)? else {
            return Ok(None);
        };
        let description = &contents.description;
        let prefix = self.prefix();
        let source = self.source(repository, &prefix, description, identities);
        let (size, told) = (description.size(), self.progress);
        let progress = |done| told(done, size);
        let unpack = self.unpack(source, folders, &progress);
        unpack.check_folders()?;
        let in_place = |folder: &&PathBuf| folder.starts_with(self.data);
        missing_above(self.data).iter().try_for_each(|above| durable::create_folder(above))?;
        durable::create_folder(self.data)?;
        claim.take(self.data)?;
        for folder in folders.values().filter(|it| !in_place(it)) {
            missing_above(folder).iter().try_for_each(|above| durable::create_folder(above))?;
            durable::create_folder(folder)?;
            claim.take(folder)?;
        }
        unpack.run().map(Some)
    }

    fn unpack<'u>(
        &'u self,
        source: BackupSource<'u>,
        folders: &'u BTreeMap<u32, PathBuf>,
        progress: &'u (dyn Fn(u64) + Sync),
    ) -> Unpack<'u> {
        let threads = self.config.basebackup.parallel;
        Unpack {
            source,
            data: self.data,
            tablespaces: folders,
            delta: self.delta,
            durable: self.durable,
            threads,
            progress,
        }
    }

    fn prefix(&self) -> String {
        let backup = self.plan.backup;
        BackupFolder::new(&self.config.cluster, backup.system, &backup.id).key("")
    }

    fn source<'s>(
        &self,
        repository: &'s Repository,
        prefix: &'s str,
        description: &'s Description,
        identities: &'s Identities,
    ) -> BackupSource<'s> {
        let attempts = self.config.limits.attempts;
        BackupSource { storage: repository.storage(), prefix, description, identities, attempts }
    }

    fn gone(&self) -> Error {
        let id = &self.plan.backup.id;
        Error::new(Class::Gap, format!("the base backup {id} is gone"))
    }
}

/// Whoever is told of damage wants to know what is left to do.
fn said(error: Error, repository: &str) -> Error {
    let damaged = error.class() == Class::Damaged;
    let error = error.while_doing(format!("could not restore from repository {repository}"));
    if damaged { error.or_hint(DAMAGED) } else { error }
}

/// What has to go before the files can be laid down.
#[derive(Debug, Clone, Copy)]
pub struct Moves<'a> {
    /// Where the old directory goes.
    pub aside: Option<&'a Path>,
    pub tablespaces: &'a [TablespacePlace],
}

impl Moves<'_> {
    pub const NONE: Self = Self { aside: None, tablespaces: &[] };

    /// The directory goes first: from then on no server starts. Its links still show whose the tablespaces are, so that the same
    /// command goes on after a crash. What can't be moved leaves all where it was.
    fn carry_out(&self, data: &Path) -> Result<()> {
        let directory = self.aside.map(|aside| (data.to_owned(), aside.to_owned()));
        let tablespaces = self.tablespaces.iter().flat_map(|it| &it.aside);
        let mut moved = Vec::new();
        for pair in directory.iter().chain(tablespaces) {
            if let Err(error) = move_aside(&pair.0, &pair.1) {
                put_back(&moved);
                return Err(error);
            }
            moved.push(pair);
            failpoint::reach("restore.aside-moved");
        }
        Ok(())
    }
}

fn move_aside(from: &Path, to: &Path) -> Result<()> {
    durable::hand_over(from, to)?;
    from.parent().map_or(Ok(()), durable::sync_folder)
}

/// An error that comes on top is less to know than the first one.
fn put_back(moved: &[&(PathBuf, PathBuf)]) {
    for (from, to) in moved.iter().rev() {
        if let Err(error) = move_aside(to, from) {
            tracing::error!("move {to:?} back to {from:?}: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_can_not_be_moved_leaves_all_where_it_was() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for folder in ["data", "one/PG_18_1", "other/PG_18_1"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        let tablespace = |oid, name: &str| TablespacePlace {
            oid,
            folder: at(name),
            aside: vec![(at(name).join("PG_18_1"), at(name).join("PG_18_1.old"))],
        };
        let tablespaces = [tablespace(7, "one"), tablespace(8, "other")];
        let aside = at("data.old");
        let mut broken = tablespaces.clone();
        broken[1].aside[0].1 = at("nowhere/PG_18_1.old");
        let moves = Moves { aside: Some(&aside), tablespaces: &broken };
        assert!(moves.carry_out(&at("data")).is_err());
        assert!(["data", "one/PG_18_1", "other/PG_18_1"].iter().all(|name| at(name).is_dir()));
        let moves = Moves { aside: Some(&aside), tablespaces: &tablespaces };
        moves.carry_out(&at("data")).unwrap();
        assert!(
            ["data.old", "one/PG_18_1.old", "other/PG_18_1.old"]
                .iter()
                .all(|name| at(name).is_dir())
        );
    }
}
