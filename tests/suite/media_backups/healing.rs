//! What `verify` found damaged is stored anew by the next snapshot, though the source did not change.

use std::fs;
use std::path::{Path, PathBuf};

use super::story::Story;

/// One bit of it is another one: length and times stay.
fn flip(path: &Path) {
    let metadata = fs::metadata(path).unwrap();
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(metadata.modified().unwrap()).unwrap();
}

fn below(folder: &Path, is_it: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().flatten().map(|it| it.path()) {
        if path.is_dir() && !path.is_symlink() {
            below(&path, is_it, found);
        } else if is_it(&path) {
            found.push(path);
        }
    }
}

fn find(folder: &Path, is_it: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    below(folder, is_it, &mut found);
    found.sort();
    found
}

/// Damages the stored content; the next snapshot can give it back, and stores nothing anew behind that.
#[track_caller]
fn heals(story: &Story, repository: &str, damage: &dyn Fn()) {
    for _ in 0..2 {
        story.run(&["create"]).run().expect(0);
    }
    let expected = Story::contents(&story.source);
    damage();
    story.run(&["verify"]).run().expect(5).says("");
    let id = |it: &serde_json::Value| it["id"].as_str().unwrap().to_owned();
    for again in [false, true] {
        story.run(&["create"]).run().expect(0);
        let newest = id(story.listed().last().unwrap());
        assert_eq!(story.restored_from(repository, Some(&newest)), expected, "{again}");
        story.run(&["verify", &newest]).run().expect(0);
        let shown = story.run(&["list", "--json", "--repository", repository]).run();
        let list: serde_json::Value = serde_json::from_str(&shown.expect(0).stdout).unwrap();
        let of_newest = list["backups"].as_array().unwrap().last().unwrap().clone();
        let new = of_newest["description"]["totals"]["new_files"].as_u64().unwrap();
        assert!(new > 0 || again, "{of_newest}");
        assert!(new == 0 || !again, "{of_newest}");
    }
}

#[test]
fn a_tree_heals() {
    let story = Story::with_files(3);
    let archive = story.place.join("archive");
    heals(&story, "local", &|| {
        // One file with a name in each snapshot.
        let trees = find(&archive, &|it| it.ends_with("1.jpg"));
        flip(&trees[0]);
    });
}

/// Who asks for every file to be read is told of this too, without a verification.
#[test]
fn a_tree_heals_by_itself_where_all_is_read() {
    let story = Story::with_files(3);
    let archive = story.place.join("archive");
    story.run(&["create"]).run().expect(0);
    flip(&find(&archive, &|it| it.ends_with("1.jpg"))[0]);
    story.run(&["create"]).run().expect(0);
    story.run(&["create", "--checksum"]).run().expect(0);
    let newest = story.listed().last().unwrap()["id"].as_str().unwrap().to_owned();
    let found = story.restored_from("local", Some(&newest));
    assert_eq!(found, Story::contents(&story.source));
}

#[test]
fn packs_heal() {
    heal_packs(&Story::of(3, false));
}

/// By the user who built it: age built for tests reads its words from the folder that it was built in.
#[test]
fn encrypted_packs_heal() {
    heal_packs(&Story { as_server_user: false, ..Story::of(3, true) });
}

fn heal_packs(story: &Story) {
    heals(story, "s3", &|| {
        let id = story.listed()[0]["id"].as_str().unwrap().to_owned();
        let key = format!("some/media/uploads/{id}/data-00001.pack");
        let mut bytes = story.s3.get(&key).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        story.s3.put(&key, &bytes);
    });
}
