//! What this host stored last in each repository, of the backups of one kind. A disk that is not mounted, a bucket that
//! was made anew, another store at the same address: all look like a repository that was never used, and would take
//! backups that nobody finds there later. (`repository::Memory` is the same for WAL.)

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BackupFolder, DESCRIPTION};
use crate::durable;
use crate::error::Result;
use crate::repository::Repository;

/// Notes below a folder that the host has for such things.
pub struct Known {
    /// Is there. `None` where the host has none: then an exchanged repository is not noticed.
    state: Option<PathBuf>,
    kind: &'static str,
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
    pub fn of(state: Option<&Path>, kind: &'static str) -> Self {
        Self { state: state.filter(|state| state.is_dir()).map(Path::to_owned), kind }
    }

    /// Fails where the repository took a backup of this series from this host, and holds none of it any more: `prune` always
    /// leaves one. `all` is what the keys of the series begin with.
    pub fn check(&self, repository: &Repository, all: &str) -> Result<()> {
        let Some(path) = self.note(repository, all) else { return Ok(()) };
        let note = durable::read_small(&path).ok();
        let note = note.and_then(|text| serde_json::from_slice::<Note>(&text).ok());
        let Some(note) = note.filter(|note| note.seawall == 1) else { return Ok(()) };
        if holds_any(repository, all)? {
            return Ok(());
        }
        let found = format!("it holds no backup below {all}");
        Err(repository.is_another(&note.id, note.at, &found, &path))
    }

    /// Whether the repository took a backup of this series from this host.
    pub fn took(&self, repository: &Repository, all: &str) -> bool {
        self.note(repository, all).is_some_and(|path| path.is_file())
    }

    /// Notes, durably, that the repository took a backup.
    pub fn keep(&self, repository: &Repository, folder: &BackupFolder) {
        let (Some(state), Some(path)) = (&self.state, self.note(repository, folder.all())) else {
            return;
        };
        let note = Note { seawall: 1, id: folder.id().to_owned(), at: Timestamp::now() };
        let kept = serde_json::to_vec(&note).map_err(|error| error.to_string()).and_then(|json| {
            let notes = path.parent().unwrap_or(state);
            let created = durable::create_folders(state, notes);
            created
                .and_then(|()| durable::replace_synced(&path, &json))
                .map_err(|it| it.to_string())
        });
        if let Err(error) = kept {
            let name = repository.name();
            tracing::debug!("it will not be noticed if repository {name} is exchanged: {error}");
        }
    }

    /// Bound to all that makes a repository another one: the store, the place in it, the series.
    fn note(&self, repository: &Repository, all: &str) -> Option<PathBuf> {
        let hash = blake3::hash(format!("{}\0{all}", repository.identity()).as_bytes()).to_hex();
        let name = format!("{}-{}.json", repository.name(), &hash[..16]);
        Some(self.state.as_ref()?.join(format!("{}-known", self.kind)).join(name))
    }
}

fn holds_any(repository: &Repository, all: &str) -> Result<bool> {
    let mut any = false;
    let listed = repository.storage().list(all, "", &mut |object| {
        any = object.key.rsplit_once('/').is_some_and(|(_, name)| name == DESCRIPTION);
        if any { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    listed.map_err(|error| {
        error.while_doing(format!("could not list repository {}", repository.name()))
    })?;
    Ok(any)
}
