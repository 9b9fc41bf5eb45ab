//! A file of several GiB, most of it a hole, in packs.

use super::scene::{S3, Scene};
use crate::media::long::{LONG, is_it, make};

#[test]
fn five_gib_with_holes_come_back_with_holes() {
    let mut scene = Scene::new(S3, false);
    make(&scene.source().join("long"));
    let totals = scene.take().totals;
    assert_eq!((totals.files, totals.size), (1, LONG));
    let stored: usize = scene.packs().iter().map(|key| scene.store().get(key).unwrap().len()).sum();
    assert!(stored < 2 << 20, "stored {stored} bytes");
    let to = scene.place.join("to");
    let restored = scene.restore(1, &to);
    assert_eq!(restored.problems.failures, 0, "{:?}", restored.problems);
    is_it(&scene.restored(&to).join("long"));
}
