//! What a snapshot leaves that does not come to its end: it is seen, and it goes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::story::Story;

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let of = |path: std::path::PathBuf| match fs::symlink_metadata(&path).unwrap() {
        it if it.is_dir() => bytes_below(&path),
        it => it.len(),
    };
    entries.map(|it| of(it.path())).sum()
}

/// A first snapshot of a large set that a limit of time or memory ends each night must not fill the disk.
#[test]
fn a_killed_tree_is_seen_and_goes() {
    let story = Story::with_files(30);
    let archive = story.place.join("archive");
    for point in ["media.begun", "media.folder-made", "media.file-kept:7", "media.files-kept"] {
        let outcome = story.run(&["create"]).env("SEAWALL_FAILPOINT", point).run();
        assert_eq!(outcome.signal, Some(9), "{point}: {outcome}");
        let list = story.run(&["list"]).run();
        assert!(list.stdout.contains("1 unfinished snapshot"), "{point}: {list}");
        std::thread::sleep(Duration::from_secs(2));
        let prune = story.run(&["prune", "--yes", "--media-backup-keep-unfinished=1s"]).run();
        assert!(prune.expect(0).stdout.contains("Deleted"), "{point}: {prune}");
        assert_eq!(bytes_below(&archive), 0, "{point}");
        let set = fs::read_dir(archive.join("media/uploads"));
        assert_eq!(set.map_or(0, Iterator::count), 0, "{point}");
    }
}
