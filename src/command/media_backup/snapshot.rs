//! One snapshot in one repository, whatever it lies in there; and the places that the configuration names: the media set of a
//! command, and the repositories that are folders.
//!
//! The folder of a repository may lie within a media set. A snapshot leaves this folder out, and `restore --delete`
//! removes nothing in it.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::backup::Catalogue;
use crate::codec::{Digest, Identities};
use crate::config::{Config, Location, MediaSet};
use crate::error::{Class, Error, Result};
use crate::media_backup::local::{LocalContent, open_index};
use crate::media_backup::packed::PackedSource;
use crate::media_backup::{
    ContentSource, Entry, IndexReader, MediaRestored, SnapshotDescription, SnapshotKind,
    SpoolReader,
};
use crate::repository::{self, Repository};

/// A snapshot, and the repository that it is read from, with its place.
pub struct StoredSnapshot<'a> {
    pub config: &'a Config,
    pub series: &'a Catalogue<SnapshotDescription>,
    pub id: &'a str,
    pub at: usize,
    pub repository: &'a Repository,
}

/// What is done with it.
pub trait Lay {
    /// The index may be opened several times.
    fn lay<R: Read>(
        &self,
        description: &SnapshotDescription,
        index: &dyn Fn() -> Result<IndexReader<R>>,
        content: &dyn ContentSource,
    ) -> Result<MediaRestored>;
}

impl StoredSnapshot<'_> {
    /// What is only needed meanwhile goes into the folder `temporaries`.
    pub fn read(&self, temporaries: &Path, with: &impl Lay) -> Result<MediaRestored> {
        let (id, description) = (self.id, self.description()?);
        let set = &set_of(self.config)?.name;
        if let Some(root) = self.tree(&description)? {
            let content = LocalContent::open(root, set, id)?;
            return with.lay(&description, &|| open_index(root, set, id), &content);
        }
        let identities = repository::identities(self.config)?;
        let source = self.packed(&description, &identities);
        let spool = source.index(temporaries)?;
        let content = source.content()?;
        with.lay(&description, &|| IndexReader::open(spool.reader()), &content)
    }

    /// What it is, and its index, to be read once.
    pub fn index(
        &self,
        temporaries: &Path,
    ) -> Result<(SnapshotDescription, IndexReader<SpoolReader>)> {
        let description = self.description()?;
        let index = match self.tree(&description)? {
            Some(root) => open_index(root, &set_of(self.config)?.name, self.id)?,
            None => {
                let identities = repository::identities(self.config)?;
                let spool = self.packed(&description, &identities).index(temporaries)?;
                IndexReader::open(spool.reader())?
            }
        };
        Ok((description, index))
    }

    /// Shows the content of one file to `read`, who proves it.
    pub fn content(
        &self,
        entry: &Entry,
        digest: &Digest,
        read: &mut dyn FnMut(&mut dyn Read) -> Result<()>,
    ) -> Result<()> {
        let description = self.description()?;
        if let Some(root) = self.tree(&description)? {
            let content = LocalContent::open(root, &set_of(self.config)?.name, self.id)?;
            return read(&mut content.open(entry)?);
        }
        let identities = repository::identities(self.config)?;
        let content = self.packed(&description, &identities).content_of(digest)?;
        read(&mut content.open(entry)?)
    }

    fn description(&self) -> Result<SnapshotDescription> {
        let contents = self.series.contents(self.id, self.repository)?;
        let gone = || Error::new(Class::Gap, format!("snapshot {} is gone", self.id));
        Ok(contents.ok_or_else(gone)?.description)
    }

    /// The folder of its repository, if it is a tree.
    fn tree(&self, description: &SnapshotDescription) -> Result<Option<&Path>> {
        match (description.kind, root_of(self.config, self.at)) {
            (SnapshotKind::LocalTree, Some(root)) => Ok(Some(root)),
            (SnapshotKind::LocalTree, None) => {
                Err(Error::new(Class::Damaged, "expected a tree in a folder, found a bucket"))
            }
            (SnapshotKind::Packed, _) => Ok(None),
        }
    }

    fn packed<'p>(
        &'p self,
        description: &'p SnapshotDescription,
        identities: &'p Identities,
    ) -> PackedSource<'p> {
        PackedSource {
            storage: self.repository.storage(),
            all: self.series.all(),
            description,
            identities,
            attempts: self.config.limits.attempts,
        }
    }
}

/// The set that a command is about.
pub fn set_of(config: &Config) -> Result<&MediaSet> {
    config
        .media
        .first()
        .ok_or_else(|| Error::new(Class::Configuration, "no media set is configured"))
}

/// The folder of a repository, if it is one. What is there may be trees and, from a time when it was
/// encrypted, packs.
pub fn root_of(config: &Config, at: usize) -> Option<&Path> {
    match &config.repositories.get(at)?.location {
        Location::Folder(root) => Some(root),
        Location::S3(_) => None,
    }
}

/// All folders that are repositories: none of them is a media file, wherever it lies.
pub fn repository_folders(config: &Config) -> Vec<PathBuf> {
    let folder = |location: &Location| match location {
        Location::Folder(root) => Some(root.clone()),
        Location::S3(_) => None,
    };
    config.repositories.iter().filter_map(|it| folder(&it.location)).collect()
}
