//! What this host stored last in each repository, of the backups of one kind. A disk that is not mounted, a bucket that
//! was made anew, another store at the same address: all look like a repository that was never used, and would take
//! backups that nobody finds there later. (`repository::RepositoryMemory` is the same for WAL.)

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BackupFolder, DESCRIPTION};
use crate::durable::{Notes, Owner};
use crate::error::{Error, Result};
use crate::repository::Repository;

/// A note is far smaller.
const NOTE_BYTES_MAX: u64 = 1 << 16;

/// Notes below a folder that the host has for such things.
pub struct Known {
    /// Is there. `None` where the host has none: then an exchanged repository is not noticed.
    state: Option<PathBuf>,
    folder: String,
    /// That it can't note anything is said once.
    said: AtomicBool,
}

#[derive(Serialize, Deserialize)]
struct Note {
    seawall: u32,
    id: String,
    /// When it was stored, by the clock of this host.
    at: Timestamp,
}

impl Known {
    /// `kind` names the folder of the notes. Each kind has its own, because root takes snapshots of media files and another
    /// user takes base backups.
    pub fn of(state: Option<&Path>, kind: &str) -> Self {
        let state = state.filter(|state| state.is_dir()).map(Path::to_owned);
        Self { state, folder: folder_of(kind), said: AtomicBool::new(false) }
    }

    /// Fails where the repository took a backup of this series from this host, and holds none of it any more: `prune` always
    /// leaves one. `all` is what the keys of the series begin with.
    ///
    /// Where it lost only the newest ones, as an older copy of it did that somebody restored, a new backup is what it needs
    /// most: that is said, and no failure.
    pub fn check(&self, repository: &Repository, all: &str) -> Result<()> {
        let read = |state: &PathBuf| -> Result<_> {
            let Some(notes) = Notes::open(state, &self.folder)? else { return Ok(None) };
            let name = note_of(repository, all);
            Ok(notes.read(&name, NOTE_BYTES_MAX)?.map(|text| (notes.path(&name), text)))
        };
        let found = match self.state.as_ref().map(read).transpose() {
            Ok(found) => found.flatten(),
            Err(error) => {
                self.say(repository, &error);
                return Ok(());
            }
        };
        let Some((path, text)) = found else { return Ok(()) };
        let note = serde_json::from_slice::<Note>(&text).ok();
        let Some(note) = note.filter(|note| note.seawall == 1) else { return Ok(()) };
        if holds_any(repository, all, &format!("{all}{}", note.id))? {
            return Ok(());
        }
        if holds_any(repository, all, "")? {
            let (name, id, at) = (repository.name(), &note.id, note.at);
            tracing::warn!(
                "repository {name} took {id} at {at:.0}, and holds neither it nor a newer one. HINT: \
                 Was an older copy of this repository restored, or was the backup deleted by hand? \
                 Everything stored since that copy is missing."
            );
            return Ok(());
        }
        let found = format!("it holds no backup below {all}");
        Err(repository.is_another(&note.id, note.at, &found, &path))
    }

    /// Whether the repository took a backup of this series from this host.
    pub fn took(&self, repository: &Repository, all: &str) -> bool {
        let path = |state: &PathBuf| state.join(&self.folder).join(note_of(repository, all));
        self.state.as_ref().map(path).is_some_and(|path| path.is_file())
    }

    /// Notes, durably, that the repository took a backup.
    pub fn keep(&self, repository: &Repository, folder: &BackupFolder) {
        let Some(state) = &self.state else { return };
        let note = Note { seawall: 1, id: folder.id().to_owned(), at: Timestamp::now() };
        let Ok(json) = serde_json::to_vec(&note) else { return };
        let name = note_of(repository, folder.all());
        let kept = Notes::make(state, &self.folder).and_then(|notes| notes.write(&name, &json));
        if let Err(error) = kept {
            self.say(repository, &error);
        }
    }

    fn say(&self, repository: &Repository, error: &Error) {
        if !self.said.swap(true, Ordering::Relaxed) {
            let name = repository.name();
            tracing::warn!("this host can't notice it if repository {name} is exchanged: {error}");
        }
    }
}

/// Makes the folder of notes and gives it to `owner`, the user that takes such backups. Only root can make the usual folder.
pub fn make_room(state: &Path, kind: &str, owner: Owner) -> Result<()> {
    Notes::make_for(state, &folder_of(kind), owner)
}

/// The same as a path; it need not be there.
pub fn notes_folder(state: &Path, kind: &str) -> PathBuf {
    state.join(folder_of(kind))
}

/// Where the notes of a kind of backups are, below the state folder of the host.
pub(super) fn folder_of(kind: &str) -> String {
    format!("{kind}-known")
}

/// Bound to all that makes a repository another one: the store, the place in it, the series.
pub(super) fn note_of(repository: &Repository, all: &str) -> String {
    let hash = blake3::hash(format!("{}\0{all}", repository.identity()).as_bytes()).to_hex();
    format!("{}-{}.json", repository.name(), &hash[..16])
}

/// Whether there is any behind this key.
fn holds_any(repository: &Repository, all: &str, after: &str) -> Result<bool> {
    let mut any = false;
    let listed = repository.storage().list(all, after, &mut |object| {
        any = object.key.rsplit_once('/').is_some_and(|(_, name)| name == DESCRIPTION);
        if any { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    listed.map_err(|error| {
        error.while_doing(format!("could not list repository {}", repository.name()))
    })?;
    Ok(any)
}
