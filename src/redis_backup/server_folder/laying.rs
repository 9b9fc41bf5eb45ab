//! A restore into a server's folder: files are prepared beside the server's own, and then get their names by a
//! plan.
//!
//! The server finds its old data or the new, never none and never a mixture, whenever it is started and
//! whenever this process is killed.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::open_folder::{FileInProgress, ServerFolder};
use super::rename_plan::{
    OldFiles, PreparedFile, RenamePlan, RenameStep, STAGING, remove_leavings,
};
use super::{Aof, RedisTarget};
use crate::durable::Owner;
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;
use crate::redis_backup::conf_words::is_file_name;
use crate::redis_backup::rdb::RdbCheck;

/// For files that take nobody's place.
const MODE: u32 = 0o600;

/// A restore into a server's folder. Files are prepared beside the server's own; at the end, when all are whole
/// and on the disk, they get their names in a few steps that a killed run leaves to the next. The server finds
/// its old data or the new ones, never none and never a mixture. Dropped before its end, it changes nothing.
pub struct FolderRestore<'a> {
    target: &'a RedisTarget,
    inside: ServerFolder,
    files: Vec<PreparedFile>,
    current: Option<FileInProgress>,
    check: Option<RdbCheck>,
}

/// What was laid down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredRedisFiles {
    /// What the server reads.
    pub files: Vec<PathBuf>,
    /// What was there before, under its new names.
    pub kept: Vec<PathBuf>,
}

impl RedisTarget {
    /// Begins a restore; first it carries one that was killed to its end. An error when a server uses the
    /// folder.
    pub fn begin(&self) -> Result<FolderRestore<'_>> {
        if !self.dir.is_dir() {
            let message = format!("the server's folder {:?} does not exist", self.dir);
            return Err(Error::new(Class::Input, message)
                .hint("Is the disk mounted? Make the folder, and let the server's user own it."));
        }
        self.refuse_used()?;
        let inside = ServerFolder::open(&self.dir)?;
        if let Some(plan) = RenamePlan::found(&inside)? {
            tracing::info!("a restore that was interrupted is carried to its end first");
            plan.carry_out(&inside, self.owner(&inside)?)?;
        }
        remove_leavings(&inside)?;
        inside.make_folder(STAGING, Owner::ours())?;
        reach("redis.staging-made");
        Ok(FolderRestore { target: self, inside, files: Vec::new(), current: None, check: None })
    }

    /// Whether a restore into the folder was killed while files got their names. An error when there is something in
    /// its place that nobody should carry out.
    pub fn is_unfinished(&self) -> Result<bool> {
        if !self.dir.is_dir() {
            return Ok(false);
        }
        RenamePlan::found(&ServerFolder::open(&self.dir)?).map(|plan| plan.is_some())
    }

    /// Whose new files are: the folder's owner's; where root owns that, the one's of a file that is there.
    fn owner(&self, inside: &ServerFolder) -> Result<Owner> {
        let owner = inside.owner()?;
        let old = self.old_file(inside).filter(|_| owner.uid == 0);
        Ok(old.map_or(owner, |(owner, _)| owner))
    }

    /// Owner and mode of a file that the server wrote.
    fn old_file(&self, inside: &ServerFolder) -> Option<(Owner, u32)> {
        let manifest = format!("{}/{}.manifest", self.appenddirname, self.appendfilename);
        let known = [&self.dbfilename, &self.appendfilename, &manifest];
        known.into_iter().find_map(|name| inside.file(name))
    }
}

impl FolderRestore<'_> {
    /// The next bytes are those of the one RDB file of a backup; they are checked.
    pub fn begin_rdb(&mut self) -> Result<()> {
        self.begin(None)?;
        self.check = Some(RdbCheck::new());
        Ok(())
    }

    /// The next bytes are those of a file of an append-only set. `name` is as it was at the backup.
    pub fn begin_file(&mut self, name: &str) -> Result<()> {
        if !is_file_name(name) {
            let message = format!("expected the name of a file in the backup, found {name:?}");
            return Err(Error::new(Class::Damaged, message));
        }
        self.begin(Some(name.to_owned()))
    }

    fn begin(&mut self, name: Option<String>) -> Result<()> {
        self.end_file()?;
        let path = format!("{STAGING}/{}", self.files.len());
        let old = self.target.old_file(&self.inside);
        let mode = old.map_or(MODE, |(_, mode)| mode & 0o666);
        self.current = Some(self.inside.begin(&path, mode)?);
        self.files.push(PreparedFile { name, path });
        Ok(())
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(check) = &mut self.check {
            check.write(bytes)?;
        }
        match (&mut self.current, self.files.last()) {
            (Some(file), Some(last)) => self.inside.write(file, &last.path, bytes),
            _ => Err(Error::new(Class::Internal, "bytes of a file that was not begun")),
        }
    }

    /// Forgets the file under way: it comes once more from its beginning.
    pub fn again(&mut self) {
        if self.current.take().is_some() {
            self.files.pop();
        }
        self.check = None;
    }

    fn end_file(&mut self) -> Result<()> {
        if let Some(check) = self.check.take() {
            check.finish()?;
        }
        let (Some(file), Some(last)) = (self.current.take(), self.files.last()) else {
            return Ok(());
        };
        let owner = self.target.owner(&self.inside)?;
        self.inside.end(file, &last.path, STAGING, owner)?;
        reach("redis.file-laid");
        Ok(())
    }

    /// Puts the files where the server reads them. What was there is kept under names that end in the time.
    pub fn finish(mut self) -> Result<RestoredRedisFiles> {
        self.end_file()?;
        let plan = self.plan(Timestamp::now())?;
        self.target.refuse_used()?;
        plan.write(&self.inside)?;
        reach("redis.planned");
        plan.carry_out(&self.inside, self.target.owner(&self.inside)?)?;
        Ok(laid(&self.target.dir, &plan))
    }

    fn plan(&mut self, now: Timestamp) -> Result<RenamePlan> {
        let old = OldFiles::look(self.target, &self.inside, now)?;
        let files = std::mem::take(&mut self.files);
        match &files[..] {
            [] => Err(Error::new(Class::Internal, "a restore without files")),
            [PreparedFile { name: None, path }] => self.plan_rdb(&old, path),
            _ => self.plan_aof(&old, &files),
        }
    }

    fn plan_rdb(&self, old: &OldFiles<'_>, rdb: &str) -> Result<RenamePlan> {
        let target = self.target;
        let mut plan = RenamePlan::default();
        if target.aof == Aof::Off {
            old.replace(&mut plan, rdb, &target.dbfilename);
            old.put_aside(&mut plan, &target.appenddirname);
            old.put_aside(&mut plan, &target.appendfilename);
            return Ok(plan);
        }
        // The server ignores it now, and reads it when appendonly is switched off.
        let second = format!("{STAGING}/rdb");
        self.inside.keep(rdb, &second)?;
        if !self.inside.exists(rdb) {
            self.inside.rename(&second, rdb)?;
        }
        if target.aof == Aof::Single {
            old.replace(&mut plan, rdb, &target.appendfilename);
            old.put_aside(&mut plan, &target.appenddirname);
        } else {
            let (names, manifest) = old.renamed_base(rdb, "rdb");
            self.plan_set(&mut plan, old, &names, &manifest)?;
        }
        old.replace(&mut plan, &second, &target.dbfilename);
        Ok(plan)
    }

    fn plan_aof(&self, old: &OldFiles<'_>, files: &[PreparedFile]) -> Result<RenamePlan> {
        let target = self.target;
        let manifest = files.iter().find(|file| file.is_manifest());
        let mut plan = RenamePlan::default();
        match (target.aof, manifest) {
            (Aof::Off, _) => {
                let message = "expected a server with appendonly yes for an append-only file, found one with no";
                return Err(Error::new(Class::Input, message).hint(
                    "The server would ignore it: set appendonly yes, or restore an RDB backup.",
                ));
            }
            (Aof::Single, Some(_)) => {
                let message = "expected a server of Redis 7 or later for a multi-part AOF, found an older one";
                return Err(Error::new(Class::Input, message)
                    .hint("Restore it with a server of the version that it was taken from."));
            }
            (Aof::Single, None) => {
                let [file] = files else { return Err(without_manifest()) };
                old.replace(&mut plan, &file.path, &target.appendfilename);
                old.put_aside(&mut plan, &target.appenddirname);
            }
            (Aof::MultiPart, None) => {
                let [file] = files else { return Err(without_manifest()) };
                let (names, manifest) = old.renamed_base(&file.path, "aof");
                self.plan_set(&mut plan, old, &names, &manifest)?;
            }
            (Aof::MultiPart, Some(manifest)) => {
                let text = self.inside.read(&manifest.path)?;
                let (text, _, _) = text.ok_or_else(without_manifest)?;
                let (names, manifest) = old.renamed_set(files, &text)?;
                self.plan_set(&mut plan, old, &names, &manifest)?;
            }
        }
        old.put_aside(&mut plan, &target.dbfilename);
        Ok(plan)
    }

    /// The manifest decides which files the server reads: with its name all changes at once.
    fn plan_set(
        &self,
        plan: &mut RenamePlan,
        old: &OldFiles<'_>,
        names: &[(String, String)],
        manifest: &str,
    ) -> Result<()> {
        let target = self.target;
        let prepared = format!("{STAGING}/manifest");
        let mut file = self.inside.begin(&prepared, MODE)?;
        self.inside.write(&mut file, &prepared, manifest.as_bytes())?;
        self.inside.end(file, &prepared, STAGING, target.owner(&self.inside)?)?;
        old.keep_manifest(plan);
        let folder = &target.appenddirname;
        plan.folder(folder);
        for (from, name) in names {
            plan.put(from, &format!("{folder}/{name}"));
        }
        plan.sync(folder);
        plan.put(&prepared, &format!("{folder}/{}", old.manifest_name()));
        plan.sync(folder);
        old.put_set_aside(plan);
        old.put_aside(plan, &target.appendfilename);
        Ok(())
    }
}

fn laid(dir: &Path, plan: &RenamePlan) -> RestoredRedisFiles {
    let (mut files, mut kept) = (Vec::new(), Vec::new());
    for step in &plan.steps {
        match step {
            RenameStep::Put { to, .. } => files.push(dir.join(to)),
            RenameStep::Keep { to, .. } | RenameStep::Aside { to, .. } => kept.push(dir.join(to)),
            RenameStep::Folder { .. } | RenameStep::Sync { .. } => {}
        }
    }
    kept.retain(|path| path.exists());
    RestoredRedisFiles { files, kept }
}

fn without_manifest() -> Error {
    Error::new(Class::Damaged, "there is no manifest among the files of the AOF")
}

/// Before its plan is written, what was prepared is worth nothing.
impl Drop for FolderRestore<'_> {
    fn drop(&mut self) {
        if !matches!(RenamePlan::found(&self.inside), Ok(Some(_)))
            && let Err(error) = remove_leavings(&self.inside)
        {
            tracing::warn!("could not remove what a restore had prepared: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
