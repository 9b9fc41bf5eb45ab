use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{RestorePlan, move_aside};
use crate::backup::BackupFolder;
use crate::base_backup::Description;
use crate::base_backup::unpack::{BackupSource, Unpack, Unpacked};
use crate::codec::Identities;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::repository::{self, Repository};

/// The files of the base backup that a plan chose, about to be laid down.
pub struct LayDown<'a> {
    pub config: &'a Config,
    pub plan: &'a RestorePlan<'a>,
    pub repositories: &'a [Repository],
    pub data: &'a Path,
    /// Where each tablespace goes, by its number.
    pub tablespaces: &'a dyn Fn(&Description) -> BTreeMap<u32, PathBuf>,
    pub delta: bool,
    /// Gets how many bytes of the files are there, and of how many.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

impl LayDown<'_> {
    /// From the first repository that gives all of it; another one goes on where that one failed. Returns
    /// which one was the last. What is in the way goes `aside` when nothing else can keep the files from
    /// being laid down.
    pub fn run(&self, mut aside: Option<PathBuf>) -> Result<(usize, Unpacked)> {
        let identities = repository::identities(self.config)?;
        let mut failure: Option<Error> = None;
        for at in self.plan.repositories.iter().copied() {
            let repository = &self.repositories[at];
            let name = repository.name();
            if let Some(error) = &failure {
                tracing::warn!("going on with repository {name}: {error}");
            }
            match self.from(repository, &identities, &mut aside) {
                Ok(Some(unpacked)) => return Ok((at, unpacked)),
                Ok(None) => {}
                Err(error) => {
                    let what = format!("could not restore from repository {name}");
                    failure = Some(error.while_doing(what));
                }
            }
        }
        Err(failure.unwrap_or_else(|| {
            let id = &self.plan.backup.id;
            Error::new(Class::Gap, format!("the base backup {id} is gone"))
        }))
    }

    /// `None` when the backup was deleted there since the plan was made.
    fn from(
        &self,
        repository: &Repository,
        identities: &Identities,
        aside: &mut Option<PathBuf>,
    ) -> Result<Option<Unpacked>> {
        let (config, backup) = (self.config, self.plan.backup);
        let Some(contents) = backup.contents(repository, &config.cluster)? else {
            return Ok(None);
        };
        let description = &contents.description;
        let size = description.size();
        let folder = BackupFolder::new(&config.cluster, backup.system, &backup.id);
        let unpack = Unpack {
            source: BackupSource {
                storage: repository.storage(),
                prefix: &folder.key(""),
                description,
                identities,
                attempts: config.limits.attempts,
            },
            data: self.data,
            tablespaces: &(self.tablespaces)(description),
            delta: self.delta,
            threads: config.basebackup.parallel,
            progress: &|done| (self.progress)(done, size),
        };
        if let Some(to) = aside.as_ref() {
            unpack.check_tablespaces()?;
            move_aside(self.data, to)?;
            *aside = None;
        }
        unpack.run().map(Some)
    }
}
