//! Segments fetched ahead of recovery, so that replay never waits. A first `wal-fetch` starts a process
//! that keeps a window of segments ready beside the one that was last asked for; it ends by itself.
//! Everything in its folder is a copy that may be lost, and is checked again before it is handed over.
//!
//! `process` is that process; `folder` is where the segments lie, and the proof of each.

mod folder;
mod process;

pub use folder::PrefetchFolder;
pub(crate) use process::{FLAG, prefetch, start_in_background};
