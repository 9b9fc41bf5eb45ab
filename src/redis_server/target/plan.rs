use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::durable;
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

    /// The plan of a restore that was killed, if there is one.
    pub fn found(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| Error::file("read", &path, &error))?,
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            let message = format!(
                "expected the plan of a restore in {path:?}, found something else: {error}"
            );
            Error::new(Class::LocalFile, message)
                .hint("Look what is there, and remove that folder.")
        })
    }

    /// From here on the restore is carried to its end, by this run or by the next.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|error| {
            Error::new(Class::Internal, format!("could not write a plan: {error}"))
        })?;
        let path = dir.join(FILE);
        durable::replace(&path, text.as_bytes())?;
        durable::settle(&path)?;
        durable::sync_folder(dir)
    }

    pub fn carry_out(&self, dir: &Path) -> Result<()> {
        for step in &self.steps {
            step.carry_out(dir)?;
            reach("redis.step-done");
        }
        durable::sync_folder(dir)?;
        reach("redis.carried-out");
        clear(dir)
    }
}

impl Step {
    fn carry_out(&self, dir: &Path) -> Result<()> {
        match self {
            Self::Folder { path } => {
                durable::lay_folder(&dir.join(path))?;
                durable::give_to_owner_of(dir, &dir.join(path))
            }
            Self::Keep { from, to } => durable::keep(&dir.join(from), &dir.join(to)),
            Self::Put { from, to } => {
                // Gone from there: an earlier run has put it.
                let there = dir.join(from).exists();
                if there { durable::hand_over(&dir.join(from), &dir.join(to)) } else { Ok(()) }
            }
            Self::Aside { from, to } => {
                let (from, to) = (dir.join(from), dir.join(to));
                let wanted =
                    fs::symlink_metadata(&from).is_ok() && fs::symlink_metadata(&to).is_err();
                if wanted { durable::hand_over(&from, &to) } else { Ok(()) }
            }
            Self::Sync { path } => durable::sync_folder(&dir.join(path)),
        }
    }
}

/// Removes what was prepared and not used. The plan goes first: half of a folder without it is nothing.
pub fn clear(dir: &Path) -> Result<()> {
    let plan = dir.join(FILE);
    if plan.exists() {
        durable::remove_all(&plan)?;
        durable::sync_folder(&dir.join(STAGING))?;
    }
    let staging = dir.join(STAGING);
    if fs::symlink_metadata(&staging).is_ok() {
        durable::remove_all(&staging)?;
        durable::sync_folder(dir)?;
    }
    Ok(())
}

#[cfg(test)]
impl Plan {
    /// As if killed after so many steps.
    pub fn carry_out_a_part(&self, dir: &Path, steps: usize) {
        self.steps.iter().take(steps).for_each(|step| step.carry_out(dir).unwrap());
    }
}
