//! Media files: sets of folders and files. What there is (`scan`), what is told of it (`entry`, and the `index` with one
//! for each), snapshots in a folder with hard links (`local`) or in packs (`packed`), and restoring from any source of
//! content (`restore`).
//!
//! A snapshot goes from `scan` through `take`, which reads only what the index of the snapshot before does not tell, to a
//! `Keep` of `local` or `packed`; the index gets each entry on the way. A restore goes back from the index and a
//! `ContentSource`.

mod description;
mod entry;
mod index;
pub mod local;
mod open_places;
pub mod packed;
mod path;
mod problems;
mod restore;
#[cfg(test)]
mod samples;
mod scan;
mod selection;
mod source_file;
mod spool;
mod take;

pub use description::{Earlier, SnapshotDescription, SnapshotKind, Sums};
pub use entry::{Entry, FileContent, FileKind, FileMetadata, InodeState, Time};
pub use index::{IndexEnd, IndexHeader, IndexReader, IndexWriter};
pub use open_places::{Destination, Places};
pub use path::EntryPath;
pub use problems::{Damage, MediaProgress, Verified};
pub use restore::{ContentSource, Existing, MediaRestore, MediaRestored};
pub use selection::{Exclude, Selection};
pub use spool::SpoolReader;
pub use take::KeptTree;

/// The first object of a snapshot: somebody takes it.
pub const BEGUN: &str = "begun.json";

/// What the name of the index begins with; `.age` follows where it is encrypted.
pub const INDEX: &str = "index.jsonl.zst";
