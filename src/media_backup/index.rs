//! The index of a snapshot: JSON lines. The first is the header, then comes one for each entry in byte order of the
//! paths, and last the end with totals, by which a cut one is known. `docs/repository-format.md` describes it.
//!
//! `line` is one line, `writer` compresses them, and `reader` proves that they fit together.

mod line;
mod reader;
mod writer;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::MediaSet;

use super::entry::Entry;
use crate::error::{Class, Error, Result};

pub use reader::IndexReader;
pub use writer::IndexWriter;

/// Version of the format.
pub const INDEX_FORMAT: u32 = 1;

/// More than an entry has: a path, a target, and the extended attributes of most file systems.
const LINE_BYTES_MAX: u64 = 16 << 20;

impl Entry {
    /// As it stands in the index.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(&line::Line::of(self)).map_err(|error| {
            Error::new(Class::Internal, format!("could not write {:?}: {error}", self.path))
        })
    }

    /// The same, for who adds to it.
    pub fn to_value(&self) -> Result<serde_json::Value> {
        serde_json::to_value(line::Line::of(self)).map_err(|error| {
            Error::new(Class::Internal, format!("could not write {:?}: {error}", self.path))
        })
    }
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub seawall: u32,
    pub set: String,
    pub id: String,
    /// When the snapshot was begun: RFC 3339 in UTC.
    pub began: String,
    /// Those of the set, absolute.
    pub paths: Vec<String>,
    pub exclude: Vec<String>,
}

/// The last line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub entries: u64,
    /// Those that are files, further names of one not counted.
    pub files: u64,
    /// Their length in bytes.
    pub size: u64,
}

impl Header {
    pub fn new(set: &MediaSet, id: &str, began: Timestamp) -> Self {
        Self {
            seawall: INDEX_FORMAT,
            set: set.name.clone(),
            id: id.to_owned(),
            began: began.to_string(),
            paths: set.paths.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
            exclude: set.exclude.clone(),
        }
    }
}

impl End {
    pub fn add(&mut self, entry: &super::Entry) {
        self.entries += 1;
        if let super::Kind::File(content) = &entry.kind {
            self.files += 1;
            self.size = self.size.saturating_add(content.size);
        }
    }
}
