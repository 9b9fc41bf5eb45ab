//! Rehearsed restores, with real servers: what they see, what they refuse to touch, and that nothing of them
//! is left.

mod assertions;
mod code;
pub mod crashes;
mod disks;
mod harmless;
mod media;
mod names;
mod redis;
mod trouble;
mod verifications;
mod versions;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::archiving::commands::Seawall;
use crate::base_backups::{backups_in, base_backup};
use crate::support::place::Place;
use crate::support::postgres::{Installation, Server};
use crate::support::run::{Outcome, Run};

const LIMIT: Duration = Duration::from_secs(120);

/// A server that archives, with a tablespace, a base backup, and WAL behind it.
struct Scene {
    place: Place,
    seawall: Seawall,
    server: Server,
}

impl Scene {
    fn new(version: u32) -> Scene {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        Scene::with(place, seawall, version)
    }

    fn with(place: Place, seawall: Seawall, version: u32) -> Scene {
        place.folder("drills");
        let builder = Server::builder(&place).version(version).segment_mib(1);
        // What a server of a drill must not do.
        let builder = builder.setting("shared_preload_libraries", "pg_stat_statements");
        let builder = builder.setting("max_prepared_transactions", "3");
        let mut server = builder.archive_command(&seawall.push()).init();
        server.start();
        let location = place.folder("tablespace");
        server.sql(&format!("create tablespace elsewhere location '{}'", location.display()));
        server.sql("create database shop tablespace elsewhere");
        server.sql("create table t tablespace elsewhere as select i, repeat(md5(i::text), 200) long from generate_series(1, 500) i");
        base_backup(&seawall, &server, "create").limit(LIMIT).run().expect(0);
        server.sql("insert into t values (501, 'behind')");
        let scene = Scene { place, seawall, server };
        scene.archived();
        scene
    }

    /// All that was committed so far is in the archive.
    fn archived(&self) {
        self.server.wait_archived(&self.server.switch_wal(), LIMIT);
    }

    fn drill(&self) -> Run {
        self.drill_in(&self.place.join("drills"))
    }

    fn drill_in(&self, folder: &Path) -> Run {
        let programs = Installation::of(self.server.version()).program("postgres");
        let programs = Path::new(&programs).parent().expect("a folder").to_owned();
        let run = self.seawall.base_backup_by_hand("drill").limit(LIMIT);
        run.arg("--drill-postgres-bin").arg(programs).arg("--drill-directory").arg(folder)
    }

    fn archive(&self) -> PathBuf {
        self.place.join("archive")
    }

    /// Neither a folder nor a server of a drill is left.
    #[track_caller]
    fn nothing_is_left(&self) {
        let left: Vec<_> = fs::read_dir(self.place.join("drills")).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }

    fn records(&self) -> Vec<Value> {
        records(&self.archive(), "drill")
    }
}

/// The records of a kind in a local repository, the oldest first.
pub fn records(repository: &Path, kind: &str) -> Vec<Value> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let ending = format!("-{kind}.json");
    for key in keys(repository).into_iter().filter(|key| key.ends_with(&ending)) {
        paths.push(repository.join(key));
    }
    let mut records: Vec<Value> = paths
        .iter()
        .map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
        .collect();
    records.sort_by_key(|record| record["began"].as_str().map(str::to_owned));
    records
}

/// All keys of a local repository.
fn keys(repository: &Path) -> BTreeSet<String> {
    fn below(folder: &Path, root: &Path, keys: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                below(&path, root, keys);
            } else {
                keys.insert(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    below(repository, repository, &mut found);
    found
}

/// What `--json` printed.
#[track_caller]
fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

fn newest_backup(repository: &Path) -> PathBuf {
    backups_in(repository).pop().expect("a base backup")
}
