//! The renames that put prepared files in place, written down before the first of them ([`RenamePlan`]), and
//! what the files in the folder are called when they have made room ([`OldFiles`]).
//!
//! A restore that is killed half way leaves its plan; whoever comes next carries it out, and each step may be
//! done again.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::RedisTarget;
use super::open_folder::ServerFolder;
use crate::durable::Owner;
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;
use crate::redis_backup::conf_words::{is_file_name, sequence};
use crate::redis_backup::server_files::{AofFile, AofFileKind, AofManifest};

/// The folder beside the server's files in which new ones are prepared. While it is there with a plan in it, a
/// restore is under way, or one was killed.
pub(super) const STAGING: &str = "seawall-restore";
const FILE: &str = "seawall-restore/plan.json";

/// How prepared files get their names: steps in order, each of which may be done again. All paths are relative
/// to the server's folder. Whoever finds a plan carries it out first, whatever was done of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RenamePlan {
    pub steps: Vec<RenameStep>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(super) enum RenameStep {
    /// Makes a folder.
    Folder { path: String },
    /// Gives a file a second name, so that it outlives a `Put` over its first.
    Keep { from: String, to: String },
    /// Gives a prepared file its name, in the place of another: the server reads the one or the other.
    Put { from: String, to: String },
    /// Renames what the server would not read, but should not find.
    Aside { from: String, to: String },
    /// Makes the names in a folder survive a power cut before the next step.
    Sync { path: String },
}

impl RenamePlan {
    pub(super) fn keep(&mut self, from: &str, to: &str) {
        self.steps.push(RenameStep::Keep { from: from.into(), to: to.into() });
    }

    pub(super) fn put(&mut self, from: &str, to: &str) {
        self.steps.push(RenameStep::Put { from: from.into(), to: to.into() });
    }

    pub(super) fn aside(&mut self, from: &str, to: &str) {
        self.steps.push(RenameStep::Aside { from: from.into(), to: to.into() });
    }

    pub(super) fn folder(&mut self, path: &str) {
        self.steps.push(RenameStep::Folder { path: path.into() });
    }

    pub(super) fn sync(&mut self, path: &str) {
        self.steps.push(RenameStep::Sync { path: path.into() });
    }

    /// The plan of a restore that was killed, if there is one. The folder is the server's user's, who may have put there
    /// what he likes: only what root or this user wrote is believed, and it names nothing outside.
    pub(super) fn found(inside: &ServerFolder) -> Result<Option<Self>> {
        let found = inside.read(FILE).map_err(|error| error.hint(LOOK))?;
        let Some((text, owner, mode)) = found else { return Ok(None) };
        let (folder, folder_mode) = inside.folder(STAGING).unwrap_or((owner, 0o777));
        for (what, owner, mode) in [("file", owner, mode), ("folder", folder, folder_mode)] {
            let trusted = owner.uid == 0 || owner.uid == rustix::process::geteuid().as_raw();
            if !trusted || mode & 0o022 != 0 {
                let message = format!(
                    "expected the plan of an earlier restore in a {what} of root or of this user that nobody else \
                     can write, found {FILE} in one of user {} with mode {:04o}",
                    owner.uid,
                    mode & 0o7777
                );
                return Err(Error::new(Class::LocalFile, message).hint(
                    "Run the restore as that user, or look at the contents of the folder seawall-restore, and remove it.",
                ));
            }
        }
        let plan: Self = serde_json::from_str(&text).map_err(|error| not_a_plan(&error))?;
        match plan.steps.iter().find(|step| !step.is_ours()) {
            None => Ok(Some(plan)),
            Some(step) => Err(not_a_plan(&format_args!("{step:?}"))),
        }
    }

    /// From here on the restore is carried to its end, by this run or by the next.
    pub(super) fn write(&self, inside: &ServerFolder) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|error| {
            Error::new(Class::Internal, format!("could not write a plan: {error}"))
        })?;
        inside.replace(FILE, STAGING, text.as_bytes())?;
        inside.sync("")
    }

    /// New folders are for `owner`.
    pub(super) fn carry_out(&self, inside: &ServerFolder, owner: Owner) -> Result<()> {
        for step in &self.steps {
            step.carry_out(inside, owner)?;
            reach("redis.step-done");
        }
        inside.sync("")?;
        reach("redis.carried-out");
        remove_leavings(inside)
    }
}

const LOOK: &str = "Look at the contents of the folder seawall-restore, and remove it.";

fn not_a_plan(found: &dyn std::fmt::Display) -> Error {
    let message =
        format!("expected the plan of a restore in {FILE}, found something else: {found}");
    Error::new(Class::LocalFile, message).hint(LOOK)
}

/// A name in the server's folder or in a folder of that, as plans have them.
fn is_below(path: &str) -> bool {
    path.split('/').count() <= 2 && path.split('/').all(is_file_name)
}

fn is_prepared(path: &str) -> bool {
    path.strip_prefix(STAGING).is_some_and(|name| name.starts_with('/'))
}

impl RenameStep {
    fn is_ours(&self) -> bool {
        match self {
            Self::Folder { path } => is_file_name(path),
            Self::Sync { path } => path == "." || is_below(path),
            Self::Put { from, to } => is_below(from) && is_prepared(from) && is_below(to),
            Self::Keep { from, to } | Self::Aside { from, to } => is_below(from) && is_below(to),
        }
    }

    fn carry_out(&self, inside: &ServerFolder, owner: Owner) -> Result<()> {
        match self {
            Self::Folder { path } => inside.make_folder(path, owner),
            Self::Keep { from, to } => inside.keep(from, to),
            Self::Put { from, to } => {
                // Gone from there: an earlier run has put it.
                if inside.exists(from) { inside.rename(from, to) } else { Ok(()) }
            }
            Self::Aside { from, to } => {
                let wanted = inside.exists(from) && !inside.exists(to);
                if wanted { inside.rename(from, to) } else { Ok(()) }
            }
            Self::Sync { path } => inside.sync(if path == "." { "" } else { path }),
        }
    }
}

/// Removes what was prepared and not used. The plan goes first: half of a folder without it is nothing.
pub(super) fn remove_leavings(inside: &ServerFolder) -> Result<()> {
    if inside.exists(FILE) {
        inside.remove(FILE)?;
        inside.sync(STAGING)?;
    }
    if inside.exists(STAGING) {
        inside.remove(STAGING)?;
        inside.sync("")?;
    }
    Ok(())
}

#[cfg(test)]
impl RenamePlan {
    /// As if killed after so many steps.
    pub(crate) fn carry_out_a_part(&self, inside: &ServerFolder, steps: usize) -> Result<()> {
        let owner = inside.owner()?;
        self.steps.iter().take(steps).try_for_each(|step| step.carry_out(inside, owner))
    }
}

/// A file that was written and waits for its name.
pub(super) struct PreparedFile {
    /// As the backup calls it; `None` for its RDB file.
    pub name: Option<String>,
    /// Relative to the server's folder.
    pub path: String,
}

impl PreparedFile {
    pub(super) fn is_manifest(&self) -> bool {
        self.name.as_ref().is_some_and(|name| name.ends_with(".manifest"))
    }
}

/// What lies in the server's folder, and how it is called when it has made room.
pub(super) struct OldFiles<'a> {
    target: &'a RedisTarget,
    inside: &'a ServerFolder,
    /// `.old-20261122T221500Z`.
    suffix: String,
    /// The files in the folder of the multi-part AOF.
    set: Vec<String>,
}

impl<'a> OldFiles<'a> {
    pub(super) fn look(
        target: &'a RedisTarget,
        inside: &'a ServerFolder,
        now: Timestamp,
    ) -> Result<Self> {
        let mut second = now;
        let mut suffix = second.strftime(".old-%Y%m%dT%H%M%SZ").to_string();
        let names = [&target.dbfilename, &target.appendfilename, &target.appenddirname];
        // Two restores within a second.
        while names.iter().any(|name| inside.exists(&format!("{name}{suffix}"))) {
            second = second.saturating_add(SignedDuration::from_secs(1)).unwrap_or(second);
            suffix = second.strftime(".old-%Y%m%dT%H%M%SZ").to_string();
        }
        let set = inside.names(&target.appenddirname)?;
        Ok(Self { target, inside, suffix, set })
    }

    pub(super) fn manifest_name(&self) -> String {
        format!("{}.manifest", self.target.appendfilename)
    }

    /// The new file takes the name of the old one, which is kept.
    pub(super) fn replace(&self, plan: &mut RenamePlan, prepared: &str, name: &str) {
        // Only what is there now: a later run would keep the new file.
        if self.inside.exists(name) {
            plan.keep(name, &format!("{name}{}", self.suffix));
            plan.sync(".");
        }
        plan.put(prepared, name);
        plan.sync(".");
    }

    pub(super) fn put_aside(&self, plan: &mut RenamePlan, name: &str) {
        if self.inside.exists(name) {
            plan.aside(name, &format!("{name}{}", self.suffix));
        }
    }

    pub(super) fn keep_manifest(&self, plan: &mut RenamePlan) {
        if self.set.is_empty() {
            return;
        }
        let (folder, name) = (&self.target.appenddirname, self.manifest_name());
        let aside = format!("{folder}{}", self.suffix);
        plan.folder(&aside);
        if self.set.contains(&name) {
            plan.keep(&format!("{folder}/{name}"), &format!("{aside}/{name}"));
        }
        plan.sync(&aside);
        plan.sync(".");
    }

    pub(super) fn put_set_aside(&self, plan: &mut RenamePlan) {
        let (folder, manifest) = (&self.target.appenddirname, self.manifest_name());
        let aside = format!("{folder}{}", self.suffix);
        for name in self.set.iter().filter(|name| **name != manifest) {
            plan.aside(&format!("{folder}/{name}"), &format!("{aside}/{name}"));
        }
        if !self.set.is_empty() {
            plan.sync(&aside);
        }
    }

    /// The first number that no file in the folder has: no new file takes the place of an old one.
    fn first_number(&self) -> u64 {
        self.set.iter().filter_map(|name| sequence(name)).max().map_or(1, |last| last + 1)
    }

    /// The one file becomes the base of a set.
    pub(super) fn renamed_base(
        &self,
        prepared: &str,
        ending: &str,
    ) -> (Vec<(String, String)>, String) {
        let sequence = self.first_number();
        let name = format!("{}.{sequence}.base.{ending}", self.target.appendfilename);
        let entries = vec![AofFile { name: name.clone(), sequence, kind: AofFileKind::Base }];
        (vec![(prepared.to_owned(), name)], AofManifest { entries }.to_string())
    }

    /// The files of a set get the numbers that come next here, and their manifest says so.
    pub(super) fn renamed_set(
        &self,
        files: &[PreparedFile],
        manifest: &str,
    ) -> Result<(Vec<(String, String)>, String)> {
        let manifest = AofManifest::parse(manifest)?;
        let first = self.first_number();
        let (mut names, mut entries) = (Vec::new(), Vec::new());
        let (mut increments, prefix) = (0, &self.target.appendfilename);
        for AofFile { name, kind, .. } in manifest.needed() {
            let prepared = files.iter().find(|file| file.name.as_ref() == Some(name));
            let prepared = prepared.ok_or_else(|| {
                let message = format!("{name:?} of the manifest is not among the files of the AOF");
                Error::new(Class::Damaged, message)
            })?;
            let (sequence, ending) = match kind {
                AofFileKind::Increment => (first + increments, "incr.aof"),
                _ if name.ends_with(".rdb") => (first, "base.rdb"),
                _ => (first, "base.aof"),
            };
            increments += u64::from(*kind == AofFileKind::Increment);
            let name = format!("{prefix}.{sequence}.{ending}");
            names.push((prepared.path.clone(), name.clone()));
            entries.push(AofFile { name, sequence, kind: *kind });
        }
        Ok((names, AofManifest { entries }.to_string()))
    }
}
