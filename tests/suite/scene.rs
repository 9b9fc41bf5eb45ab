//! `wal-push` and `wal-fetch` called as PostgreSQL calls them, but without a PostgreSQL: real segments
//! in a data directory that looks alive, and repositories whose objects a test can see and damage.

mod key_pair;
mod logged;
mod store;

pub use key_pair::KeyPair;
pub use logged::{error, warnings};
pub use store::{Kind, Store};

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::support::place::Place;
use crate::support::run::{Outcome, Run};
use crate::support::s3::{ACCESS_KEY, REGION, SECRET_KEY};
use crate::support::user::write_as_server_user;
use crate::support::wal::{DataDirectory, WalFiles, wal_files};

/// Limits for repositories that misbehave: a call that meets them ends within some seconds.
pub const SHORT_LIMITS: [&str; 8] = [
    "--limits-connect-timeout=500ms",
    "--limits-request-timeout=1s",
    "--limits-total-timeout=6s",
    "--limits-attempts=3",
    "--wal-gap-wait=100ms",
    "--log-format=text",
    "--wal-prefetch=0",
    "--wal-look-ahead=0",
];

/// No call with [`SHORT_LIMITS`] may take longer, on the busiest machine.
pub const SHORT: Duration = Duration::from_secs(20);

/// One host: a data directory with 1 MiB segments and a configuration of its own.
pub struct Scene {
    pub place: Place,
    pub wal: Arc<WalFiles>,
    pub directory: DataDirectory,
    config: PathBuf,
}

impl Scene {
    /// A host without repositories, in a place of its own.
    pub fn new() -> Scene {
        Scene::in_place(&Place::new())
    }

    /// One more host of the same cluster in this place.
    pub fn in_place(place: &Place) -> Scene {
        let wal = wal_files(15, 1);
        let directory = DataDirectory::new(place, &wal);
        let config = place.file(&format!("seawall{}.toml", place.next_number()), "");
        Scene { place: place.clone(), wal, directory, config }
    }

    /// Adds to the configuration: a table of [`Store::table`], or any other TOML.
    pub fn with(self, toml: &str) -> Scene {
        let text = fs::read_to_string(&self.config).expect("written above");
        write_as_server_user(&self.config, format!("{text}\n{toml}\n"));
        self
    }

    pub fn name(&self, number: usize) -> &str {
        &self.wal.segments[number].0
    }

    pub fn bytes(&self, number: usize) -> &[u8] {
        &self.wal.segments[number].1
    }

    /// Where the object of a file lies, below the root of a repository.
    pub fn key(&self, name: &str, ending: &str) -> String {
        let wal = format!("postgres/main/{}/wal", self.wal.system_identifier);
        if name.ends_with(".history") {
            return format!("{wal}/{name}{ending}");
        }
        format!("{wal}/{}/{name}{ending}", &name[..16])
    }

    /// Where the object of a segment lies that is not encrypted.
    pub fn clear_key(&self, number: usize) -> String {
        self.key(self.name(number), ".zst")
    }

    /// Puts the segment into `pg_wal`, as it was.
    pub fn has(&self, number: usize) -> &Scene {
        self.directory.put(self.name(number), self.bytes(number));
        self
    }

    /// The first `count` segments lie in `pg_wal` and wait to be archived.
    pub fn has_ready(&self, count: usize) -> &Scene {
        for (name, bytes) in &self.wal.segments[..count] {
            self.directory.put(name, bytes);
            self.directory.mark_ready(name);
        }
        self
    }

    /// `archive_command`, about to be run.
    pub fn push(&self, number: usize) -> Run {
        self.push_file(self.name(number))
    }

    pub fn push_file(&self, name: &str) -> Run {
        let program = self.program(env!("CARGO_BIN_EXE_wal-push"));
        program.arg(format!("pg_wal/{name}")).arg(name)
    }

    /// `restore_command`, about to be run.
    pub fn fetch(&self, number: usize) -> Run {
        self.fetch_file(self.name(number))
    }

    pub fn fetch_file(&self, name: &str) -> Run {
        self.program(env!("CARGO_BIN_EXE_wal-fetch")).arg(name).arg("pg_wal/RECOVERYXLOG")
    }

    /// A verb of `seawall`, about to be run.
    pub fn seawall(&self, verb: &str) -> Run {
        self.run(env!("CARGO_BIN_EXE_seawall"), verb)
    }

    /// A verb of any program, about to be run.
    pub fn run(&self, program: &str, verb: &str) -> Run {
        self.started(program).arg(verb).arg("--config").arg(&self.config)
    }

    pub fn config(&self) -> &Path {
        &self.config
    }

    fn program(&self, program: &str) -> Run {
        self.started(program).arg("--config").arg(&self.config)
    }

    fn started(&self, program: &str) -> Run {
        let keys = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let run = Run::new(&self.place, program).server_user().cwd(self.directory.path());
        run.envs(keys)
    }

    /// Takes what `restore_command` brought.
    pub fn take_fetched(&self) -> Option<Vec<u8>> {
        let path = self.directory.wal("RECOVERYXLOG");
        let bytes = fs::read(&path).ok()?;
        fs::remove_file(&path).expect("our own file");
        Some(bytes)
    }

    /// Fetches a segment and panics unless it is what it was when PostgreSQL wrote it.
    #[track_caller]
    pub fn fetches(&self, number: usize) -> Outcome {
        let outcome = self.fetch(number).run();
        outcome.expect(0);
        assert!(
            self.take_fetched().as_deref() == Some(self.bytes(number)),
            "other bytes: {outcome}"
        );
        outcome
    }

    /// Names in a folder of the data directory, in order; none when it is not there.
    pub fn files_in(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.directory.path().join(folder)) else {
            return Vec::new();
        };
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("plain names");
        let mut names: Vec<String> = entries.flatten().map(name).collect();
        names.sort();
        names
    }
}

/// Runs a check of each case at the same time: most of them wait.
pub fn side_by_side<T: Sync>(cases: &[T], check: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| check(case));
        }
    });
}

/// Other content for the same name: as valid as the segment, but for one byte of a record.
pub fn altered(segment: &[u8]) -> Vec<u8> {
    let mut bytes = segment.to_vec();
    bytes[segment.len() / 2 + 1] ^= 0xff;
    bytes
}

/// The same segment as if another cluster had written it: the long header holds its identifier.
pub fn of_another_cluster(segment: &[u8]) -> Vec<u8> {
    let mut bytes = segment.to_vec();
    bytes[24] ^= 0xff;
    bytes
}
