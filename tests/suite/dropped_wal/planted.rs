//! Who may add objects may add these too: they are claims.

use crate::scene::{Kind, SHORT_LIMITS, Scene, Store, error};
use crate::support::place::Place;

const GAP: i32 = 211;

/// With the first three segments, of a recovery from the archive.
fn scene() -> (Scene, Store) {
    let place = Place::new();
    let store = Store::start(Kind::Local, &place);
    let scene = Scene::in_place(&place).with(&store.table("near"));
    scene.has_ready(3);
    scene.push(0).run().expect(0);
    scene.directory.signal("recovery.signal");
    (scene, store)
}

fn plant(scene: &Scene, store: &Store, name: &str, text: &str) {
    let key = format!("postgres/main/{}/gaps/{name}", scene.wal.system_identifier);
    store.put(&key, text.as_bytes());
}

fn claim(scene: &Scene, first: usize, last: usize) -> String {
    let (first, last) = (scene.name(first), scene.name(last));
    format!(
        "{{\"seawall\":1,\"timeline\":1,\"first\":\"{first}\",\"last\":\"{last}\",\"when\":\"2026-11-30T22:00:00Z\",\
         \"host\":\"db\\u001b[2J\",\"why\":\"no\\nroom\"}}"
    )
}

#[test]
fn what_is_there_is_handed_over_and_what_was_dropped_is_never_the_end_of_the_wal() {
    let (scene, store) = scene();
    let fetch = |number: usize| scene.fetch(number).args(SHORT_LIMITS).run();
    fetch(3).expect(1);
    plant(
        &scene,
        &store,
        &format!("{}-{}.json", scene.name(1), scene.name(4)),
        &claim(&scene, 1, 4),
    );
    for number in 0..3 {
        fetch(number).expect(0);
    }
    for number in [3, 4] {
        let outcome = fetch(number);
        let said = "dropped by hand (seawall drop-wal) at 2026-11-30T22:00:00Z on host \
                    \"db\\u{1b}[2J\", reason: \"no\\nroom\": the WAL has a gap";
        assert!(error(outcome.expect(GAP)).contains(said), "{outcome}");
    }
    // Behind it the WAL ends as ever.
    fetch(5).expect(1);
    // A standby is asked to come again.
    std::fs::remove_file(scene.directory.path().join("recovery.signal")).unwrap();
    scene.directory.signal("standby.signal");
    let status = fetch(3).status;
    assert!(status.is_some_and(|it| (1..=125).contains(&it)), "{status:?}");
}

#[test]
fn what_is_not_what_its_name_says_says_nothing() {
    let (scene, store) = scene();
    let name =
        |first: usize, last: usize| format!("{}-{}.json", scene.name(first), scene.name(last));
    plant(&scene, &store, &name(3, 4), &claim(&scene, 3, 5));
    plant(&scene, &store, &name(4, 3), &claim(&scene, 4, 3));
    plant(&scene, &store, &name(3, 3), "no JSON");
    plant(&scene, &store, &name(2, 5), &" ".repeat(1 << 20));
    plant(&scene, &store, "other.json", &claim(&scene, 3, 4));
    plant(
        &scene,
        &store,
        &name(2, 4),
        &claim(&scene, 2, 4).replace(":1,\"timeline", ":2,\"timeline"),
    );
    scene.fetch(3).args(SHORT_LIMITS).run().expect(1);
    // Nor where the folder of WAL is missing altogether.
    scene.fetch(2).args(SHORT_LIMITS).run().expect(0);
}
