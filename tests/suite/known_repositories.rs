//! A repository that is not the one that took WAL before takes none: a disk that is not mounted, a folder or a
//! bucket made anew, another store.

mod backups;
mod buckets;
mod folders;

use std::fs;

use crate::scene::{Scene, Store, error};
use crate::support::run::Outcome;

/// The file that the message wants removed where the repository is really new.
#[track_caller]
fn is_not_the_one(scene: &Scene, outcome: &Outcome, name: &str, place: &str, why: &str) -> String {
    outcome.expect(8);
    let text = error(outcome);
    let start =
        format!(" repository {name} ({place}) is not the one that took {} at ", scene.name(0));
    assert!(text.contains(&start), "{outcome}");
    assert!(text.contains(&format!(": {why}. HINT: ")), "{outcome}");
    let (_, file) =
        text.split_once("If this repository is really new, remove ").expect("a way out");
    file.trim_end_matches('.').to_owned()
}

fn no_wal(scene: &Scene) -> String {
    format!("it holds no WAL of system {}", scene.wal.system_identifier)
}

/// The store holds exactly the first segments.
#[track_caller]
fn holds_first(scene: &Scene, store: &Store, count: usize) {
    let expected: Vec<String> = (0..count).map(|number| scene.clear_key(number)).collect();
    assert_eq!(store.keys(), expected);
}

fn remove(file: &str) {
    fs::remove_file(file).unwrap_or_else(|error| panic!("{file}: {error}"));
}
