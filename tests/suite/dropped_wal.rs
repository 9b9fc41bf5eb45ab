//! `seawall drop-wal`: WAL that a human gave up. PostgreSQL goes on, nothing else does as if nothing had been, and who dropped
//! what is told wherever it is missed.

mod brought;
mod full_disk;
pub mod interrupted;
mod planted;
mod told;
mod waiting;

use std::path::PathBuf;
use std::time::Duration;

use crate::scene::{Scene, Store};
use crate::support::run::Run;

const LIMIT: Duration = Duration::from_secs(60);

/// The last sentence of a plan.
const TAKE_ONE: &str = "Take a new base backup at once (`basebackup create`).";

/// `seawall drop-wal` in the data directory of a scene, up to the segment of this number.
fn drop_wal(scene: &Scene, number: usize) -> Run {
    let run = scene.seawall("drop-wal").args(["--until", scene.name(number)]);
    run.arg("--data-directory").arg(scene.directory.path()).limit(LIMIT)
}

/// A repository that refuses everything: where its folder should be is a file. It is there once that is removed.
fn in_the_way(store: &Store) -> PathBuf {
    let path = store.folder().to_owned();
    std::fs::write(&path, "").expect("our own folder");
    path
}

/// The objects that say what was dropped.
fn gaps(store: &Store) -> Vec<String> {
    let names = store.keys().into_iter().filter(|key| key.contains("/gaps/"));
    names.map(|key| key.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

/// The object for the segments of these numbers.
fn object(scene: &Scene, first: usize, last: usize) -> String {
    format!("{}-{}.json", scene.name(first), scene.name(last))
}
