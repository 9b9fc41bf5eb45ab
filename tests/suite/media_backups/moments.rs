//! Files that change while a snapshot is taken into repositories of two kinds: it says that these are two moments, and no
//! restore mixes them.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::story::Story;

#[test]
fn two_moments_under_one_id_are_said_and_not_mixed() {
    let story = Story::of(3, false);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                story.write("new", &format!("state {number}"));
                fs::rename(story.source.join("new"), story.source.join("2.jpg")).unwrap();
            }
        });
        // On a busy machine nobody may write between the two.
        let said = "is of two moments: files changed after it was stored in local";
        let told = (0..20).any(|_| story.run(&["create"]).run().stderr.contains(said));
        done.store(true, Ordering::Relaxed);
        assert!(told, "it was never written to between the two");
    });
    let id = story.listed().last().unwrap()["id"].as_str().unwrap().to_owned();
    // The tree lacks a file: what the bucket has of it is of another moment.
    let tree = story.place.join("archive/media/uploads").join(&id).join("tree");
    fs::remove_file(story.below(&tree).join("1.jpg")).unwrap();
    let to = story.place.join("to");
    let outcome = story.run(&["restore", &id, "--yes", "--to"]).arg(&to).run();
    outcome.expect(4).says(&format!(
        "the rest is not taken from repository s3: there {id} is of another moment"
    ));
    let found = story.restored_from("s3", Some(&id));
    assert!(found.contains(&("1.jpg".to_owned(), "picture 1".to_owned())), "{found:?}");

    // At rest both are of one.
    story.run(&["create"]).run().expect(0).does_not_say("two moments");
}
