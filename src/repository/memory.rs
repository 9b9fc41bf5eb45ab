//! What this host stored last in each repository. A disk that is not mounted, a bucket that was made anew, another
//! store at the same address: all look like a repository that was never used, and would take WAL that nobody finds
//! there later.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::layout::wal_file_of;
use super::{Repository, WalFolder};
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::postgres::WalFileName;

/// What was stored later than this after what is remembered is not remembered: each time costs a sync.
const WRITTEN_ANEW_AFTER: Duration = Duration::from_secs(60);

/// One file for each repository that took something.
pub struct RepositoryMemory {
    /// Is there, and survives a power cut.
    above: PathBuf,
    folder: PathBuf,
}

/// Something that a repository took from this host.
pub(super) struct Remembered {
    pub key: String,
    note: LastStored,
    /// The file of the note.
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct LastStored {
    seawall: u32,
    name: String,
    key: String,
    /// When it was stored, by the clock of this host.
    at: Timestamp,
}

impl RepositoryMemory {
    /// In `folder`, which may have to be created, as all between it and `above`.
    pub fn new(above: PathBuf, folder: PathBuf) -> Self {
        Self { above, folder }
    }

    /// `None` before the first file that a repository takes from this host.
    pub(super) fn of(&self, repository: &Repository, folder: &WalFolder) -> Option<Remembered> {
        let path = self.path(repository, folder);
        let note: LastStored = serde_json::from_slice(&durable::read_small(&path).ok()?).ok()?;
        (note.seawall == 1).then(|| Remembered { key: note.key.clone(), note, path })
    }

    /// Makes a note that the repository took this, and makes it durable: a disk is most likely not mounted after a
    /// power cut. Without the note the next push asks less.
    pub fn keep(&self, repository: &Repository, folder: &WalFolder, name: WalFileName, key: &str) {
        let now = Timestamp::now();
        if self.of(repository, folder).is_some_and(|last| is_recent(last.note.at, now)) {
            return;
        }
        let note = LastStored { seawall: 1, name: name.to_string(), key: key.to_owned(), at: now };
        let Ok(json) = serde_json::to_vec(&note) else { return };
        let kept = durable::create_folders(&self.above, &self.folder)
            .and_then(|()| durable::replace_synced(&self.path(repository, folder), &json));
        if let Err(error) = kept {
            let name = &repository.name;
            tracing::warn!("this host can't notice it if repository {name} is exchanged: {error}");
        }
    }

    /// Bound to all that makes a repository another one: the store, the place in it, cluster and system.
    fn path(&self, repository: &Repository, folder: &WalFolder) -> PathBuf {
        let mut hasher = blake3::Hasher::new();
        for part in [repository.identity.as_str(), "\0", folder.prefix()] {
            hasher.update(part.as_bytes());
        }
        let hash = hasher.finalize().to_hex();
        self.folder.join(format!("{}-{}.json", repository.name, &hash[..16]))
    }
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    let age = SystemTime::from(now).duration_since(at.into());
    age.is_ok_and(|age| age < WRITTEN_ANEW_AFTER)
}

impl Repository {
    /// What is remembered is not there, and `name` is to be stored: it was pruned, where other hosts archived meanwhile,
    /// or it is this very file, which somebody moved aside to have it archived again; or this is another repository.
    pub(super) fn accept_without(
        &self,
        remembered: &Remembered,
        folder: &WalFolder,
        name: WalFileName,
    ) -> Result<()> {
        let note = &remembered.note;
        let is_this = note.name == name.to_string();
        let found = match self.wal_beside(folder, &note.name)? {
            NamesBeside::Later if self.has_base_backups(folder)? => {
                tracing::debug!("{} was pruned in repository {}", note.name, self.name);
                return Ok(());
            }
            NamesBeside::Earlier | NamesBeside::Later if is_this => {
                tracing::warn!("{} was removed from repository {}", note.key, self.name);
                return Ok(());
            }
            NamesBeside::Nothing => format!("it holds no WAL of system {}", folder.system()),
            NamesBeside::Earlier | NamesBeside::Later => format!("it lacks {}", note.key),
        };
        Err(self.is_another(&note.name, note.at, &found, &remembered.path))
    }

    /// The error of a repository that lacks what it took before; `note` is the file that says so.
    pub fn is_another(&self, took: &str, at: Timestamp, found: &str, note: &Path) -> Error {
        let (name, place) = (&self.name, self.storage.place());
        let message = format!(
            "repository {name} ({place}) is not the one that took {took} at {at:.0}: {found}"
        );
        let question = match self.storage.reads_are_cheap() {
            true => "Is the disk mounted?",
            false => {
                "Are endpoint and bucket the right ones, and is the disk of the store mounted?"
            }
        };
        let file = note.display();
        let hint = format!("{question} If this repository is really new, remove {file}.");
        Error::new(Class::Unreachable, message).hint(hint)
    }

    /// What WAL there is of a system that lacks `name`.
    fn wal_beside(&self, folder: &WalFolder, name: &str) -> Result<NamesBeside> {
        let lacking = name.parse::<WalFileName>().ok();
        let mut beside = NamesBeside::Nothing;
        self.storage
            .list(folder.prefix(), "", &mut |object| {
                let Some(there) = wal_file_of(object.key) else { return ControlFlow::Continue(()) };
                if lacking.is_some_and(|lacking| is_later(there, lacking)) {
                    beside = NamesBeside::Later;
                    return ControlFlow::Break(());
                }
                beside = NamesBeside::Earlier;
                ControlFlow::Continue(())
            })
            .map_err(|error| self.not_listed(error))?;
        Ok(beside)
    }

    /// WAL is pruned for the sake of base backups that begin behind it.
    fn has_base_backups(&self, folder: &WalFolder) -> Result<bool> {
        let mut any = false;
        self.storage
            .list(&folder.base_backups(), "", &mut |object| {
                any = object.key.ends_with("/backup.json");
                if any { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .map_err(|error| self.not_listed(error))?;
        Ok(any)
    }
}

enum NamesBeside {
    Nothing,
    /// Only what comes before it.
    Earlier,
    Later,
}

/// Whether a file lies behind another one, on its timeline or on a later one.
fn is_later(there: WalFileName, lacking: WalFileName) -> bool {
    match (there.segment(), lacking.segment()) {
        (Some(there), Some(lacking)) => {
            there.timeline >= lacking.timeline
                && (there.log, there.segment) > (lacking.log, lacking.segment)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_prune_leaves_lies_behind_what_it_deletes() {
        let name = |text: &str| text.parse::<WalFileName>().unwrap();
        let lacking = name("000000020000000100000005");
        for (there, later) in [
            ("000000020000000100000006", true),
            ("000000030000000100000006", true),
            ("000000020000000200000000.00000028.backup", true),
            ("000000020000000100000004", false),
            ("000000010000000100000006", false),
            ("00000003.history", false),
        ] {
            assert_eq!(is_later(name(there), lacking), later, "{there}");
        }
    }
}
