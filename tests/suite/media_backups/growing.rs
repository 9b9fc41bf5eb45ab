//! A file that is appended to all the time, such as a log, is in the snapshot as it was when it was opened.

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::story::Story;

#[test]
fn a_log_that_grows_all_the_time_is_kept_in_trees_and_packs() {
    let story = Story::with_files(3);
    story.write("app.log", &"a line\n".repeat(3_000_000));
    let path = story.source.join("app.log");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut log = fs::File::options().append(true).open(&path).unwrap();
            while !done.load(Ordering::Relaxed) {
                log.write_all(b"a line\n").unwrap();
            }
        });
        // On a busy machine nobody may write while it is read.
        let said = "up to its length when it was opened, because it is written to all the time";
        let grows = || {
            let outcome = story.run(&["create", "--checksum"]).run();
            outcome.expect(0).stderr.contains(said)
        };
        let told = (0..20).any(|_| grows());
        done.store(true, Ordering::Relaxed);
        assert!(told, "it was never written to while it was read");
    });
    story.run(&["verify"]).run().expect(0);
    let id = story.listed().last().expect("one at least")["id"].as_str().unwrap().to_owned();
    let whole = fs::read_to_string(&path).unwrap();
    for repository in ["local", "s3"] {
        let found = story.restored_from(repository, Some(&id));
        let (_, log) = found.iter().find(|(name, _)| name == "app.log").expect("it is there");
        assert!(log.len() >= 21_000_000 && whole.starts_with(log.as_str()), "{}", log.len());
    }
    // At rest it is whole again.
    story.run(&["create"]).run().expect(0).does_not_say("all the time");
}
