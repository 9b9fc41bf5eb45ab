//! What the documents say is true, and the source keeps to its own rules.

mod arrows;
mod base_backup_statuses;
mod book;
mod chapters;
mod circles;
mod configuration;
mod dependencies;
mod english;
mod exit_statuses;
mod links;
mod monitoring;
mod names;
mod notices;
mod packaging;
mod repository_format;
mod s3_rights;
mod tidy;
mod versions;

pub use links::fenced;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
pub fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {path:?}: {error}"))
}

/// All files with this ending below some folders of the repository, by their path in it, in order.
fn files(folders: &[&str], ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    folders.iter().for_each(|folder| collect(&root().join(folder), ending, &mut found));
    found.sort();
    found
}

fn collect(folder: &Path, ending: &str, found: &mut Vec<String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    for path in paths {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, ending, found);
            }
        } else if path.extension().is_some_and(|found| found == ending) {
            let below = path.strip_prefix(root()).expect("below the root");
            found.push(below.to_str().expect("plain names").to_owned());
        }
    }
}
