//! A repository may be away: where fewer repositories than all are needed, it is owed what it misses, and gets it later.

mod backups;
mod compared;
pub mod crashes;
mod expired;
mod given_up;
mod good_copies;
mod pushes;
mod server;
mod settling;

use crate::scene::{Kind as StoreKind, SHORT_LIMITS, Scene, Store};
use crate::support::place::Place;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::s3::Kind;

/// A folder and a bucket, of which one is enough.
struct OneOfTwo {
    scene: Scene,
    folder: Store,
    bucket: Store,
    proxy: Proxy,
    tables: [String; 2],
}

impl OneOfTwo {
    fn new() -> OneOfTwo {
        OneOfTwo::with("needed = 1")
    }

    fn with(top: &str) -> OneOfTwo {
        let place = Place::new();
        let folder = Store::start(StoreKind::Local, &place);
        let bucket = Store::start(StoreKind::S3(Kind::S3sFs), &place);
        let proxy = Proxy::start(bucket.server().address());
        let tables = [folder.table("disk"), bucket.table_at("cloud", &proxy.endpoint())];
        let scene = Scene::in_place(&place).with(top).with(&tables[0]).with(&tables[1]);
        OneOfTwo { scene, folder, bucket, proxy, tables }
    }

    /// The bucket answers nothing but this.
    fn bucket_does(&self, fault: Fault) {
        self.proxy.clear();
        self.proxy.add(Rule::new(fault));
    }

    /// The minute is over in which it was left out.
    fn a_minute_later(&self) {
        for name in self.scene.files_in("pg_wal/seawall/away") {
            let path = self.scene.directory.path().join("pg_wal/seawall/away").join(name);
            let note = std::fs::read_to_string(&path).expect("a note");
            let mut note: serde_json::Value = serde_json::from_str(&note).expect("JSON");
            note["tried"] = "2026-01-01T00:00:00Z".into();
            crate::support::user::write_as_server_user(&path, note.to_string());
        }
    }

    /// The WAL files that are owed to anybody, as one of them notes.
    fn owed(&self, holder: &Store) -> Vec<String> {
        let keys = holder.keys().into_iter().filter(|key| key.starts_with("owed/"));
        let name = |key: String| {
            let name = key.rsplit_once('/').expect("a key").1.to_owned();
            name.strip_suffix(".json").expect("a note").to_owned()
        };
        keys.map(name).collect()
    }

    fn wal(&self, store: &Store) -> Vec<String> {
        store.keys().into_iter().filter(|key| !key.starts_with("owed/")).collect()
    }

    /// Each of the first segments is in one of them, and the other one has it too, or is owed it.
    #[track_caller]
    fn each_has_it_or_is_owed(&self, count: usize) {
        let owed = [self.owed(&self.bucket), self.owed(&self.folder)];
        for number in 0..count {
            let (key, name) = (self.scene.clear_key(number), self.scene.name(number));
            let had = [&self.folder, &self.bucket].map(|store| store.get(&key).is_some());
            assert!(had[0] || had[1], "nobody has {name}");
            for (store, (had, owed)) in
                [&self.folder, &self.bucket].into_iter().zip(had.into_iter().zip(&owed))
            {
                assert!(had || owed.iter().any(|one| one == name), "{name} is lost: {owed:?}");
                if had {
                    store.holds(&key, self.scene.bytes(number));
                }
            }
        }
    }

    /// Each of the first segments is in both.
    #[track_caller]
    fn both_hold(&self, count: usize) {
        for number in 0..count {
            for store in [&self.folder, &self.bucket] {
                store.holds(&self.scene.clear_key(number), self.scene.bytes(number));
            }
        }
    }

    fn pushes(&self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            self.scene.has(number).push(number).args(SHORT_LIMITS).run().expect(0);
        }
    }
}
