//! A verification that read everything leaves a record; one that did not says nothing about the next restore.

use std::fs;

use super::{LIMIT, Scene, newest_backup, records};
use crate::base_backups::base_backup;
use crate::support::postgres::NEWEST;
use crate::support::user::write_as_server_user;

#[test]
fn only_a_full_verification_with_the_newest_backup_is_recorded() {
    let scene = Scene::new(NEWEST);
    let first = newest_backup(&scene.archive());
    // Of two that begin within a second nobody can tell by their ids which is the newer one.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    base_backup(&scene.seawall, &scene.server, "create").limit(LIMIT).run().expect(0);
    scene.archived();
    let verify = |words: &[&str]| {
        let before = records(&scene.archive(), "verification").len();
        let outcome = scene.seawall.base_backup_by_hand("verify").args(words).limit(LIMIT).run();
        (outcome, records(&scene.archive(), "verification").split_off(before))
    };
    let oldest = first.file_name().unwrap().to_str().unwrap();
    for words in [&["--quick"][..], &[oldest], &["--newest", "--quick"]] {
        let (outcome, new) = verify(words);
        outcome.expect(0);
        assert_eq!(new, [serde_json::Value::Null; 0], "{words:?}");
    }
    for (words, backups) in [(&[][..], 2), (&["--newest"][..], 1)] {
        let (outcome, new) = verify(words);
        outcome.expect(0);
        assert_eq!(new.len(), 1, "{words:?}");
        assert_eq!(new[0]["passed"], true);
        assert_eq!(new[0]["repository"], "local");
        assert_eq!(new[0]["backups"].as_array().unwrap().len(), backups);
    }
    let manifest = newest_backup(&scene.archive()).join("backup_manifest.zst");
    write_as_server_user(&manifest, fs::read(&manifest).unwrap().split_off(1));
    let (outcome, new) = verify(&[]);
    outcome.expect(5);
    assert_eq!(new[0]["passed"], false);
}
