//! Notes of files that were pushed ahead of being asked for, so that the call that asks for one answers at once. A note
//! is bound to the very file, not to its name: writing changes the times, and copying changes the inode.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::codec::{Digest, Label};
use crate::durable::{self, FileStamp};
use crate::error::{Error, Result};
use crate::postgres::WalFileName;

/// A note is good for this long. After that the file is pushed again, and found to be there.
const GOOD_FOR: Duration = Duration::from_secs(3600);

#[derive(Serialize, Deserialize)]
struct PushNote {
    seawall: u32,
    /// The repositories that have it, see [`crate::repository::fingerprint`].
    repositories: String,
    seen: FileStamp,
    blake3: String,
    /// Seconds since 1970.
    written: u64,
}

/// The notes of files that were pushed ahead of being asked for, and are durable in every repository.
pub struct PushNotes {
    folder: PathBuf,
    repositories: String,
}

impl PushNotes {
    pub fn new(folder: PathBuf, repositories: String) -> Self {
        Self { folder, repositories }
    }

    pub fn write(&self, name: WalFileName, seen: &FileStamp, label: &Label) -> Result<()> {
        let note = PushNote {
            seawall: 1,
            repositories: self.repositories.clone(),
            seen: seen.clone(),
            blake3: label.digest.to_string(),
            written: now(),
        };
        let path = self.path(name);
        let json = serde_json::to_vec(&note).map_err(io::Error::other);
        let json = json.map_err(|error| Error::file("write", &path, &error))?;
        durable::replace(&path, &json)
    }

    /// Whether `name` with the content that is at `path` now is already durable in every repository.
    /// The note is used up by asking.
    pub fn take(&self, name: WalFileName, path: &Path) -> bool {
        let note = self.path(name);
        let Some(note_read) = read(&note) else { return false };
        // Without its removal a note could outlive its file; then it is not believed.
        fs::remove_file(&note).is_ok() && self.vouches(&note_read, path)
    }

    /// The same without using the note up.
    pub fn vouch_for(&self, name: WalFileName, path: &Path) -> bool {
        read(&self.path(name)).is_some_and(|note| self.vouches(&note, path))
    }

    fn vouches(&self, note: &PushNote, path: &Path) -> bool {
        let age = now().checked_sub(note.written);
        let in_time = age.is_some_and(|seconds| seconds < GOOD_FOR.as_secs());
        if note.repositories != self.repositories || !in_time {
            return false;
        }
        let Ok(mut file) = durable::open_to_read(path) else { return false };
        let same = FileStamp::of(&file).is_ok_and(|seen| seen.is_same_file(&note.seen));
        same && (!note.seen.is_fresh() || digest(&mut file).is_ok_and(|it| it == note.blake3))
    }

    /// Removes notes that nobody will ask for: PostgreSQL has long since removed the segment, or the
    /// note came with a copy of the data directory.
    pub fn remove_old(&self) {
        durable::remove_abandoned(&self.folder);
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let written = read(&path).map_or(0, |note| note.written);
            if now().abs_diff(written) > GOOD_FOR.as_secs() {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn path(&self, name: WalFileName) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}

fn read(path: &Path) -> Option<PushNote> {
    let note: PushNote = serde_json::from_slice(&durable::read_small(path).ok()?).ok()?;
    (note.seawall == 1).then_some(note)
}

fn digest(file: &mut File) -> io::Result<String> {
    let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Digest::of_hasher(&hasher).to_string()),
            read => hasher.update(&buffer[..read]),
        };
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        folder: tempfile::TempDir,
        name: WalFileName,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("notes")).unwrap();
            Self { folder, name: "000000010000000000000001".parse().unwrap() }
        }

        fn notes(&self, repositories: &str) -> PushNotes {
            PushNotes::new(self.folder.path().join("notes"), repositories.to_owned())
        }

        fn file(&self, content: &str) -> PathBuf {
            let path = self.folder.path().join("segment");
            fs::write(&path, content).unwrap();
            path
        }

        fn note(&self, path: &Path) {
            let seen = FileStamp::of(&File::open(path).unwrap()).unwrap();
            let content = fs::read(path).unwrap();
            let label = Label {
                name: self.name.to_string(),
                size: content.len() as u64,
                digest: Digest::of(&content),
            };
            self.notes("a").write(self.name, &seen, &label).unwrap();
        }
    }

    #[test]
    fn vouches_once_for_the_very_file() {
        let place = Place::new();
        let path = place.file("content");
        place.note(&path);
        assert!(place.notes("a").take(place.name, &path));
        assert!(!place.notes("a").take(place.name, &path));
    }

    #[test]
    fn never_vouches_for_other_content_of_the_same_length_and_times() {
        let place = Place::new();
        let path = place.file("content");
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        place.note(&path);
        // At once, so that the kernel's clock may not have ticked, and with the old modification time.
        fs::write(&path, "CONTENT").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert!(!place.notes("a").take(place.name, &path));
    }

    #[test]
    fn never_vouches_for_a_copy_or_for_other_repositories() {
        let place = Place::new();
        let path = place.file("content");
        place.note(&path);
        let copy = path.with_extension("copy");
        fs::copy(&path, &copy).unwrap();
        assert!(!place.notes("a").take(place.name, &copy));
        place.note(&path);
        assert!(!place.notes("b").take(place.name, &path));
    }

    #[test]
    fn a_torn_or_foreign_note_is_no_note() {
        let place = Place::new();
        let path = place.file("content");
        for content in ["", "{", "{\"seawall\":2}"] {
            fs::write(place.notes("a").path(place.name), content).unwrap();
            assert!(!place.notes("a").take(place.name, &path));
        }
    }
}
