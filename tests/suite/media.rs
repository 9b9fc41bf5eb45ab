//! Snapshots of media files in a folder, and restoring them: the library on real trees.

pub mod crashes;
mod hostile;
pub mod long;
mod many;
mod restoring;
mod round_trip;
mod scene;
mod series;
pub mod trees;
mod trouble;
