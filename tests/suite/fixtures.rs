//! What an older version has stored is read for ever. The repositories below `tests/fixtures` were
//! written once and are never edited.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::support::place::Place;
use crate::support::run::{Outcome, Run};
use crate::support::user::hand_over;

const SYSTEM: &str = "7711034747812839286";

fn format_1() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/repository-format-1")
}

fn sha256(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The lines of a file as `sha256sum` prints them: name and digest.
fn sums(file: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(format_1().join(file)).expect("part of the fixture");
    let split = |line: &str| {
        let (digest, name) = line.split_once("  ").expect("as sha256sum prints it");
        (name.to_owned(), digest.to_owned())
    };
    text.lines().map(split).collect()
}

/// Paths of all files below a folder, relative to `root`.
fn files(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for path in fs::read_dir(folder).expect("part of the fixture").flatten().map(|it| it.path()) {
        if path.is_dir() {
            files(root, &path, found);
        } else {
            let below = path.strip_prefix(root).expect("below the root");
            found.push(below.to_str().expect("plain names").to_owned());
        }
    }
}

#[test]
fn the_repository_of_format_1_is_as_it_was_written() {
    let (root, recorded) = (format_1(), sums("SHA256SUMS"));
    let mut found = Vec::new();
    files(&root, &root.join("postgres"), &mut found);
    found.sort();
    assert_eq!(found, recorded.keys().cloned().collect::<Vec<_>>());
    for (name, digest) in recorded {
        assert_eq!(sha256(&root.join(&name)), digest, "{name}");
    }
}

/// Fetches a file of the fixture; the working folder is no data directory.
fn fetch(place: &Place, name: &str, with_identity: bool) -> Outcome {
    // The checkout may be closed to the server user.
    let copy = place.join("copy");
    if !copy.exists() {
        Run::new(place, "cp").arg("-r").arg(format_1()).arg(&copy).run().expect(0);
        hand_over(&copy);
    }
    let run = Run::new(place, env!("CARGO_BIN_EXE_wal-fetch")).server_user();
    let run = run.env("SEAWALL_REPOSITORY", &copy).args(["--system-identifier", SYSTEM]);
    let run = match with_identity {
        true => run.env("SEAWALL_ENCRYPTION_IDENTITY_FILE", copy.join("identity.txt")),
        false => run,
    };
    run.args([name, "fetched"]).run()
}

#[test]
fn a_repository_of_format_1_is_read_bit_for_bit() {
    let place = Place::new();
    let contents = sums("CONTENT.sha256");
    assert_eq!(contents.len(), 4);
    for (name, digest) in contents {
        fetch(&place, &name, true).expect(0);
        assert_eq!(sha256(&place.join("fetched")), digest, "{name}");
    }
}

#[test]
fn an_encrypted_object_of_format_1_does_not_open_without_its_identity() {
    let place = Place::new();
    let outcome = fetch(&place, "000000010000000000000008", false);
    outcome.expect(203).says("it is encrypted and there is no identity file");
    assert!(!place.join("fetched").exists());
}
