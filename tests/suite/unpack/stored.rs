//! Backups put into a repository by hand, and taken out of it.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use seawall::backup::StoredObject;
use seawall::basebackup::unpack::{BackupSource, Unpack, Unpacked};
use seawall::basebackup::{Description, FORMAT, Part, Position, Tablespace};
use seawall::codec::Identities;
use seawall::config::{Limits, Location, RepositoryConfig};
use seawall::error::Result;
use seawall::storage::{self, Storage};
use sha2::{Digest, Sha256};

use super::backup::{Backup, entries, new_folder};
use crate::support::place::Place;
use crate::support::postgres::{Installation, Server, Stop};
use crate::support::run::Run;
use crate::support::user::hand_over;

pub const PREFIX: &str = "postgres/main/7/basebackups/20261122T203000Z-4f2a/";

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    request: Duration::from_secs(10),
    total: Duration::from_secs(10),
    attempts: 3,
};

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A repository with one backup, and folders to restore it to.
pub struct Stored {
    pub place: Place,
    root: PathBuf,
    pub description: Description,
    pub identities: Identities,
    pub data: PathBuf,
    pub tablespaces: BTreeMap<u32, PathBuf>,
    pub progress: AtomicU64,
}

impl Stored {
    pub fn new(backup: &Backup) -> Stored {
        Stored::encrypted(backup, Identities::default(), |content| content)
    }

    /// Every object goes through `encrypt`.
    pub fn encrypted(
        backup: &Backup,
        identities: Identities,
        encrypt: impl Fn(Vec<u8>) -> Vec<u8>,
    ) -> Stored {
        let place = Place::with_odd_name();
        let root = place.folder("repository");
        fs::create_dir_all(root.join(PREFIX)).expect("our own folder");
        let store = |name: String, plain: &[u8]| {
            let content = encrypt(compress(plain));
            fs::write(root.join(PREFIX).join(&name), &content).expect("our own folder");
            let (size, stored_size) = (plain.len() as u64, content.len() as u64);
            StoredObject { object: name, size, stored_size, sha256: sha256(&content) }
        };
        let ending = if identities.is_empty() { "" } else { ".age" };
        let part = |(number, (tablespace, plain)): (usize, &(Option<u32>, Vec<u8>))| Part {
            stored: store(format!("part-{:05}.tar.zst{ending}", number + 1), plain),
            tablespace: *tablespace,
            entries: entries(plain).len() as u64,
        };
        let position = || Position {
            lsn: "0/0".to_owned(),
            timeline: 1,
            time: "2026-11-22T20:30:00Z".to_owned(),
        };
        let (oid, location) = backup.tablespace.clone();
        let description = Description {
            seawall: FORMAT,
            id: "20261122T203000Z-4f2a".to_owned(),
            label: "by hand".to_owned(),
            system_identifier: backup.system_identifier.to_string(),
            postgres_version: backup.version_number,
            wal_segment_size: 1 << 20,
            start: position(),
            stop: position(),
            from_standby: false,
            checksum_failures: false,
            standalone: true,
            encrypted: !identities.is_empty(),
            tablespaces: vec![Tablespace { oid, location }],
            elsewhere: None,
            parts: backup.parts.iter().enumerate().map(part).collect(),
            manifest: store(format!("backup_manifest.zst{ending}"), &backup.manifest),
        };
        let (data, tablespace) = (new_folder(&place), new_folder(&place));
        let (tablespaces, progress) = ([(oid, tablespace)].into(), AtomicU64::new(0));
        Stored { place, root, description, identities, data, tablespaces, progress }
    }

    /// The file of an object.
    pub fn object(&self, name: &str) -> PathBuf {
        self.root.join(PREFIX).join(name)
    }

    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.object(name)).expect("it is there");
        change(&mut bytes);
        fs::write(self.object(name), bytes).expect("our own file");
    }

    fn storage(&self) -> Box<dyn Storage> {
        let (name, url) = ("by-hand".to_owned(), "not used".to_owned());
        let location = Location::Folder(self.root.clone());
        let config = RepositoryConfig { name, url, location, encrypt: None, required: false };
        storage::open(&config, LIMITS, None).expect("a folder opens")
    }

    pub fn unpack(&self, delta: bool) -> Result<Unpacked> {
        let storage = self.storage();
        let source = BackupSource {
            storage: &*storage,
            prefix: PREFIX,
            description: &self.description,
            identities: &self.identities,
            attempts: LIMITS.attempts,
        };
        let progress = |bytes| self.progress.store(bytes, Ordering::Relaxed);
        let (data, tablespaces, threads) = (&self.data, &self.tablespaces, NonZeroUsize::new(3));
        let threads = threads.expect("not 0");
        Unpack { source, data, tablespaces, delta, durable: true, threads, progress: &progress }
            .run()
    }

    /// From now on other folders are restored to.
    pub fn start_anew(&mut self) {
        self.data = new_folder(&self.place);
        for folder in self.tablespaces.values_mut() {
            *folder = new_folder(&self.place);
        }
    }

    /// The message of the failure that has to come in new folders.
    #[track_caller]
    pub fn fails(&mut self) -> String {
        self.start_anew();
        let failed = self.unpack(false).err();
        assert!(!self.data.join("global/pg_control").exists(), "a server could start");
        failed.expect("it is damaged").to_string()
    }

    /// `pg_verifybackup` and a server agree that all is there.
    #[track_caller]
    pub fn is_whole(&self, backup: &Backup) {
        for folder in self.tablespaces.values().chain([&self.data]) {
            hand_over(folder);
        }
        let builder = Server::builder(&self.place).version(backup.version).segment_mib(1);
        let verify = Installation::of(backup.version).program("pg_verifybackup");
        Run::new(&self.place, &verify).server_user().arg(&self.data).run().expect(0);
        let mut server = builder.over(self.data.clone());
        server.start();
        assert_eq!(server.contents(), backup.contents);
        assert_eq!(server.sql("select count(*) from unlogged"), "0");
        assert_eq!(
            server.sql("select convert_from(lo_get(oid), 'UTF8') from pg_largeobject_metadata"),
            "large object"
        );
        server.sql("create table more tablespace elsewhere as select * from here; checkpoint");
        server.stop(Stop::Fast);
    }
}

/// As `basebackup create` does: frames of 1 MiB of content with a checksum.
fn compress(plain: &[u8]) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(1).expect("a level there is");
    compressor.include_checksum(true).expect("zstd can");
    plain.chunks(1 << 20).flat_map(|piece| compressor.compress(piece).expect("in memory")).collect()
}

/// Every file below a folder: path, length and permission bits.
pub fn files_below(folder: &Path) -> Vec<(String, u64, u32)> {
    use std::os::unix::fs::MetadataExt;
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("it is there").flatten() {
            let metadata = entry.metadata().expect("it is there");
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.is_file() {
                let path = entry.path().strip_prefix(folder).expect("below").display().to_string();
                found.push((path, metadata.len(), metadata.mode() & 0o777));
            }
        }
    }
    found.sort();
    found
}
