use serde::{Deserialize, Serialize};

use super::inside::Inside;
use super::names::is_file_name;
use crate::durable::Owner;
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;

/// The folder beside the server's files in which new ones are prepared. While it is there with a plan in it, a
/// restore is under way, or one was killed.
pub const STAGING: &str = "seawall-restore";
const FILE: &str = "seawall-restore/plan.json";

/// How prepared files get their names: steps in order, each of which may be done again. All paths are relative
/// to the server's folder. Whoever finds a plan carries it out first, whatever was done of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Step {
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

impl Plan {
    pub fn keep(&mut self, from: &str, to: &str) {
        self.steps.push(Step::Keep { from: from.into(), to: to.into() });
    }

    pub fn put(&mut self, from: &str, to: &str) {
        self.steps.push(Step::Put { from: from.into(), to: to.into() });
    }

    pub fn aside(&mut self, from: &str, to: &str) {
        self.steps.push(Step::Aside { from: from.into(), to: to.into() });
    }

    pub fn folder(&mut self, path: &str) {
        self.steps.push(Step::Folder { path: path.into() });
    }

    pub fn sync(&mut self, path: &str) {
        self.steps.push(Step::Sync { path: path.into() });
    }

    /// The plan of a restore that was killed, if there is one. The folder is the server's user's, who may have put there
    /// what he likes: only what root or this user wrote is believed, and it names nothing outside.
    pub fn found(inside: &Inside) -> Result<Option<Self>> {
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
                    "Run the restore as that user, or look what is there, and remove the folder seawall-restore.",
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
    pub fn write(&self, inside: &Inside) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|error| {
            Error::new(Class::Internal, format!("could not write a plan: {error}"))
        })?;
        inside.replace(FILE, STAGING, text.as_bytes())?;
        inside.sync("")
    }

    /// New folders are for `owner`.
    pub fn carry_out(&self, inside: &Inside, owner: Owner) -> Result<()> {
        for step in &self.steps {
            step.carry_out(inside, owner)?;
            reach("redis.step-done");
        }
        inside.sync("")?;
        reach("redis.carried-out");
        clear(inside)
    }
}

const LOOK: &str = "Look what is there, and remove the folder seawall-restore.";

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

impl Step {
    fn is_ours(&self) -> bool {
        match self {
            Self::Folder { path } => is_file_name(path),
            Self::Sync { path } => path == "." || is_below(path),
            Self::Put { from, to } => is_below(from) && is_prepared(from) && is_below(to),
            Self::Keep { from, to } | Self::Aside { from, to } => is_below(from) && is_below(to),
        }
    }

    fn carry_out(&self, inside: &Inside, owner: Owner) -> Result<()> {
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
pub fn clear(inside: &Inside) -> Result<()> {
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
impl Plan {
    /// As if killed after so many steps.
    pub fn carry_out_a_part(&self, inside: &Inside, steps: usize) {
        let owner = inside.owner().unwrap();
        self.steps.iter().take(steps).for_each(|step| step.carry_out(inside, owner).unwrap());
    }
}
