//! The commands called by hand, with any words in any environment: in a data directory that looks
//! alive, with one folder as the repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::place::Place;
use crate::support::run::{Outcome, Run};
use crate::support::wal::{DataDirectory, WalFiles, wal_files};

/// A host of a PostgreSQL 15 with 1 MiB segments.
pub struct ByHand {
    pub place: Place,
    pub wal: Arc<WalFiles>,
    pub directory: DataDirectory,
    pub repository: PathBuf,
}

impl ByHand {
    pub fn new() -> ByHand {
        ByHand::in_place(&Place::new())
    }

    pub fn in_place(place: &Place) -> ByHand {
        let wal = wal_files(15, 1);
        let directory = DataDirectory::new(place, &wal);
        let disk = place.folder(&format!("disk{}", place.next_number()));
        ByHand { place: place.clone(), wal, directory, repository: disk.join("repository") }
    }

    pub fn name(&self, number: usize) -> &str {
        &self.wal.segments[number].0
    }

    pub fn bytes(&self, number: usize) -> &[u8] {
        &self.wal.segments[number].1
    }

    /// Puts a segment into `pg_wal`, as PostgreSQL left it, and gives its path.
    pub fn has(&self, number: usize) -> String {
        self.has_file(self.name(number), self.bytes(number))
    }

    /// Puts a file into `pg_wal` and gives its path as PostgreSQL would.
    pub fn has_file(&self, name: &str, content: &[u8]) -> String {
        self.directory.put(name, content);
        format!("pg_wal/{name}")
    }

    /// `wal-push`, without words yet.
    pub fn push(&self) -> Run {
        self.program(env!("CARGO_BIN_EXE_wal-push"))
    }

    /// `wal-fetch`, without words yet.
    pub fn fetch(&self) -> Run {
        self.program(env!("CARGO_BIN_EXE_wal-fetch"))
    }

    /// `seawall config show`.
    pub fn config_show(&self) -> Run {
        self.program(env!("CARGO_BIN_EXE_seawall")).args(["config", "show"])
    }

    /// Archives a segment as PostgreSQL would.
    #[track_caller]
    pub fn archives(&self, number: usize) {
        let path = self.has(number);
        self.push().args([path.as_str(), self.name(number)]).run().expect(0);
    }

    /// What all files of the repository hold, by their path in it.
    pub fn stored(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.repository, &self.repository, &mut files);
        files
    }

    fn program(&self, program: &str) -> Run {
        let run = Run::new(&self.place, program).server_user().cwd(self.directory.path());
        run.env("SEAWALL_REPOSITORY", &self.repository)
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let below = path.strip_prefix(root).expect("below the root").to_string_lossy();
            files.insert(below.into_owned(), fs::read(&path).expect("root or owner"));
        }
    }
}

/// The lines of standard error without their times: `ERROR could not …`.
pub fn events(outcome: &Outcome) -> Vec<String> {
    let event = |line: &str| {
        let (time, event) = line.split_once(' ').unwrap_or_else(|| panic!("no time: {outcome}"));
        assert!(time.ends_with('Z') && time.contains('T'), "no time: {outcome}");
        event.trim_start().to_owned()
    };
    outcome.stderr.lines().map(event).collect()
}

/// Panics unless it ended with this status and said this, and nothing else.
#[track_caller]
pub fn says_only(outcome: &Outcome, status: i32, event: &str) {
    outcome.expect(status);
    assert_eq!(events(outcome), [event], "{outcome}");
    assert_eq!(outcome.stdout, "", "{outcome}");
}
