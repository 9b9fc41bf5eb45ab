//! Notes of files that were pushed ahead of being asked for, so that the call that asks for one answers at once. A note
//! is bound to the very file, not to its name: writing changes the times, and copying changes the inode.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::lanes::ArchivedFile;
use crate::codec::Digest;
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
    /// The names of repositories that are owed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lacking: Vec<String>,
    /// Seconds since 1970.
    written: u64,
}

/// The notes of files that were pushed ahead of being asked for, and are durable in every repository or owed to it.
pub struct PushNotes {
    folder: PathBuf,
    repositories: String,
    /// Whether a repository may be owed a file. Else a note of one that is vouches for nothing.
    may_lack: bool,
}

impl PushNotes {
    pub fn new(folder: PathBuf, repositories: String, may_lack: bool) -> Self {
        Self { folder, repositories, may_lack }
    }

    pub(super) fn write(
        &self,
        name: WalFileName,
        seen: &FileStamp,
        stored: &ArchivedFile,
    ) -> Result<()> {
        let note = PushNote {
            seawall: 1,
            repositories: self.repositories.clone(),
            seen: seen.clone(),
            blake3: stored.label.digest.to_string(),
            lacking: stored.lacking.clone(),
            written: now(),
        };
        let path = self.path(name);
        let json = serde_json::to_vec(&note).map_err(io::Error::other);
        let json = json.map_err(|error| Error::file("write", &path, &error))?;
        durable::replace(&path, &json)
    }

    /// Whether `name` with the content that is at `path` now is already durable in every repository but those that are
    /// returned: they are owed it. The note is used up by asking.
    pub fn take(&self, name: WalFileName, path: &Path) -> Option<Vec<String>> {
        let note = self.path(name);
        let note_read = read(&note)?;
        // Without its removal a note could outlive its file; then it is not believed.
        let removed = fs::remove_file(&note).is_ok();
        (removed && self.vouches(&note_read, path)).then_some(note_read.lacking)
    }

    /// The same without using the note up.
    pub fn vouch_for(&self, name: WalFileName, path: &Path) -> Option<Vec<String>> {
        read(&self.path(name)).filter(|note| self.vouches(note, path)).map(|note| note.lacking)
    }

    fn vouches(&self, note: &PushNote, path: &Path) -> bool {
        let age = now().checked_sub(note.written);
        let in_time = age.is_some_and(|seconds| seconds < GOOD_FOR.as_secs());
        let lacks = !note.lacking.is_empty() && !self.may_lack;
        if note.repositories != self.repositories || !in_time || lacks {
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
    use crate::codec::Label;

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
            PushNotes::new(self.folder.path().join("notes"), repositories.to_owned(), true)
        }

        fn takes(&self, repositories: &str, path: &Path) -> bool {
            self.notes(repositories).take(self.name, path).is_some()
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
            let lacking = Vec::new();
            self.notes("a").write(self.name, &seen, &ArchivedFile { label, lacking }).unwrap();
        }
    }

    #[test]
    fn vouches_once_for_the_very_file() {
        let place = Place::new();
        let path = place.file("content");
        place.note(&path);
        assert!(place.takes("a", &path));
        assert!(!place.takes("a", &path));
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
        assert!(!place.takes("a", &path));
    }

    #[test]
    fn never_vouches_for_a_copy_or_for_other_repositories() {
        let place = Place::new();
        let path = place.file("content");
        place.note(&path);
        let copy = path.with_extension("copy");
        fs::copy(&path, &copy).unwrap();
        assert!(!place.takes("a", &copy));
        place.note(&path);
        assert!(!place.takes("b", &path));
    }

    #[test]
    fn where_all_are_needed_a_note_of_a_debt_vouches_for_nothing() {
        let place = Place::new();
        let path = place.file("content");
        let seen = FileStamp::of(&File::open(&path).unwrap()).unwrap();
        let label = Label { name: place.name.to_string(), size: 7, digest: Digest::of(b"content") };
        let stored = ArchivedFile { label, lacking: vec!["s3".to_owned()] };
        let mut notes = place.notes("a");
        notes.write(place.name, &seen, &stored).unwrap();
        assert_eq!(notes.vouch_for(place.name, &path), Some(vec!["s3".to_owned()]));
        notes.may_lack = false;
        assert_eq!(notes.vouch_for(place.name, &path), None);
    }

    #[test]
    fn a_torn_or_foreign_note_is_no_note() {
        let place = Place::new();
        let path = place.file("content");
        for content in ["", "{", "{\"seawall\":2}"] {
            fs::write(place.notes("a").path(place.name), content).unwrap();
            assert!(!place.takes("a", &path));
        }
    }
}
