//! What is damaged is said, never restored, and the other repository helps out.

use std::fs;
use std::path::{Path, PathBuf};

use super::story::Story;

#[derive(Debug, Clone, Copy)]
enum Damage {
    Delete,
    Cut,
    Flip,
    Swap,
}

const ALL: [Damage; 4] = [Damage::Delete, Damage::Cut, Damage::Flip, Damage::Swap];

impl Damage {
    /// `None` where there is no object any more.
    fn of(self, whole: &[u8], other: &[u8]) -> Option<Vec<u8>> {
        let middle = whole.len() / 2;
        match self {
            Damage::Delete => None,
            Damage::Cut => Some(whole[..middle].to_vec()),
            Damage::Flip => {
                let mut bytes = whole.to_vec();
                bytes[middle] ^= 1;
                Some(bytes)
            }
            Damage::Swap => Some(other.to_vec()),
        }
    }
}

/// Two snapshots with other content, of which the second is damaged.
struct Damaged {
    story: Story,
    ids: [String; 2],
    expected: Vec<(String, String)>,
}

impl Damaged {
    fn new(encrypt: bool) -> Self {
        let story = Story::of(6, encrypt);
        story.run(&["create"]).run().expect(0);
        for number in 0..6 {
            story.write(&format!("{number}.jpg"), &format!("another picture {number}"));
        }
        story.run(&["create"]).run().expect(0);
        let id = |at: usize| story.listed()[at]["id"].as_str().unwrap().to_owned();
        let ids = [id(0), id(1)];
        let expected = Story::contents(&story.source);
        Self { story, ids, expected }
    }

    /// What `verify` and the two ways to restore make of it. `seen`: whether `verify` has to find it.
    #[track_caller]
    fn passes_nobody(&self, repository: &str, case: &str, seen: bool) {
        let (story, id) = (&self.story, self.ids[1].as_str());
        let list = story.run(&["list"]).run();
        assert!(matches!(list.status, Some(0 | 5)), "{case}: {list}");
        let verify = story.run(&["verify"]).run();
        assert_eq!(verify.status, Some(if seen { 5 } else { 0 }), "{case}: {verify}");
        let alone = story.place.join(format!("alone-{}", story.place.next_number()));
        let words = ["restore", id, "--repository", repository, "--yes", "--to"];
        let outcome = story.run(&words).arg(&alone).run();
        assert_ne!(outcome.status, Some(0), "{case}: {outcome}");
        // Whatever came back is what was there.
        if story.below(&alone).exists() {
            for file in Story::contents(&story.below(&alone)) {
                assert!(self.expected.contains(&file), "{case}: {file:?}");
            }
        }
        let to = story.place.join(format!("to-{}", story.place.next_number()));
        story.run(&["restore", id, "--yes", "--to"]).arg(&to).run().expect(0);
        assert_eq!(Story::contents(&story.below(&to)), self.expected, "{case}");
    }
}

/// {delete, cut, flip, swap} x {file, index, description} x {list, verify, restore}.
#[test]
fn every_damage_in_a_tree_is_said_and_the_bucket_helps() {
    let damaged = Damaged::new(true);
    let set = damaged.story.place.join("archive/media/uploads");
    let file = |id: &str| damaged.story.below(&set.join(id).join("tree")).join("3.jpg");
    let beside = |name: &'static str| move |id: &str| PathBuf::from(id).join(name);
    let (index, description) = (beside("index.jsonl.zst"), beside("backup.json"));
    let paths: [&dyn Fn(&str) -> PathBuf; 3] = [&file, &index, &description];
    for path in paths {
        let [other, path] = damaged.ids.each_ref().map(|id| set.join(path(id)));
        let (whole, other) = (fs::read(&path).unwrap(), fs::read(other).unwrap());
        for damage in ALL {
            let case = format!("{damage:?} {path:?}");
            change(&path, damage.of(&whole, &other));
            let is_description = path.ends_with("backup.json");
            // Without its description it is no snapshot there; a bit of that may change nothing that matters.
            let unseen = is_description && matches!(damage, Damage::Delete);
            if !(is_description && matches!(damage, Damage::Flip)) {
                damaged.passes_nobody("local", &case, !unseen);
            }
            change(&path, Some(whole.clone()));
        }
    }
    damaged.story.run(&["verify"]).run().expect(0);
}

fn change(path: &Path, bytes: Option<Vec<u8>>) {
    match bytes {
        None => fs::remove_file(path).unwrap(),
        Some(bytes) => {
            fs::write(path, bytes).unwrap();
            crate::support::user::hand_over(path);
        }
    }
}

/// {delete, cut, flip, swap} x {pack, contents, index, description} x {list, verify, restore}.
#[test]
fn every_damage_in_a_bucket_is_said_and_the_folder_helps() {
    let damaged = Damaged::new(false);
    let s3 = &damaged.story.s3;
    for name in ["data-00001.pack", "contents.jsonl.zst", "index.jsonl.zst", "backup.json"] {
        let [other, key] =
            damaged.ids.each_ref().map(|id| format!("some/media/uploads/{id}/{name}"));
        let (whole, other) = (s3.get(&key).unwrap(), s3.get(&other).unwrap());
        for damage in ALL {
            let is_description = name == "backup.json";
            match damage.of(&whole, &other) {
                None => s3.delete(&key),
                Some(bytes) => s3.put(&key, &bytes),
            }
            let unseen = is_description && matches!(damage, Damage::Delete);
            if !(is_description && matches!(damage, Damage::Flip)) {
                damaged.passes_nobody("s3", &format!("{damage:?} {key}"), !unseen);
            }
            s3.put(&key, &whole);
        }
    }
    damaged.story.run(&["verify"]).run().expect(0);
}

/// A program learns of what is not back as well as of what is.
#[test]
fn a_restore_that_is_not_whole_says_so_as_json() {
    let story = Story::with_files(3);
    story.run(&["create"]).run().expect(0);
    let id = story.listed()[0]["id"].as_str().unwrap().to_owned();
    let tree = story.place.join("archive/media/uploads").join(&id).join("tree");
    fs::write(story.below(&tree).join("1.jpg"), "something").unwrap();
    let to = story.place.join("back");
    let words = ["restore", "--repository", "local", "--yes", "--json", "--to"];
    let outcome = story.run(&words).arg(&to).run();
    outcome.expect(4);
    let json: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let result = (&json["result"]["failures"], &json["result"]["written_files"]);
    assert_eq!(result, (&1.into(), &2.into()), "{json:#}");
    assert_eq!(
        json["errors"][0],
        "1 file or folder could not be restored. HINT: The lines above name them; everything else is there.",
        "{json:#}"
    );
    // With the other repository it is whole, and what came from both counts.
    let outcome =
        story.run(&["restore", "--yes", "--json", "--to"]).arg(story.place.join("whole")).run();
    let json: serde_json::Value = serde_json::from_str(&outcome.expect(0).stdout).unwrap();
    let result = (&json["result"]["failures"], &json["result"]["written_files"]);
    assert_eq!(result, (&0.into(), &3.into()), "{json:#}");
}

/// The newest one alone, by names and sizes alone, and for programs: as base backups are verified.
#[test]
fn verify_has_the_options_of_all_kinds() {
    let damaged = Damaged::new(false);
    let story = &damaged.story;
    let newest = story.run(&["verify", "--newest"]).run();
    assert!(newest.expect(0).stdout.starts_with("read 1 snapshot ("), "{newest}");
    let below = story.place.join("archive/media/uploads").join(&damaged.ids[0]).join("tree");
    change(&story.below(&below).join("3.jpg"), Some(b"another one".to_vec()));
    let quick = story.run(&["verify", "--quick"]).run();
    let words = "looked at names and sizes only: 2 snapshots: all is well\n";
    assert_eq!(quick.expect(0).stdout, words, "{quick}");
    story.run(&["verify", "--newest"]).run().expect(0);
    let outcome = story.run(&["verify", "--json"]).run();
    let json: serde_json::Value = serde_json::from_str(&outcome.expect(5).stdout).unwrap();
    let (fault, id) = (&json["faults"][0], &damaged.ids[0]);
    assert_eq!(json["faults"].as_array().map(Vec::len), Some(1), "{json}");
    assert_eq!(fault["object"], format!("media/uploads/{id}"), "{json}");
    assert!(fault["fault"].as_str().unwrap().contains("3.jpg"), "{json}");
    assert_eq!(fault["elsewhere"], serde_json::json!(["s3"]), "{json}");
    assert_eq!(json["read"]["backups"], 2, "{json}");
}
