//! Snapshots in a bucket, or encrypted ones anywhere: contents in packs, each uploaded once, a list of where each
//! content lies, the index, and one description. `docs/repository-format.md` describes the bytes.
//!
//! A snapshot refers to packs of earlier ones. So that nobody deletes them meanwhile, whoever takes one says so
//! first (`begun.json`), before looking at what there is; whoever prunes deletes descriptions first, then looks
//! again, and deletes packs only where nobody has begun and no description that is left names them. Going by
//! the order of these steps, one of the two sees the other, whatever their clocks say.
//!
//! `snapshot` takes one, from `start` to `finish`: `packing` makes members of files, and `pack_lane` lays them into packs
//! and stores those. `set_listing` is what a repository has, and `contents` where each content lies.
//! `source`, with `read_cache`, and `verification` read a snapshot, and `references` deletes what nobody needs.

mod contents;
mod finish;
mod pack_lane;
mod packing;
mod read_cache;
mod references;
mod set_listing;
mod snapshot;
mod source;
mod start;
mod verification;

pub use contents::{ContentPlace, PackedContents};
pub use references::{References, carry_out, spare};
pub use set_listing::Listing;
pub use snapshot::{PackedSnapshot, PackedTaken};
pub use source::{PackedContent, PackedSource};
pub use verification::verify_packed;

/// Version of the list of contents.
const CONTENTS_FORMAT: u32 = 1;

/// What the name of this list begins with; `.age` follows where it is encrypted.
const CONTENTS: &str = "contents.jsonl.zst";

/// Contents up to this length are compressed by the thread that reads them, several at the same time.
const SMALL: u64 = 1 << 20;

/// A pack is ended once it has so many bytes; contents that are longer have an object of their own.
const PACK_BYTES: u64 = 32 << 20;

/// The name of an object with contents. It tells nothing.
fn pack_name(number: u32) -> String {
    format!("data-{number:05}.pack")
}

/// The name of an object with or without encryption.
fn object_name(name: &str, encrypted: bool) -> String {
    format!("{name}{}", if encrypted { ".age" } else { "" })
}
