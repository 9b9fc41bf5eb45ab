use std::fs;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp, ToSpan};
use seawall::backup::StoredObject;
use seawall::basebackup::{Description, FORMAT, Part, Position, Tablespace};
use seawall::codec::{Encoder, Encoding, Label, Recipients, encrypt};
use seawall::config::{Config, of_text};

use crate::scene::{KeyPair, Kind, Store};
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::s3;
use crate::support::s3::{ACCESS_KEY, REGION, SECRET_KEY};
use crate::support::user::write_as_server_user;

/// A system, and the one that came out of a `pg_upgrade` of it.
pub const OLD: &str = "7711021090723955933";
pub const NEW: &str = "7722021090723955944";

/// Repositories with names, and a configuration that has them all.
pub struct Laid {
    pub place: Place,
    stores: Vec<(&'static str, Store)>,
    config: PathBuf,
}

impl Laid {
    pub fn with_folder() -> Laid {
        Laid::with(&[("disk", Kind::Local)])
    }

    pub fn with_folder_and_bucket() -> Laid {
        Laid::with(&[("disk", Kind::Local), ("s3", Kind::S3(s3::Kind::S3sFs))])
    }

    /// A bucket called `s3`.
    pub fn with_bucket(kind: s3::Kind) -> Laid {
        Laid::with(&[("s3", Kind::S3(kind))])
    }

    fn with(kinds: &[(&'static str, Kind)]) -> Laid {
        let place = Place::new();
        let start = |(name, kind): &(&'static str, Kind)| (*name, Store::start(*kind, &place));
        let stores: Vec<_> = kinds.iter().map(start).collect();
        let tables = stores.iter().map(|(name, store)| store.table(name));
        let config = place.file("seawall.toml", tables.collect::<Vec<_>>().join("\n"));
        Laid { place, stores, config }
    }

    /// Where the configuration is.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// What the library reads in the configuration.
    pub fn resolved(&self) -> Config {
        let text = fs::read_to_string(&self.config).expect("written above");
        Config::from_resolved(&of_text(&text).expect("a configuration")).expect("valid")
    }

    /// Adds to the configuration.
    pub fn configure(&self, toml: &str) {
        let text = fs::read_to_string(&self.config).expect("written above");
        write_as_server_user(&self.config, format!("{text}\n{toml}\n"));
    }

    /// Stops the server of a bucket.
    pub fn stop(&mut self, name: &str) {
        let found = self.stores.iter_mut().find(|(found, _)| *found == name);
        let Some((_, Store::Bucket(server))) = found else { panic!("no bucket {name}") };
        server.stop();
    }

    pub fn store(&self, name: &str) -> &Store {
        let found = self.stores.iter().find(|(found, _)| *found == name);
        &found.expect("one of the repositories").1
    }

    /// `basebackup`, about to be run.
    pub fn basebackup(&self, verb: &str) -> Run {
        self.configured(env!("CARGO_BIN_EXE_basebackup"), verb)
    }

    pub fn seawall(&self, verb: &str) -> Run {
        self.configured(env!("CARGO_BIN_EXE_seawall"), verb)
    }

    /// Any program, about to be run.
    pub fn configured(&self, program: &str, verb: &str) -> Run {
        self.program(program, verb).arg("--config").arg(&self.config)
    }

    /// Any program, without a configuration.
    pub fn program(&self, program: &str, verb: &str) -> Run {
        let keys = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", REGION),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        Run::new(&self.place, program).server_user().envs(keys).arg(verb)
    }

    pub fn list(&self) -> Run {
        self.basebackup("list")
    }

    pub fn put(&self, store: &str, key: &str, bytes: &[u8]) {
        self.store(store).put(key, bytes);
    }

    /// Objects of the sizes that the description says, then the description.
    pub fn backup(&self, store: &str, description: &Description) {
        let parts = description.parts.iter().map(|part| &part.stored);
        for stored in parts.chain([&description.manifest]) {
            let bytes = vec![b'x'; usize::try_from(stored.stored_size).unwrap()];
            self.put(store, &object(description, &stored.object), &bytes);
        }
        self.put(store, &object(description, "backup.json"), &description.to_json().unwrap());
    }

    /// Has all been stored when it says so: a backup a few seconds after its id's time, all else at the beginning of 2020.
    pub fn date(&self, store: &str) {
        let first = "2020-01-01T00:00:00Z".parse::<Timestamp>().expect("a time");
        self.store(store).date(&|key| {
            let mut ids = key.split('/').filter_map(seawall::backup::begun);
            ids.next_back().map_or(first, |begun| begun + SignedDuration::from_secs(6)).into()
        });
    }

    /// Segments of 16 MiB by their numbers.
    pub fn wal(&self, store: &str, system: &str, timeline: u32, numbers: RangeInclusive<u32>) {
        for number in numbers {
            self.put(store, &segment_key(system, timeline, number), b"not looked at");
        }
    }
}

/// The key of an object below `basebackups`.
pub fn key(system: &str, path: &str) -> String {
    format!("postgres/main/{system}/basebackups/{path}")
}

pub fn object(description: &Description, name: &str) -> String {
    key(&description.system_identifier, &format!("{}/{name}", description.id))
}

pub fn segment_key(system: &str, timeline: u32, number: u32) -> String {
    let folder = format!("{timeline:08X}{:08X}", number / 0x100);
    format!("postgres/main/{system}/wal/{folder}/{folder}{:08X}.zst", number % 0x100)
}

pub fn history_key(system: &str, timeline: u32, ending: &str) -> String {
    format!("postgres/main/{system}/wal/{timeline:08X}.history.zst{ending}")
}

/// The parts of a stored object: its label, then its content.
struct Object(Label, Vec<Bytes>);

fn history_object(timeline: u32, text: &str) -> Object {
    let mut encoder = Encoder::new(Encoding { level: 1, threads: NonZeroUsize::MIN });
    let (name, mut frames) = (format!("{timeline:08X}.history"), Vec::new());
    let mut take = |frame| frames.push(frame);
    let length = text.len() as u64;
    let encoded = encoder.encode(&name, length, &mut text.as_bytes(), &mut take).unwrap();
    Object(encoded.label, frames)
}

/// A history file as `wal-push` stores it.
pub fn history(timeline: u32, text: &str) -> Vec<u8> {
    let Object(label, frames) = history_object(timeline, text);
    [label.to_frame(), frames.concat()].concat()
}

/// The same on a host with this public key.
pub fn encrypted_history(timeline: u32, text: &str, pair: &KeyPair) -> Vec<u8> {
    let Object(label, frames) = history_object(timeline, text);
    let recipients = Recipients::parse([pair.recipient.as_str()]).unwrap();
    encrypt(&label, &frames, &recipients).unwrap()
}

/// A backup of the old system that begins and ends within one segment of a timeline, in five seconds from
/// the second that its id says.
pub fn described(id: &str, timeline: u32, segment: u64) -> Description {
    let began = DateTime::strptime("%Y%m%dT%H%M%SZ", &id[..16]).expect("an id");
    let time = |seconds: i64| {
        let time = began.checked_add(seconds.seconds()).expect("a time");
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let position = |offset: u64, seconds| Position {
        lsn: format!("{:X}/{:X}", segment >> 8, ((segment & 0xFF) << 24) + offset),
        timeline,
        time: time(seconds),
    };
    let stored = |object: &str, size| StoredObject {
        object: object.to_owned(),
        size,
        stored_size: size / 4,
        sha256: "ab".repeat(32),
    };
    let part = |object, size, tablespace, entries| Part {
        stored: stored(object, size),
        tablespace,
        entries,
    };
    Description {
        seawall: FORMAT,
        id: id.to_owned(),
        label: "nightly".to_owned(),
        system_identifier: OLD.to_owned(),
        postgres_version: 180_006,
        wal_segment_size: 16 << 20,
        start: position(0x28, 0),
        stop: position(0x120, 5),
        from_standby: false,
        checksum_failures: false,
        standalone: false,
        encrypted: false,
        tablespaces: vec![Tablespace { oid: 16385, location: "/ts".to_owned() }],
        elsewhere: None,
        parts: vec![
            part("part-00001.tar.zst", 4000, Some(16385), 3),
            part("part-00002.tar.zst", 8000, None, 9),
        ],
        manifest: stored("backup_manifest.zst", 500),
    }
}
