//! Nothing gets its name before the file in front of it has its verdict, in any repository: of a server that is
//! refused nothing is stored, neither what waits behind nor in the repository that lacks the name.

mod encryption;
mod forks;
mod histories;
mod look_ahead;
mod repositories;

use crate::scene::{Kind, Scene, Store, altered};
use crate::support::place::Place;
use crate::support::s3;

const S3: Kind = Kind::S3(s3::Kind::S3sFs);

/// Two servers of one cluster, with the same names for other content, and the repositories of both.
struct Servers {
    place: Place,
    stores: Vec<Store>,
    /// What it pushes comes first.
    rightful: Scene,
    refused: Scene,
}

impl Servers {
    fn new(kinds: &[Kind]) -> Servers {
        let place = Place::new();
        let stores: Vec<Store> = kinds.iter().map(|kind| Store::start(*kind, &place)).collect();
        let server = || {
            let named = stores.iter().enumerate();
            let tables = named.map(|(number, store)| store.table(&format!("number{number}")));
            tables.fold(Scene::in_place(&place), |scene, table| scene.with(&table))
        };
        let (rightful, refused) = (server(), server());
        Servers { place, stores, rightful, refused }
    }

    /// The keys of the first segments, as many as were archived.
    fn keys(&self, count: usize) -> Vec<String> {
        (0..count).map(|number| self.rightful.clear_key(number)).collect()
    }

    /// Each repository holds the first `count` segments of the rightful server and nothing else.
    #[track_caller]
    fn hold(&self, count: usize) {
        for store in &self.stores {
            assert_eq!(store.keys(), self.keys(count));
            assert_eq!(store.leftovers(), [""; 0]);
            for number in 0..count {
                store.holds(&self.rightful.clear_key(number), self.rightful.bytes(number));
            }
        }
    }

    /// The rightful server archives `count` segments and is never refused.
    #[track_caller]
    fn rightful_archives(&self, count: usize) {
        self.rightful.has_ready(count);
        for number in 0..count {
            self.rightful.push(number).run().expect(0);
            self.rightful.directory.mark_done(self.rightful.name(number));
        }
        self.hold(count);
    }
}

/// Puts other content under the name of a segment, and marks it as waiting.
fn diverges(scene: &Scene, number: usize) {
    scene.directory.put(scene.name(number), &altered(scene.bytes(number)));
    scene.directory.mark_ready(scene.name(number));
}
