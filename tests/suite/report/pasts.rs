//! Repositories with different pasts.

use seawall::backup::StoredObject;
use seawall::media_backup::{self, SnapshotKind, Sums};
use seawall::redis_backup::{self, RedisContent, RedisSource, StoredFile};
use seawall::redis_backup::{Keys, Product};

use super::scene::Past;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

impl Past {
    /// A backup of a Redis that took so many bytes and was whole so many seconds ago.
    pub fn redis(&self, name: &str, ago: u64, bytes: usize) {
        let time = self.ago(ago);
        let id = time.strftime("%Y%m%dT%H%M%SZ-5e1f").to_string();
        let description = redis_backup::RedisDescription {
            seawall: redis_backup::RedisDescription::FORMAT,
            id: id.clone(),
            label: String::new(),
            product: Product::Redis,
            version: "7.0.15".to_owned(),
            source: RedisSource::Connection,
            content: RedisContent::Rdb,
            began: time.to_string(),
            ended: time.to_string(),
            moment: None,
            appendonly: None,
            estimated: false,
            replication_id: None,
            replication_offset: None,
            keys: vec![Keys { database: 0, keys: bytes as u64 * 3, expires: 0 }],
            used_memory: bytes as u64,
            encrypted: false,
            files: vec![StoredFile {
                stored: stored("dump.rdb.zst", bytes),
                name: "dump.rdb".to_owned(),
            }],
            fell: None,
            accepted: false,
        };
        self.put(&format!("redis/{name}/{id}/dump.rdb.zst"), &vec![b'x'; bytes], ago);
        let json = serde_json::to_vec(&description).expect("JSON");
        self.put(&format!("redis/{name}/{id}/backup.json"), &json, ago);
    }

    /// A snapshot of a media set that added so many bytes.
    pub fn media(&self, set: &str, ago: u64, bytes: usize) {
        let time = self.ago(ago);
        let id = time.strftime("%Y%m%dT%H%M%SZ-6a2b").to_string();
        let (files, size) = (184_213, 96 << 30);
        let description = media_backup::SnapshotDescription {
            seawall: media_backup::SnapshotDescription::FORMAT,
            id: id.clone(),
            label: String::new(),
            kind: SnapshotKind::Packed,
            began: time.to_string(),
            ended: time.to_string(),
            encrypted: false,
            totals: Sums { entries: files, files, size, ..Sums::default() },
            objects: vec![stored("pack-00001", bytes)],
            earlier: Vec::new(),
            recipients: None,
            paths: Vec::new(),
            sum: None,
            fell: None,
            accepted: false,
        };
        self.put(&format!("media/{set}/{id}/pack-00001"), &vec![b'x'; bytes], ago);
        let json = serde_json::to_vec(&description).expect("JSON");
        self.put(&format!("media/{set}/{id}/backup.json"), &json, ago);
    }

    /// An eventful one with a Redis and media files, of which some are not configured.
    pub fn rich(self) -> Past {
        let past = self.eventful();
        for number in 0..40 {
            past.redis("main", 1800 + number * 6 * HOUR, 9000 + 100 * (40 - number as usize));
        }
        for number in 0..10 {
            past.media("uploads", HOUR + number * DAY, 4000 + 900 * (number as usize % 3));
            past.media("letters", 200 * DAY + number * DAY, 500);
        }
        past.redis("sessions", 90 * DAY, 700);
        past.laid.configure("[media.uploads]\npaths = [\"/srv/uploads\"]\n");
        past
    }

    /// Nothing yet, on a disk that is there.
    pub fn empty(self) -> Past {
        let past = self;
        std::fs::create_dir_all(past.root()).expect("a folder");
        past
    }

    /// The first day: one backup, nothing rehearsed.
    pub fn young(self) -> Past {
        let past = self;
        past.wal(1, 1..=5, 600, 120);
        past.backup(1, 2, 2400, "first");
        past
    }

    /// Every rehearsal failed.
    pub fn failing(self) -> Past {
        let past = self;
        past.wal(1, 1..=60, 2 * HOUR, 600);
        past.backup(1, 2, 4 * DAY, "nightly");
        past.backup(1, 50, 20 * HOUR, "nightly");
        for days in [90, 60, 30, 2] {
            past.drill(days * DAY, 20.0, false);
        }
        past
    }

    /// More than a year of nightly backups.
    pub fn long(self) -> Past {
        let past = self;
        past.wal(1, 1..=1200, 8 * HOUR, 600);
        for number in 0..400 {
            past.backup(1, 2 + 3 * number, (400 - number) * DAY - 12 * HOUR, "nightly");
        }
        for month in 0..13 {
            past.drill((month * 30 + 5) * DAY, 400.0 + 90.0 * (12 - month) as f64, true);
        }
        past
    }
}

fn stored(object: &str, bytes: usize) -> StoredObject {
    let bytes = bytes as u64;
    let sha256 = "ab".repeat(32);
    StoredObject { object: object.to_owned(), size: bytes * 4, stored_size: bytes, sha256 }
}
