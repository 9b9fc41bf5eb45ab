//! As many files as sites have: in bounded time and memory.

use std::fs;
use std::time::{Duration, Instant};

use seawall::media_backup::Existing;

use super::scene::Scene;

const FOLDERS: usize = 100;
const FILES: usize = 200;

#[test]
fn twenty_thousand_files_are_a_matter_of_seconds() {
    let mut scene = Scene::new();
    for folder in 0..FOLDERS {
        let folder = scene.source().join(format!("{folder:03}"));
        fs::create_dir(&folder).unwrap();
        for file in 0..FILES {
            fs::write(folder.join(format!("{file}.jpg")), format!("{folder:?} {file}")).unwrap();
        }
    }
    std::thread::sleep(Duration::from_millis(1100));
    let start = Instant::now();
    let first = scene.take().totals;
    let first_took = start.elapsed();
    assert_eq!((first.files, first.new_files), (20_000, 20_000));
    std::thread::sleep(Duration::from_millis(1100));
    let start = Instant::now();
    let second = scene.take().totals;
    let second_took = start.elapsed();
    assert_eq!((second.files, second.read_files), (20_000, 0));
    let to = scene.join("to");
    let start = Instant::now();
    assert_eq!(scene.restore(2, &to, Existing::Refuse).written_files, 20_000);
    let restore_took = start.elapsed();
    println!("first {first_took:?}, second {second_took:?}, restore {restore_took:?}");
    let limit = Duration::from_secs(120);
    assert!(first_took < limit && second_took < limit && restore_took < limit);
}
