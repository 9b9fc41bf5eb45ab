//! `basebackup verify` on what a real server has archived and backed up, whole and damaged.

mod damage;
mod described;
mod encrypted;
mod pruned;
mod second_contents;
mod whole;

use std::time::Duration;

use crate::archiving::commands::{PREFIX, Seawall, write_segments};
use crate::base_backups::base_backup;
use crate::scene::Store;
use crate::support::place::Place;
use crate::support::postgres::{NEWEST, Server, Stop};
use crate::support::run::Outcome;
use crate::support::s3::{Kind, S3Server};

const LIMIT: Duration = Duration::from_secs(60);
const MIB: u64 = 1 << 20;

/// One of its repositories.
struct Side {
    /// What messages call it.
    name: &'static str,
    store: Store,
    /// What keys begin with there.
    prefix: String,
    /// Told of this repository only.
    seawall: Seawall,
}

impl Side {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.store.get(&format!("{}{key}", self.prefix))
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        self.store.put(&format!("{}{key}", self.prefix), bytes);
    }

    fn delete(&self, key: &str) {
        self.store.delete(&format!("{}{key}", self.prefix));
    }
}

/// A server with segments of 1 MiB and a tablespace, whose WAL and two base backups lie in a folder and in a
/// bucket; behind the second one it went over to timeline 2.
struct Story {
    place: Place,
    both: Seawall,
    /// The folder, and the bucket.
    sides: [Side; 2],
    system: u64,
    /// The older one first.
    backups: [String; 2],
    /// What the names of objects end with.
    ending: &'static str,
    /// Of timeline 1: the first one behind the first backup, of several before the second one.
    between: u64,
}

impl Story {
    fn new() -> Story {
        Story::with(Place::new(), |seawall| seawall, "")
    }

    /// With more options for all programs.
    fn with(place: Place, options: impl Fn(Seawall) -> Seawall, ending: &'static str) -> Story {
        let s3 = S3Server::start(Kind::S3sFs, &place);
        let local = options(Seawall::new(&place).local("archive"));
        let both = local.clone().s3(&s3);
        let far = options(Seawall::new(&place).s3(&s3));
        let builder = Server::builder(&place).version(NEWEST).segment_mib(1).envs(s3.environment());
        let mut server = builder.archive_command(&both.push()).init();
        server.start();
        let location = place.folder("tablespace");
        server.sql(&format!("create tablespace elsewhere location '{}'", location.display()));
        server.sql("create table t tablespace elsewhere as select generate_series(1, 1000) i");
        let create = || {
            let run = base_backup(&both, &server, "create").envs(s3.environment());
            run.limit(LIMIT).run().expect(0);
        };
        create();
        server.switch_wal();
        let between = segment_number(&server.sql("select pg_walfile_name(pg_current_wal_lsn())"));
        write_segments(&server, 5);
        // Ids tell seconds apart.
        std::thread::sleep(Duration::from_secs(1));
        create();
        server.wait_archived(&write_segments(&server, 3), LIMIT);
        server.stop(Stop::Fast);
        server.recover_with(&both.fetch());
        server.start();
        server.wait_promoted(LIMIT);
        server.wait_archived(&write_segments(&server, 3), LIMIT);
        let system = server.system_identifier();
        server.kill_nine();
        let store = Store::Folder(place.join("archive"));
        let sides = [
            Side { name: "local", store, prefix: String::new(), seawall: local },
            Side {
                name: "s3",
                store: Store::Bucket(s3),
                prefix: format!("{PREFIX}/"),
                seawall: far,
            },
        ];
        let backups = Default::default();
        let mut story = Story { place, both, sides, system, backups, ending, between };
        let keys = story.keys(&story.sides[0]);
        let ids = keys.iter().filter_map(|key| key.strip_suffix("/backup.json"));
        let ids: Vec<_> = ids.filter_map(|key| key.rsplit('/').next()).collect();
        story.backups = [ids[0].to_owned(), ids[1].to_owned()];
        story
    }

    fn keys(&self, side: &Side) -> Vec<String> {
        let keys = side.store.keys().into_iter();
        keys.filter_map(|key| key.strip_prefix(&side.prefix).map(str::to_owned)).collect()
    }

    /// What the folder has of the last verification.
    fn last_record(&self) -> serde_json::Value {
        let folder = format!("history/postgres/main/{}", self.system);
        let folder = self.sides[0].store.folder().join(folder);
        let newest =
            std::fs::read_dir(folder).unwrap().flatten().map(|it| it.path()).max().unwrap();
        // Ids tell seconds apart.
        std::thread::sleep(Duration::from_secs(1));
        serde_json::from_slice(&std::fs::read(newest).unwrap()).unwrap()
    }

    fn description(&self, backup: usize) -> String {
        let id = &self.backups[backup];
        format!("postgres/main/{}/basebackups/{id}/backup.json", self.system)
    }

    /// The part with the data directory.
    fn part(&self, backup: usize) -> String {
        let part = format!("part-00002.tar.zst{}", self.ending);
        self.description(backup).replace("backup.json", &part)
    }

    fn manifest(&self, backup: usize) -> String {
        let manifest = format!("backup_manifest.zst{}", self.ending);
        self.description(backup).replace("backup.json", &manifest)
    }

    fn segment(&self, number: u64) -> String {
        let name = segment_name(number);
        format!("postgres/main/{}/wal/{}/{name}.zst{}", self.system, &name[..16], self.ending)
    }

    fn history(&self) -> String {
        format!("postgres/main/{}/wal/00000002.history.zst{}", self.system, self.ending)
    }

    fn verify(&self, seawall: &Seawall, arguments: &[&str]) -> Outcome {
        let run = seawall.base_backup_by_hand("verify").args(arguments);
        run.envs(self.sides[1].store.server().environment()).limit(LIMIT).run()
    }
}

/// Of timeline 1.
fn segment_name(number: u64) -> String {
    format!("00000001{:08X}{:08X}", number / 0x1000, number % 0x1000)
}

fn segment_number(name: &str) -> u64 {
    let part = |range| u64::from_str_radix(&name[range], 16).expect("a name of a segment");
    part(8..16) * 0x1000 + part(16..24)
}

/// Where it begins.
fn lsn(number: u64) -> String {
    format!("{:X}/{:X}", (number * MIB) >> 32, (number * MIB) & 0xFFFF_FFFF)
}

/// All lines but the last.
fn faults(outcome: &Outcome) -> Vec<&str> {
    let mut lines: Vec<&str> = outcome.stdout.lines().collect();
    lines.pop();
    lines
}
