//! One snapshot in one repository, whatever it lies in there.

use std::io::Read;
use std::path::Path;

use super::places::{root_of, set_of};
use crate::backup::Catalogue;
use crate::codec::{Digest, Identities};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media_backup::local::{LocalContent, open_index};
use crate::media_backup::packed::PackedSource;
use crate::media_backup::{
    ContentSource, Entry, IndexReader, MediaRestored, SnapshotDescription, SnapshotKind,
    SpoolReader,
};
use crate::repository::{self, Repository};

/// A snapshot, and the repository that it is read from, with its place.
pub struct Stored<'a> {
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

impl Stored<'_> {
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
