//! What must not be archived: a segment that was handed over cut, and anything of a server that was restored to
//! be tried out.
//!
//! Either would take a name in the archive of the real server, where the first one counts; so both are marked
//! in the data directory, which is what is copied when servers are.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{DataDirectory, StateFolder};
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::postgres::{Lsn, WalFileName, WalSegment, last_setting};

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
        let path = note_path(state, WalFileName::Segment(segment));
        // With the way to them from pg_wal, which is there.
        let (folder, pg_wal) = (notes_folder(state), state.path().parent().unwrap_or(state.path()));
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
        let Some(note) = read_note(state, name)? else { return Ok(None) };
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
            "could not archive {name}: {said}, and no repository has the complete file any more"
        );
        Error::new(Class::Conflict, message).hint(
            "If what it holds is in the archive under the next timeline, or is not wanted, remove the file's .ready in \
             pg_wal/archive_status. Set archive_mode = on: with always a restored server archives what it was given.",
        )
    }
}

fn notes_folder(state: &StateFolder) -> PathBuf {
    state.path().join("cut")
}

fn note_path(state: &StateFolder, name: WalFileName) -> PathBuf {
    notes_folder(state).join(format!("{name}.json"))
}

/// One that can't be understood may speak of this very file.
fn read_note(state: &StateFolder, name: WalFileName) -> Result<Option<CutSegment>> {
    let path = note_path(state, name);
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
            read_note => hasher.update(&buffer[..read_note]),
        };
    }
}

/// Stands in `postgresql.auto.conf` above the `archive_mode = 'off'` of a restore. Nobody else writes it. It is a setting, since
/// the server leaves comments away when `ALTER SYSTEM` writes the file anew, and keeps a setting of a name with a dot.
pub const NOT_ARCHIVING: &str =
    "seawall.restored = 'archives nothing until archive_mode is set again, or reset'";

/// What stood there before.
const OLDER: &str =
    "# Added by basebackup restore: archives nothing until archive_mode is set again, or reset";

/// Fails on a directory that was restored not to archive, for as long as nobody has said otherwise.
pub fn refuse_restored(data_directory: &DataDirectory) -> Result<()> {
    let path = data_directory.path().join("postgresql.auto.conf");
    let text = match fs::read(&path) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::file("read", &path, &error)),
    };
    if !is_marked(&text) || last_setting(&text, "archive_mode").is_none_or(|mode| mode != "off") {
        return Ok(());
    }
    let message = format!(
        "this server was restored without --archive: {path:?} has archive_mode = 'off', but a \
         stronger setting, such as the command line, switches it on"
    );
    Err(Error::new(Class::Configuration, message).hint(
        "If it is the real server from now on: ALTER SYSTEM RESET archive_mode; the waiting WAL is \
         archived then. If it is a test: start it without -c archive_mode=on.",
    ))
}

/// The settings of a server that is to archive, whatever the one was that the backup was taken of.
pub fn without_mark(text: &str) -> String {
    if !is_marked(text) {
        return text.to_owned();
    }
    let of_the_mark = |line: &str| {
        line == OLDER || line.starts_with("seawall.restored ") || line == "archive_mode = 'off'"
    };
    text.lines().filter(|line| !of_the_mark(line)).map(|line| format!("{line}\n")).collect()
}

fn is_marked(text: &str) -> bool {
    last_setting(text, "seawall.restored").is_some() || text.lines().any(|line| line == OLDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_restore_turned_off_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let data_directory = DataDirectory(place.path().to_owned());
        let refused = |text: &str| {
            fs::write(place.path().join("postgresql.auto.conf"), text).unwrap();
            refuse_restored(&data_directory).is_err()
        };
        assert_eq!(refuse_restored(&data_directory), Ok(()));
        for told in [NOT_ARCHIVING, OLDER] {
            assert!(refused(&format!("archive_mode = on\n{told}\narchive_mode = 'off'\n")));
            assert!(!refused(&format!("{told}\narchive_mode = 'off'\narchive_mode = 'on'\n")));
            assert!(!refused(&format!("{told}\n")));
        }
        for told in [NOT_ARCHIVING, OLDER] {
            let text = format!("port = 5\n{told}\narchive_mode = 'off'\n# Added\n");
            assert_eq!(without_mark(&text), "port = 5\n# Added\n");
        }
        assert_eq!(without_mark("archive_mode = 'off'\n"), "archive_mode = 'off'\n");
        // The owner of the server has said so, and then knows what counts more.
        assert!(!refused("archive_mode = 'off'\n"));
    }
}
