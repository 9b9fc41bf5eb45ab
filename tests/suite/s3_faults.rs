//! What happens between us and a bucket, and what PostgreSQL is told of it: a trouble that passes is
//! passed over, one that stays is said in time, with the status that belongs to it.

mod answers;
mod conditional_put;
mod credentials;
mod lasting;
mod lies;
mod not_s3;
mod passing;
mod places;
mod profiles;
mod proxies;
mod refusals;
mod tls;
mod two_repositories;

use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::proxy::Proxy;
use crate::support::s3;

/// A host, its one repository, and the proxy between them.
struct Line {
    scene: Scene,
    proxy: Proxy,
    store: Store,
}

impl Line {
    fn new(kind: s3::Kind) -> Line {
        let place = Place::new();
        let store = Store::start(Kind::S3(kind), &place);
        let proxy = Proxy::start(store.server().address());
        let scene = Scene::in_place(&place).with(&store.table_at("s3", &proxy.endpoint()));
        Line { scene, proxy, store }
    }

    /// The first segment is in the bucket already; another host put it there.
    fn with_archived_segment(kind: s3::Kind) -> Line {
        let line = Line::new(kind);
        let other = Scene::in_place(&line.scene.place).with(&line.store.table("s3"));
        other.has(0).push(0).run().expect(0);
        line
    }

    /// The one object is there, and is the first segment.
    #[track_caller]
    fn holds_the_segment_once(&self) {
        assert_eq!(self.store.keys(), [self.scene.clear_key(0)]);
        self.store.holds(&self.scene.clear_key(0), self.scene.bytes(0));
    }
}
