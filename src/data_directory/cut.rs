//! Segments that `wal-fetch` handed over cut where their timeline was left, with zeros behind: they must never be archived
//! under the name of the whole segment.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StateFolder;
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, WalFileName, WalSegment};

#[derive(Debug, Serialize, Deserialize)]
pub struct CutSegment {
    seawall: u32,
    /// Where its timeline was left.
    at: String,
    /// Of what was handed over.
    blake3: String,
}

impl CutSegment {
    /// Notes, durably, that this file is about to be handed over as `segment`.
    pub fn note(state: &StateFolder, segment: WalSegment, at: Lsn, file: &mut File) -> Result<()> {
        let path = path(state, WalFileName::Segment(segment));
        // With the way to them from pg_wal, which is there.
        let (folder, pg_wal) = (folder(state), state.path().parent().unwrap_or(state.path()));
        durable::create_folders(pg_wal, &folder)?;
        let failed = |error| Error::file("write", &path, &error);
        let blake3 = digest(file).map_err(failed)?;
        let note = Self { seawall: 1, at: at.to_string(), blake3 };
        let json = serde_json::to_vec(&note).map_err(io::Error::other).map_err(failed)?;
        durable::replace(&path, &json)?;
        File::open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
        durable::sync_folder(&folder)
    }

    /// Whether the file at `path`, which is to be archived as `name`, is such a segment.
    pub fn of(state: &StateFolder, name: WalFileName, path: &Path) -> Result<Option<Self>> {
        let Some(note) = read(state, name)? else { return Ok(None) };
        let found = File::open(path).and_then(|mut file| digest(&mut file));
        let is_other = found.is_ok_and(|found| found != note.blake3);
        Ok((!is_other).then_some(note))
    }

    /// What it is, for messages.
    pub fn said(&self) -> String {
        format!(
            "it is the copy that wal-fetch handed over to this recovery up to {}, where its timeline was left, with zeros \
             behind",
            self.at
        )
    }

    /// It must not take the name of the whole one.
    pub fn refusal(&self, name: WalFileName) -> Error {
        let said = self.said();
        let message = format!(
            "could not archive {name}: {said}, and no repository has the whole one any more"
        );
        Error::new(Class::Conflict, message).hint(
            "If what it holds is in the archive under the next timeline, or is not wanted, remove the file's .ready in \
             pg_wal/archive_status. Set archive_mode = on: with always a restored server archives what it was given.",
        )
    }
}

fn folder(state: &StateFolder) -> PathBuf {
    state.path().join("cut")
}

fn path(state: &StateFolder, name: WalFileName) -> PathBuf {
    folder(state).join(format!("{name}.json"))
}

/// One that can't be understood may speak of this very file.
fn read(state: &StateFolder, name: WalFileName) -> Result<Option<CutSegment>> {
    let path = path(state, name);
    let text = match fs::read(&path) {
        Ok(text) => text,
        // Where no folder can be, there is no note either.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(Error::file("read", &path, &error)),
    };
    match serde_json::from_slice::<CutSegment>(&text) {
        Ok(note) if note.seawall == 1 => Ok(Some(note)),
        _ => Err(Error::new(
            Class::Conflict,
            format!(
                "could not archive {name}: expected a note of format 1 at {path:?}, which says whether wal-fetch handed over \
                 this file cut, found another one"
            ),
        )
        .hint("A newer Seawall wrote it: use that one. Or compare the file with the archive, and then remove the note.")),
    }
}

fn digest(file: &mut File) -> io::Result<String> {
    file.rewind()?;
    let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().to_hex().to_string()),
            read => hasher.update(&buffer[..read]),
        };
    }
}
