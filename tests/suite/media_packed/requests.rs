//! How many requests a snapshot makes, counted: each costs a round trip, and money.

use seawall::media_backup::Selection;

use super::scene::{S3, Scene};
use crate::scene::Store;
use crate::support::place::Place;
use crate::support::proxy::Proxy;

struct Counted {
    scene: Scene,
    proxy: Proxy,
}

impl Counted {
    fn new(encrypted: bool) -> Self {
        let place = Place::new();
        let store = Store::start(S3, &place);
        let proxy = Proxy::start(store.server().address());
        let table = store.table_at("first", &proxy.endpoint());
        Self { scene: Scene::of(place, vec![(store, table, encrypted)]), proxy }
    }

    fn during<T>(&mut self, act: impl FnOnce(&mut Scene) -> T) -> Vec<String> {
        let before = self.proxy.requests().len();
        act(&mut self.scene);
        let all = self.proxy.requests();
        let shown = |one: &crate::support::proxy::Recorded| {
            let listing = one.path.contains("list-type=2");
            let name = one.path.split('?').next().unwrap_or_default().rsplit('/').next();
            match listing {
                true => "LIST".to_owned(),
                false => format!("{} {}", one.method, name.unwrap_or_default()),
            }
        };
        all[before..].iter().map(shown).collect()
    }
}

const HUNDRED_THOUSAND: usize = 100_000;

/// Eleven requests, however many files there are; the first time one for each 32 MiB more.
#[test]
fn a_hundred_thousand_unchanged_files_cost_eleven_requests() {
    let mut counted = Counted::new(false);
    for folder in 0..HUNDRED_THOUSAND / 500 {
        let folder = counted.scene.source().join(format!("{folder}"));
        std::fs::create_dir(&folder).unwrap();
        for file in 0..500 {
            let content = format!("{} {file}", folder.display());
            std::fs::write(folder.join(format!("{file}.jpg")), content).unwrap();
        }
    }
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let first = counted.during(|scene| {
        let totals = scene.take().totals;
        assert_eq!((totals.files, totals.new_files), (100_000, 100_000));
    });
    assert!(first.len() <= 20, "{first:?}");
    let again = counted.during(|scene| {
        let totals = scene.take().totals;
        assert_eq!((totals.files, totals.read_files), (100_000, 0));
    });
    assert_eq!(again.len(), 11, "{again:?}");
}

#[test]
fn an_unchanged_set_costs_a_handful_of_requests_and_so_does_one_file() {
    for encrypted in [false, true] {
        let mut counted = Counted::new(encrypted);
        // Encrypting takes long without optimisation.
        for number in 0..if encrypted { 150 } else { 3000 } {
            let name = format!("{}/{number}", number % 30);
            counted.scene.write(&name, format!("content {number}"));
        }
        // What changed in the second of the last snapshot is read again.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        let first = counted.during(Scene::take);
        assert!(first.len() <= 12, "{first:?}");
        let again = counted.during(Scene::take);
        let of = |name: &str| format!("{name}{}", if encrypted { ".age" } else { "" });
        let (index, contents) = (of("index.jsonl.zst"), of("contents.jsonl.zst"));
        let expected = [
            "PUT begun.json".to_owned(),
            "LIST".to_owned(),
            "GET backup.json".to_owned(),
            format!("GET {index}"),
            format!("GET {contents}"),
            format!("PUT {contents}"),
            format!("PUT {index}"),
            // What it shares, its own, and behind the description its own once more.
            "LIST".to_owned(),
            "LIST".to_owned(),
            "PUT backup.json".to_owned(),
            "LIST".to_owned(),
        ];
        assert_eq!(again, expected);
        let to = counted.scene.place.join("to");
        let path = format!("{}/7/37", counted.scene.source().display());
        let selection = Selection::path(path.as_bytes()).unwrap();
        let one = counted.during(|scene| {
            let restored = scene.try_restore(0, &Scene::id(2), &to, &selection).unwrap();
            assert_eq!(restored.written_files, 1, "{restored:?}");
        });
        let gets =
            [format!("GET {index}"), format!("GET {contents}"), "GET data-00001.pack".into()];
        assert_eq!(one, gets);
        let all = counted.during(|scene| scene.restore(2, &scene.place.join("all")));
        assert!(all.len() <= 5, "{all:?}");
    }
}
