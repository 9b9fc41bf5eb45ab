//! What a host that holds no private key remembers of its newest snapshot in one repository: index and contents in the
//! clear, because it could not read them back. They are of use only as long as the repository's newest snapshot is the
//! very one they belong to. Losing them costs one snapshot that reads and sends everything.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{CONTENTS, INDEX, Spool};
use crate::durable::{Temporary, is_temporary, open_to_read, replace};
use crate::error::{Error, Result};
use crate::media_backup::Description;

/// The folder with what is remembered, of one set and one repository.
pub struct State(PathBuf);

/// Which snapshot the files belong to: SHA-256 of its two objects as they are stored.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    id: String,
    index: String,
    contents: String,
}

impl Note {
    fn of(description: &Description) -> Option<Self> {
        let sum = |name| description.object(name).map(|object| object.sha256.clone());
        let (index, contents) = (sum(INDEX)?, sum(CONTENTS)?);
        Some(Self { id: description.id.clone(), index, contents })
    }
}

impl State {
    pub fn of(all: &Path, set: &str, repository: &str) -> Self {
        Self(all.join("media").join(set).join(repository))
    }

    /// Index and contents, compressed, if they are those of this snapshot.
    pub fn load(&self, description: &Description) -> Option<(Spool, Spool)> {
        let note = fs::read(self.path(&description.id, "json")).ok()?;
        let note: Note = serde_json::from_slice(&note).ok()?;
        if Some(note) != Note::of(description) {
            return None;
        }
        let open = |name| open_to_read(&self.path(&description.id, name)).ok().map(Spool::of);
        Some((open(INDEX)?, open(CONTENTS)?))
    }

    /// Keeps those of this snapshot, and of no other.
    pub fn store(&self, description: &Description, index: &Spool, contents: &Spool) -> Result<()> {
        let Some(note) = Note::of(description) else { return Ok(()) };
        create(&self.0)?;
        for (name, content) in [(INDEX, index), (CONTENTS, contents)] {
            let target = self.path(&description.id, name);
            let mut temporary = Temporary::create_in(&self.0)?;
            let copied = io::copy(&mut content.reader(), temporary.file());
            let copied = copied.and_then(|_| temporary.file().flush());
            copied.map_err(|error| Error::file("write", &target, &error))?;
            temporary.replace(&target)?;
        }
        let note = serde_json::to_vec(&note).unwrap_or_default();
        replace(&self.path(&description.id, "json"), &note)?;
        self.remove_others(&description.id);
        Ok(())
    }

    fn path(&self, id: &str, name: &str) -> PathBuf {
        self.0.join(format!("{id}.{name}"))
    }

    fn remove_others(&self, id: &str) {
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let mine = name.to_string_lossy().starts_with(id);
            if !mine && !is_temporary(&name) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// For its owner only.
pub fn create(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Error::file("create folder", folder, &error))
}
