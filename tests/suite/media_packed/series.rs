//! What comes back is what was there, each time.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::scene::{KINDS, S3, Scene};
use crate::media::trees::{Facts, Random, content, facts, grow, same};

/// Zeros of a file with holes come back as holes, which no file system promises to make the same way.
fn without_holes(mut all: BTreeMap<PathBuf, Facts>) -> BTreeMap<PathBuf, Facts> {
    all.values_mut().for_each(|facts| facts.sparse = false);
    all
}

#[test]
fn any_tree_comes_back_as_it_was() {
    for (kind, encrypted) in KINDS {
        for seed in 0..1 {
            let mut scene = Scene::new(kind, encrypted);
            grow(&mut Random::of_seed(300 + seed), &scene.source(), 60);
            let expected = without_holes(facts(&scene.source()));
            let taken = scene.take();
            assert_eq!(taken.problems.failures, 0, "{:?}", taken.problems);
            assert_eq!(scene.verify(1).problems.failures, 0);
            let to = scene.place.join("to");
            let restored = scene.restore(1, &to);
            assert_eq!(restored.problems.failures, 0, "{:?}", restored.problems);
            same(&expected, &without_holes(facts(&scene.restored(&to))));
        }
    }
}

#[test]
fn ten_snapshots_with_changes_come_back_each_as_it_was() {
    for (kind, encrypted) in [KINDS[0], KINDS[2]] {
        let (mut scene, mut random) = (Scene::new(kind, encrypted), Random::of_seed(310));
        grow(&mut random, &scene.source(), 30);
        let mut expected = Vec::new();
        for number in 1..=10 {
            if number > 1 {
                change(&scene, &mut random, number);
            }
            expected.push(without_holes(facts(&scene.source())));
            let taken = scene.take();
            assert_eq!(taken.problems.failures, 0, "{:?}", taken.problems);
        }
        for (number, expected) in (1..).zip(expected) {
            let verified = scene.verify(number);
            assert_eq!(verified.problems.failures, 0, "{number}: {:?}", verified.problems);
            let to = scene.place.join(format!("to{number}"));
            let restored = scene.restore(number, &to);
            assert_eq!(restored.problems.failures, 0, "{number}: {:?}", restored.problems);
            same(&expected, &without_holes(facts(&scene.restored(&to))));
        }
    }
}

fn change(scene: &Scene, random: &mut Random, number: usize) {
    let top = scene.source();
    let names: Vec<PathBuf> = fs::read_dir(&top).unwrap().map(|it| it.unwrap().path()).collect();
    let victim = &names[random.below(names.len() as u64) as usize];
    seawall::durable::remove_all(victim).unwrap();
    let length = random.below(50_000);
    fs::write(top.join(format!("changes{}", number % 3)), content(random, length)).unwrap();
    grow(random, &top, 8);
}

/// Longer than what one thread compresses by itself, than a pack, and with holes.
#[test]
fn long_files_come_back() {
    for encrypted in [false, true] {
        let mut scene = Scene::new(S3, encrypted);
        let mut random = Random::of_seed(320);
        let length = (33 << 20) + 5;
        let long = content(&mut random, length);
        scene.write("longer than a pack", &long);
        scene.write("the same", &long);
        scene.write("a few MiB", &long[7..5 << 20]);
        scene.write("one frame", &long[..1 << 20]);
        scene.write("one more byte", &long[..(1 << 20) + 1]);
        let hole = fs::File::create(scene.source().join("hole")).unwrap();
        hole.set_len(40 << 20).unwrap();
        let expected = without_holes(facts(&scene.source()));
        scene.take();
        let stored: usize =
            scene.packs().iter().map(|key| scene.store().get(key).unwrap().len()).sum();
        assert!(stored < (33 << 20) + (9 << 20), "each content once, found {stored}");
        assert_eq!(scene.verify(1).problems.failures, 0);
        let to = scene.place.join("to");
        let restored = scene.restore(1, &to);
        assert_eq!(restored.problems.failures, 0, "{:?}", restored.problems);
        same(&expected, &without_holes(facts(&scene.restored(&to))));
        // Moved, and touched: read once more, and not sent again.
        let before = scene.packs();
        let top = scene.source();
        fs::rename(top.join("longer than a pack"), top.join("moved")).unwrap();
        fs::File::options()
            .append(true)
            .open(top.join("a few MiB"))
            .unwrap()
            .set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
        scene.take();
        assert_eq!(scene.packs(), before);
        assert_eq!(scene.verify(2).problems.failures, 0);
    }
}
