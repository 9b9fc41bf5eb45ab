//! A file of several GiB, most of it a hole: what comes back has the same bytes in the same places, and takes
//! no more room.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use seawall::media_backup::Existing;

use super::scene::Scene;
use super::trees::{Random, content};

pub const LONG: u64 = 5 << 30;

/// Where there is something: at both ends, across 4 GiB, and not on a block's border.
const ISLANDS: [u64; 4] = [0, (1 << 30) + 12_345, (4 << 30) - 500, LONG - 1_000];
const ISLAND_BYTES: u64 = 1_000;

pub fn make(path: &Path) {
    let (file, mut random) = (File::create(path).unwrap(), Random::of_seed(400));
    file.set_len(LONG).unwrap();
    for at in ISLANDS {
        file.write_all_at(&content(&mut random, ISLAND_BYTES), at).unwrap();
    }
}

/// The islands are the same, around them is nothing, and it takes a few blocks.
#[track_caller]
pub fn is_it(path: &Path) {
    let (file, mut random) = (File::open(path).unwrap(), Random::of_seed(400));
    let metadata = fs::metadata(path).unwrap();
    assert_eq!(metadata.len(), LONG);
    assert!(metadata.blocks() * 512 < 1 << 20, "{} blocks", metadata.blocks());
    for at in ISLANDS {
        let start = at.saturating_sub(50_000);
        let end = (at + ISLAND_BYTES + 50_000).min(LONG);
        let mut around = vec![1; (end - start) as usize];
        file.read_exact_at(&mut around, start).unwrap();
        let (before, rest) = around.split_at((at - start) as usize);
        let (island, after) = rest.split_at(ISLAND_BYTES as usize);
        assert_eq!(island, content(&mut random, ISLAND_BYTES), "at {at}");
        assert!(before.iter().chain(after).all(|byte| *byte == 0), "around {at}");
    }
}

#[test]
fn five_gib_with_holes_come_back_with_holes() {
    let mut scene = Scene::new();
    make(&scene.source().join("long"));
    let totals = scene.take().totals;
    assert_eq!((totals.files, totals.size), (1, LONG));
    is_it(&scene.latest().join("long"));
    assert_eq!(scene.verify(1).problems.failures, 0);
    let to = scene.join("to");
    let restored = scene.restore(1, &to, Existing::Refuse);
    assert_eq!(restored.problems.failures, 0, "{:?}", restored.problems);
    is_it(&scene.restored(&to).join("long"));
}
