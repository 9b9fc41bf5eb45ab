//! Lays a backup down in a server's folder, from the first repository that gives all of it.
//!
//! The server's files stay what they are until all of the backup has come, so a repository that breaks half way
//! costs nothing but time.

use std::io::BufRead;

use super::description::{RedisContent, RedisDescription};
use super::server_folder::{RedisTarget, RestoredRedisFiles};
use crate::backup::{Backup, Catalogue};
use crate::backup::{BackupFolder, ObjectSource};
use crate::codec::{Identities, read_failed};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::repository::Repository;

pub struct RedisRestore<'a> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub identities: &'a Identities,
    pub series: &'a Catalogue<RedisDescription>,
    pub backup: &'a Backup<RedisDescription>,
    pub target: &'a RedisTarget,
    /// Gets how many bytes are laid down.
    pub progress: &'a dyn Fn(u64),
}

impl RedisRestore<'_> {
    /// From the first repository that gives all of it. Until then the server's files are what they were. Returns
    /// the place of that repository, too.
    pub fn run(&self) -> Result<(usize, RestoredRedisFiles)> {
        let mut failure: Option<Error> = None;
        for copy in self.backup.copies.iter().filter(|copy| copy.fault.is_none()) {
            let Some(repository) = self.repositories.get(copy.repository) else { continue };
            if let Some(error) = failure.take() {
                tracing::warn!("going on with repository {}: {error}", repository.name());
            }
            match self.from(repository) {
                Ok(laid) => return Ok((copy.repository, laid)),
                // What is wrong on this host is wrong with any repository.
                Err(error) if matches!(error.class(), Class::LocalFile | Class::Input) => {
                    return Err(error);
                }
                Err(error) => {
                    let name = repository.name();
                    failure = Some(
                        error.while_doing(format!("could not restore from repository {name}")),
                    );
                }
            }
        }
        Err(failure.unwrap_or_else(|| {
            let message = format!("no repository has all of Redis backup {}", self.backup.id);
            Error::new(Class::Gap, message)
                .hint("`redis-backup list` shows what is wrong with it; restore another one.")
        }))
    }

    fn from(&self, repository: &Repository) -> Result<RestoredRedisFiles> {
        let contents = self.series.contents(&self.backup.id, repository)?;
        let Some(contents) = contents else {
            return Err(Error::new(Class::Gap, format!("backup {} is gone", self.backup.id)));
        };
        let description = contents.description;
        let folder: BackupFolder = self.series.folder(&self.backup.id);
        let source = ObjectSource {
            storage: repository.storage(),
            prefix: &folder.key(""),
            encrypted: description.encrypted,
            identities: self.identities,
            attempts: self.config.limits.attempts,
        };
        let laying = std::cell::RefCell::new(self.target.begin()?);
        for file in &description.files {
            let mut tried = false;
            source.plain(&file.stored, &|_| {}, &mut |plain| {
                let mut laying = laying.borrow_mut();
                if std::mem::replace(&mut tried, true) {
                    laying.again();
                }
                match description.content {
                    RedisContent::Rdb => laying.begin_rdb()?,
                    RedisContent::AppendOnly => laying.begin_file(&file.name)?,
                }
                copy(plain, &mut |bytes| {
                    (self.progress)(bytes.len() as u64);
                    laying.write(bytes)
                })
            })?;
        }
        laying.into_inner().finish()
    }
}

fn copy(plain: &mut dyn BufRead, write: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    loop {
        let bytes = plain.fill_buf().map_err(|error| read_failed(&error))?;
        if bytes.is_empty() {
            return Ok(());
        }
        write(bytes)?;
        let length = bytes.len();
        plain.consume(length);
    }
}
