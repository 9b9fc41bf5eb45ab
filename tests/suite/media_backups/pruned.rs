//! Retention deletes a snapshot while it is verified: it counts as pruned, in packs and in a tree.

use std::fs;
use std::time::Duration;

use super::story::Story;
use crate::support::proxy::{Fault, Proxy, Rule};
use crate::support::run::{Outcome, Running};
use crate::support::wait::poll;

const LIMIT: Duration = Duration::from_secs(30);

/// Three snapshots of different files, and a slow way to the bucket.
struct Slow {
    story: Story,
    ids: Vec<String>,
    proxy: Proxy,
}

impl Slow {
    fn new() -> Slow {
        let story = Story::with_files(3);
        for number in 0..3 {
            story.write(&format!("of {number}"), &format!("content of {number}"));
            story.run(&["create"]).run().expect(0);
            fs::remove_file(story.source.join(format!("of {number}"))).unwrap();
            std::thread::sleep(Duration::from_millis(1100));
        }
        let ids = story.listed().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
        let proxy = Proxy::start(story.s3.address());
        Slow { story, ids, proxy }
    }

    /// `meanwhile` is done while this object of the bucket is being read.
    fn verify_while(&self, object: &str, meanwhile: impl FnOnce()) -> Outcome {
        self.proxy.clear();
        let before = self.proxy.count("GET", object);
        let slow = Fault::Delay(Duration::from_secs(2));
        self.proxy.add(Rule::new(slow).method("GET").path(object));
        let verify: Running =
            self.story.run(&["verify"]).envs(self.proxy.environment(&self.story.s3)).start();
        let asked = || (self.proxy.count("GET", object) > before).then_some(());
        poll(LIMIT, asked).expect("it is read");
        meanwhile();
        verify.finish()
    }

    fn delete_from_bucket(&self, id: &str, with_description: bool) {
        let mut keys = self.story.s3.keys();
        keys.retain(|key| key.contains(id));
        assert!(keys.len() > 2, "{keys:?}");
        // As prune does: the description first.
        keys.sort_by_key(|key| !key.ends_with("/backup.json"));
        for key in keys.iter().skip(usize::from(!with_description)) {
            self.story.s3.delete(key);
        }
    }
}

#[test]
fn a_snapshot_in_packs_that_is_pruned_while_it_is_verified_is_no_fault() {
    let slow = Slow::new();
    let id = &slow.ids[1];
    let object = format!("{id}/data-00001.pack");
    let outcome = slow.verify_while(&object, || slow.delete_from_bucket(id, true));
    assert!(outcome.expect(0).stdout.ends_with(": all is well\n"), "{outcome}");
    // One that nobody pruned, and that lacks an object, is damaged.
    let id = &slow.ids[2];
    let object = format!("{id}/data-00001.pack");
    let outcome = slow.verify_while(&object, || slow.delete_from_bucket(id, false));
    outcome.expect(5);
}

/// The bucket's copy of the snapshot before it is being read, while that in the folder goes.
#[test]
fn a_snapshot_in_a_tree_that_is_pruned_while_it_is_verified_is_no_fault() {
    let slow = Slow::new();
    let [first, second, third] = [0, 1, 2].map(|at| slow.ids[at].as_str());
    let folder = |id: &str| slow.story.place.join("archive/media/uploads").join(id);
    let outcome = slow.verify_while(&format!("{first}/index.jsonl.zst"), || {
        fs::remove_file(folder(second).join("backup.json")).unwrap();
        fs::remove_dir_all(folder(second).join("tree")).unwrap();
    });
    assert!(outcome.expect(0).stdout.ends_with(": all is well\n"), "{outcome}");
    let outcome = slow.verify_while(&format!("{first}/index.jsonl.zst"), || {
        fs::remove_dir_all(folder(third).join("tree")).unwrap();
    });
    assert!(!outcome.stdout.ends_with(": all is well\n"), "{outcome}");
}
