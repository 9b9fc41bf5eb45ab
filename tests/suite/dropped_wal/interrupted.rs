//! `seawall drop-wal` is killed: no push answers before the gap is written down, and the same command does the rest.

use std::fs;

use super::{drop_wal, gaps, in_the_way, object};
use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::user::hand_over;

/// Where tests kill it.
pub const POINTS: [&str; 3] = ["drop.stored", "drop.kept", "drop.noted"];

#[test]
fn killed_anywhere_nothing_is_dropped_that_is_not_written_down() {
    for point in POINTS {
        let place = Place::new();
        let (refusing, near) =
            (Store::start(Kind::Local, &place), Store::start(Kind::Local, &place));
        in_the_way(&refusing);
        fs::create_dir_all(near.folder()).unwrap();
        hand_over(near.folder());
        let scene = Scene::in_place(&place);
        let scene = scene.with(&near.table("near")).with(&refusing.table("refusing"));
        scene.has_ready(2);
        let killed = drop_wal(&scene, 1).arg("--yes").env("SEAWALL_FAILPOINT", point).run();
        assert_eq!(killed.signal, Some(9), "{point}: {killed}");
        assert_eq!(gaps(&near), [object(&scene, 0, 1)], "{point}");
        let answers = point == "drop.noted";
        let pushed = scene.push(0).run();
        assert_eq!(pushed.status == Some(0), answers, "{point}: {pushed}");
        let waits = scene.files_in("pg_wal/seawall/gaps");
        assert_eq!(waits.is_empty(), point == "drop.stored", "{point}: {waits:?}");

        drop_wal(&scene, 1).arg("--yes").run().expect(0);
        for number in 0..2 {
            scene.push(number).run().expect(0);
        }
        fs::remove_file(refusing.folder()).unwrap();
        scene.has(2).push(2).run().expect(0);
        for store in [&near, &refusing] {
            assert_eq!(gaps(store), [object(&scene, 0, 1)], "{point}");
        }
        assert_eq!(near.leftovers(), [""; 0]);
        assert_eq!(scene.files_in("pg_wal/seawall/gaps"), [""; 0]);
    }
}
