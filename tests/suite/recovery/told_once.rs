//! A standby asks every few seconds for what the archive does not have yet. The log says it once.

use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;

#[test]
fn a_standby_is_told_once_what_the_archive_does_not_have() {
    let place = Place::new();
    let store = Store::start(Kind::Local, &place);
    let scene = Scene::in_place(&place).with("wal.prefetch = 0").with(&store.table("disk"));
    scene.has(0).push(0).run().expect(0);
    scene.directory.signal("standby.signal");
    let next = scene.name(1).to_owned();
    for name in [next.as_str(), "00000002.history", "00000003.history"] {
        for expected in [true, false, false] {
            let outcome = scene.fetch_file(name).run();
            let told = outcome.expect(1).stderr.contains("not in the archive");
            assert_eq!(told, expected, "{name}: {outcome}");
        }
    }
    // Not to somebody who asks once.
    std::fs::remove_file(scene.directory.path().join("standby.signal")).expect("our own file");
    scene.fetch_file("00000002.history").run().expect(1).says("not in the archive");
}
