//! `seawall copy` between real folders and real buckets: all that one has is in the other afterwards, whatever came between.

pub mod crashes;
mod in_store;
mod kinds;
mod remembered;
mod trouble;
mod wal;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::s3;
use crate::support::user::hand_over;

const LIMIT: Duration = Duration::from_secs(120);
const S3: Kind = Kind::S3(s3::Kind::S3sFs);

/// A host whose WAL lies in repository `a`, and an empty repository `b`.
struct Two {
    scene: Scene,
    a: Store,
    b: Store,
}

impl Two {
    fn new(from: Kind, to: Kind) -> Two {
        Two::with(from, to, ["", ""], "")
    }

    /// With more settings for each repository, and for all.
    fn with(from: Kind, to: Kind, more: [&str; 2], all: &str) -> Two {
        let place = Place::new();
        let (a, b) = (Store::start(from, &place), Store::start(to, &place));
        for store in [&a, &b] {
            if let Store::Folder(root) = store {
                std::fs::create_dir(root).expect("its parent is there");
                hand_over(root);
            }
        }
        let [of_a, of_b] = more;
        let scene = Scene::in_place(&place)
            .with(all)
            .with(&(a.table("a") + of_a))
            .with(&(b.table("b") + of_b));
        Two { scene, a, b }
    }

    /// The first segments are archived in `a`.
    fn archives(&self, count: usize) -> &Two {
        for number in 0..count {
            let push = self.scene.has(number).push(number);
            push.args(["--repository", "a"]).run().expect(0);
        }
        self
    }

    fn copy(&self) -> Run {
        self.scene.seawall("copy").args(["--from", "a", "--to", "b"]).limit(LIMIT)
    }

    /// Each segment can be fetched from `b` alone.
    #[track_caller]
    fn b_restores(&self, count: usize) {
        for number in 0..count {
            let fetch = self.scene.fetch(number).args(["--repository", "b", "--wal-prefetch=0"]);
            fetch.run().expect(0);
            assert!(self.scene.take_fetched().as_deref() == Some(self.scene.bytes(number)));
        }
    }
}

/// All that a store holds.
fn content(store: &Store) -> BTreeMap<String, Vec<u8>> {
    let keys = store.keys().into_iter();
    keys.map(|key| (key.clone(), store.get(&key).expect("listed"))).collect()
}

/// A backup of a Redis as far as a copy looks at it: one object, and what describes it.
fn redis_backup(store: &Store, number: usize) {
    use sha2::{Digest as _, Sha256};
    let id =
        format!("20261101T{:02}{:02}{:02}Z-0000", number / 3600, number / 60 % 60, number % 60);
    let object = format!("content {number}").into_bytes();
    let sha256: String = Sha256::digest(&object).iter().map(|byte| format!("{byte:02x}")).collect();
    let description = serde_json::json!({
        "seawall": 1, "id": id, "label": "", "encrypted": false,
        "began": "2026-11-01T00:00:00Z", "ended": "2026-11-01T00:00:01Z",
        "product": "redis", "version": "7.0.15", "source": "connection", "content": "rdb",
        "keys": [], "used_memory": 1,
        "files": [{
            "object": "dump.rdb.zst", "size": object.len(), "stored_size": object.len(),
            "sha256": sha256, "name": "dump.rdb",
        }],
    });
    store.put(&format!("redis/main/{id}/dump.rdb.zst"), &object);
    store.put(&format!("redis/main/{id}/backup.json"), description.to_string().as_bytes());
}
