//! The note that a WAL segment was pushed ahead: whatever stands in it, it vouches for a file only if it is of this very file, of
//! these repositories and of the last hour, and it is used up. The target adds what no mutation can know: what the file looks like
//! and what time it is, where the input does not say it.
#![no_main]

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use seawall::codec::Digest;
use seawall::command::wal_push::PushNotes;
use seawall::durable::FileStamp;
use seawall::postgres::WalFileName;
use serde_json::{Map, Value, from_slice, from_value, json, to_vec};
use tempfile::TempDir;

const CONTENT: &[u8] = b"some WAL";
const REPOSITORIES: &str = "here";

struct Place {
    /// Removed with the process.
    _folder: TempDir,
    file: PathBuf,
    note: PathBuf,
    name: WalFileName,
    notes: PushNotes,
    seen: FileStamp,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let name = "000000010000000000000001";
    let (file, notes) = (folder.path().join(name), folder.path().join("notes"));
    fs::create_dir(&notes).expect("a folder");
    fs::write(&file, CONTENT).expect("a file");
    let seen = FileStamp::of(&File::open(&file).expect("the file")).expect("what it looks like");
    Place {
        file,
        note: notes.join(format!("{name}.json")),
        name: name.parse().expect("a segment"),
        notes: PushNotes::new(notes, REPOSITORIES.to_owned(), true),
        seen,
        _folder: folder,
    }
});

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs()
}

fuzz_target!(|data: &[u8]| {
    let place = &*PLACE;
    let note = from_slice::<Map<String, Value>>(data).map(|mut note| {
        note.entry("seen").or_insert_with(|| json!(place.seen));
        note.entry("written").or_insert_with(|| json!(now()));
        note
    });
    let bytes = note.as_ref().map_or_else(|_| data.to_vec(), |note| to_vec(note).expect("JSON"));
    fs::write(&place.note, &bytes).expect("the note");
    let vouched = place.notes.vouch_for(place.name, &place.file);
    if vouched.is_some() {
        let note = note.expect("a note is JSON");
        let seen: FileStamp = from_value(note["seen"].clone()).expect("it was read");
        assert!(seen.is_same_file(&place.seen));
        assert!(note["seawall"] == json!(1) && note["repositories"] == json!(REPOSITORIES));
        let written = note["written"].as_u64().expect("a number");
        assert!(now().abs_diff(written) <= 3601);
        let right = note["blake3"] == json!(Digest::of(CONTENT).to_string());
        assert!(!seen.is_fresh() || right);
    }
    assert_eq!(place.notes.take(place.name, &place.file), vouched);
    assert!(vouched.is_none() || !place.note.exists());
});
