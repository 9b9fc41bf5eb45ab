//! Media files: sets of folders and files. What there is (`Scan`), what is told of it (`Entry`, and the index with one
//! for each), what is unchanged, snapshots in a folder with hard links (`local`) or in packs (`packed`), and restoring
//! from any source of content (`Restore`).
//!
//! A snapshot goes from `scan` through `take`, which reads only what `unchanged` and `previous` do not tell, to a
//! `Keep` of `local` or `packed`; the index gets each entry on the way. A restore goes back from the index and a
//! `ContentSource`.

mod damage;
mod description;
mod entry;
mod exclude;
mod index;
pub mod local;
mod names;
mod nested;
mod ordered;
pub mod packed;
mod path;
mod places;
mod previous;
mod problems;
mod restore;
mod scan;
mod source;
mod take;
mod time;
mod unchanged;

pub use damage::Damage;
pub use description::{Description, Earlier, SnapshotKind, Sums};
pub use entry::{Content, Entry, Kind, Metadata, Seen};
pub use exclude::Exclude;
pub use index::{End, Header, INDEX_FORMAT, IndexReader, IndexWriter};
pub use names::Names;
pub use path::EntryPath;
pub use places::Places;
pub use previous::Previous;
pub use problems::{Problem, Problems};
pub use restore::{ContentSource, Destination, Existing, Restore, Restored, Selection};
pub use scan::{Found, FoundKind, Scan};
pub use source::{Piece, SourceFile};
pub use take::{Keep, Kept, Progress, Taking, Totals};
pub use time::Time;
pub use unchanged::is_unchanged;

#[cfg(test)]
mod tests;
