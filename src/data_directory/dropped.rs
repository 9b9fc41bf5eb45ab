//! What a human dropped (`seawall drop-wal`): files that wait in `pg_wal` and that `wal-push` lets PostgreSQL remove although
//! they are archived nowhere.
//!
//! A note lists them, each with the stamp of the very file: another file of that name, as a copied or restored data
//! directory has it, was not dropped.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StateFolder;
use crate::durable::{self, FileStamp};
use crate::error::{Error, Result};
use crate::postgres::WalFileName;

/// A file takes some 200 bytes; more than 300,000 of them are not noted.
const BYTES_MAX: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct DroppedNote {
    seawall: u32,
    files: BTreeMap<String, FileStamp>,
}

/// The note on the files that were dropped.
pub struct DroppedFiles {
    path: PathBuf,
}

impl DroppedFiles {
    pub fn of(state: &StateFolder) -> Self {
        Self { path: state.path().join("dropped.json") }
    }

    /// Where descriptions of what was dropped wait for repositories that were away.
    pub fn waiting(state: &StateFolder) -> PathBuf {
        state.path().join("gaps")
    }

    /// Notes these as well, durably. From now on `wal-push` answers for them.
    pub fn add(&self, files: &[(WalFileName, FileStamp)]) -> Result<()> {
        let earlier = self.read().map(|note| note.files).unwrap_or_default();
        let files = files.iter().map(|(name, stamp)| (name.to_string(), stamp.clone()));
        let note = DroppedNote { seawall: 1, files: earlier.into_iter().chain(files).collect() };
        let json = serde_json::to_vec(&note).map_err(io::Error::other);
        let json = json.map_err(|error| Error::file("write", &self.path, &error))?;
        durable::replace_synced(&self.path, &json)
    }

    /// Whether the file at `path`, which PostgreSQL calls `name`, was dropped. PostgreSQL asks for files in the order of their
    /// names: when it asks for a segment behind all of them, the note has done its duty.
    pub fn has(&self, name: WalFileName, path: &Path) -> bool {
        let Some(note) = self.read() else { return false };
        let own = name.to_string();
        if let Some(noted) = note.files.get(&own) {
            let opened = durable::open_to_read(path).and_then(|file| FileStamp::of(&file));
            return opened.is_ok_and(|seen| seen.is_same_file(noted));
        }
        let is_behind = |noted: &String| own.get(..8) == noted.get(..8) && *noted < own;
        if name.segment().is_some() && note.files.keys().all(is_behind) {
            let _ = fs::remove_file(&self.path);
        }
        false
    }

    /// `None` as well where it is not what this version writes: then the files are archived as ever.
    fn read(&self) -> Option<DroppedNote> {
        let file = durable::open_to_read(&self.path).ok()?;
        let note = read_note(file);
        if note.is_none() {
            let path = &self.path;
            tracing::warn!("passed over {path:?}: it is not a note of this version on dropped WAL");
        }
        note
    }
}

fn read_note(file: File) -> Option<DroppedNote> {
    let mut bytes = Vec::new();
    file.metadata().ok().filter(fs::Metadata::is_file)?;
    file.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let note: DroppedNote = serde_json::from_slice(&bytes).ok()?;
    (note.seawall == 1).then_some(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_file_was_dropped() {
        let place = tempfile::tempdir().unwrap();
        let dropped = DroppedFiles { path: place.path().join("dropped.json") };
        let name = |number: u32| format!("0000000100000000000000{number:02X}");
        let parsed = |number: u32| name(number).parse::<WalFileName>().unwrap();
        let path = |number: u32| place.path().join(name(number));
        (1..5).for_each(|number| fs::write(path(number), "wal").unwrap());
        let stamp = |number: u32| FileStamp::of(&File::open(path(number)).unwrap()).unwrap();
        assert!(!dropped.has(parsed(1), &path(1)));
        dropped.add(&[(parsed(1), stamp(1))]).unwrap();
        dropped.add(&[(parsed(2), stamp(2))]).unwrap();
        assert!(dropped.has(parsed(1), &path(1)) && dropped.has(parsed(2), &path(2)));
        // A copy is another file.
        fs::copy(path(1), path(9)).unwrap();
        fs::rename(path(9), path(1)).unwrap();
        assert!(!dropped.has(parsed(1), &path(1)) && dropped.has(parsed(2), &path(2)));
        // Of another timeline nothing is known; behind the last one nothing is needed any more.
        let other: WalFileName = "000000020000000000000009".parse().unwrap();
        assert!(!dropped.has(other, &path(3)) && dropped.path.exists());
        assert!(!dropped.has(parsed(3), &path(3)) && !dropped.path.exists());
    }

    #[test]
    fn a_note_of_another_version_drops_nothing() {
        let place = tempfile::tempdir().unwrap();
        let dropped = DroppedFiles { path: place.path().join("dropped.json") };
        for text in ["{\"seawall\":2,\"files\":{}}", "", "[]"] {
            fs::write(&dropped.path, text).unwrap();
            let name = "000000010000000000000001".parse().unwrap();
            assert!(!dropped.has(name, &dropped.path) && dropped.path.exists());
        }
    }
}
