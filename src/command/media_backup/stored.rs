//! One snapshot in one repository, whatever it lies in there.

use std::io::Read;
use std::path::Path;

use super::places::{root_of, set_of};
use crate::backup::series::Series;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::media::local::{LocalContent, open_index};
use crate::media::packed::PackedSource;
use crate::media::{ContentSource, Description, IndexReader, Restored, SnapshotKind};
use crate::repository::{self, Repository};

/// A snapshot, and the repository that it is read from, with its place.
pub struct Stored<'a> {
    pub config: &'a Config,
    pub series: &'a Series<Description>,
    pub id: &'a str,
    pub at: usize,
    pub repository: &'a Repository,
}

/// What is done with it.
pub trait Lay {
    /// The index may be opened several times.
    fn lay<R: Read>(
        &self,
        description: &Description,
        index: &dyn Fn() -> Result<IndexReader<R>>,
        content: &dyn ContentSource,
    ) -> Result<Restored>;
}

impl Stored<'_> {
    /// What is only needed meanwhile goes into the folder `temporaries`.
    pub fn read(&self, temporaries: &Path, with: &impl Lay) -> Result<Restored> {
        let (config, id) = (self.config, self.id);
        let contents = self.series.contents(id, self.repository)?;
        let gone = || Error::new(Class::Gap, format!("snapshot {id} is gone"));
        let description = contents.ok_or_else(gone)?.description;
        let set = set_of(config)?;
        match (description.kind, root_of(config, self.at)) {
            (SnapshotKind::LocalTree, Some(root)) => {
                let content = LocalContent::open(root, &set.name, id)?;
                with.lay(&description, &|| open_index(root, &set.name, id), &content)
            }
            (SnapshotKind::LocalTree, None) => {
                Err(Error::new(Class::Damaged, "expected a tree in a folder, found a bucket"))
            }
            (SnapshotKind::Packed, _) => {
                let identities = repository::identities(config)?;
                let source = PackedSource {
                    storage: self.repository.storage(),
                    all: &self.series.all,
                    description: &description,
                    identities: &identities,
                    attempts: config.limits.attempts,
                };
                let spool = source.index(temporaries)?;
                let content = source.content()?;
                with.lay(&description, &|| IndexReader::open(spool.reader()), &content)
            }
        }
    }
}
