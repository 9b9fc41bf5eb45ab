//! What a repository that was away has yet to be told comes with `seawall settle` too: no push may follow for long.

use super::{drop_wal, gaps, in_the_way, object};
use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::user::hand_over;

#[test]
fn settle_brings_a_gap_that_waits() {
    let place = Place::new();
    let state = place.folder("state of the host");
    let store = Store::start(Kind::Local, &place);
    in_the_way(&store);
    let scene = Scene::in_place(&place).with(&store.table("refusing"));
    scene.has_ready(2);
    drop_wal(&scene, 1).arg("--yes").run().expect(0);
    scene.seawall("settle").run().expect(10);
    assert_eq!(std::fs::read_dir(&state).unwrap().count(), 1);
    std::fs::remove_file(store.folder()).unwrap();
    scene.seawall("settle").run().expect(8);
    assert!(!store.folder().exists(), "a disk that is not mounted took something");
    std::fs::create_dir(store.folder()).unwrap();
    hand_over(store.folder());
    scene.seawall("settle").run().expect(0);
    assert_eq!(gaps(&store), [object(&scene, 0, 1)]);
    assert_eq!(std::fs::read_dir(&state).unwrap().count(), 0);
    // The copy beside the server tells it once more, and goes.
    scene.has(2).push(2).run().expect(0);
    assert_eq!(gaps(&store), [object(&scene, 0, 1)]);
    assert_eq!(scene.files_in("pg_wal/seawall/gaps"), [""; 0]);
}
