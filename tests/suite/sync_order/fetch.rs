//! `wal-fetch`, and what it has to know later of what it handed over.

use super::{kept, traced};
use crate::scene::{Kind, Scene, Store};
use crate::support::place::Place;
use crate::support::trace::Event;

/// Else a restored server might archive it under the name of the whole segment.
#[test]
fn a_segment_that_is_cut_is_durably_noted_before_it_is_handed_over() {
    let place = Place::new();
    let store = Store::start(Kind::Local, &place);
    let scene = Scene::in_place(&place).with("wal.prefetch = 0").with(&store.table("disk"));
    scene.has(1).push(1).run().expect(0);
    // Timeline 2 left timeline 1 in the middle of the segment.
    let number = u64::from_str_radix(&scene.name(1)[16..], 16).expect("hexadecimal");
    let history = format!("1\t0/{:X}\tno recovery target specified\n", (number << 20) + (1 << 19));
    scene.directory.put("00000002.history", history.as_bytes());
    scene.push_file("00000002.history").run().expect(0);
    scene.directory.signal("recovery.signal");
    let trace = traced(scene.fetch(1), &place);
    let (target, notes) = (scene.directory.wal("RECOVERYXLOG"), scene.directory.wal("seawall/cut"));
    let mut handed_over = 0;
    trace.replay(|event, disk| {
        if let Event::Renamed { to, .. } | Event::Linked { to, .. } = event
            && *to == target
        {
            handed_over += 1;
            assert!(disk.has(&notes.join(format!("{}.json", scene.name(1)))), "there is no note");
            kept(disk.at_risk(&notes));
        }
    });
    assert_eq!(handed_over, 1);
    let fetched = scene.take_fetched().expect("handed over");
    assert!(fetched[..1 << 19] == scene.bytes(1)[..1 << 19], "other bytes in front");
    assert!(fetched[1 << 19..].iter().all(|byte| *byte == 0), "no zeros behind");
}
