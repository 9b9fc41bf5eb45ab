//! The index of a snapshot: JSON lines, compressed by zstd. The first is the header, then comes one for each entry in
//! byte order of the paths, and last the end with totals, by which a cut one is known. `docs/repository-format.md`
//! describes it.
//!
//! Here are header and end, and the writer, which refuses a line that no reader would take, while the snapshot can still
//! fail. `line` is one line, and `reader` proves that the lines fit together.

mod line;
mod reader;

use std::fmt;
use std::io::{self, BufWriter, Write};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::line::IndexLine;
use super::entry::{Entry, FileKind};
use crate::config::MediaSet;
use crate::error::{Class, Error, Result};

pub use reader::IndexReader;
pub(super) use reader::Previous;

/// Version of the format.
pub(crate) const INDEX_FORMAT: u32 = 1;

/// More than an entry has: a path, a target, and the extended attributes of most file systems.
const LINE_BYTES_MAX: u64 = 16 << 20;

impl Entry {
    /// As it stands in the index.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(&IndexLine::of(self)).map_err(|error| {
            Error::new(Class::Internal, format!("could not write {:?}: {error}", self.path))
        })
    }

    /// The same, for who adds to it.
    pub fn to_value(&self) -> Result<serde_json::Value> {
        serde_json::to_value(IndexLine::of(self)).map_err(|error| {
            Error::new(Class::Internal, format!("could not write {:?}: {error}", self.path))
        })
    }
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexHeader {
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
pub struct IndexEnd {
    pub entries: u64,
    /// Those that are files, further names of one not counted.
    pub files: u64,
    /// Their length in bytes.
    pub size: u64,
}

impl IndexHeader {
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

/// As errors show it.
impl fmt::Display for IndexEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, files, size } = self;
        write!(f, "End {{ entries: {entries}, files: {files}, size: {size} }}")
    }
}

impl IndexEnd {
    pub fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        if let FileKind::File(content) = &entry.kind {
            self.files += 1;
            self.size = self.size.saturating_add(content.size);
        }
    }
}

/// The level of zstd: paths and digests compress no better with more.
const LEVEL: i32 = 3;

/// An index that is written line by line. Whoever wants it encrypted hands over a writer that does it.
pub struct IndexWriter<W: Write> {
    out: BufWriter<zstd::Encoder<'static, W>>,
    line: Vec<u8>,
    end: IndexEnd,
}

impl<W: Write> IndexWriter<W> {
    pub fn begin(out: W, header: &IndexHeader) -> Result<Self> {
        let encoder = zstd::Encoder::new(out, LEVEL).and_then(|mut encoder| {
            encoder.include_checksum(true)?;
            Ok(encoder)
        });
        let out = BufWriter::with_capacity(1 << 16, encoder.map_err(|error| failed(&error))?);
        let mut writer = Self { out, line: Vec::new(), end: IndexEnd::default() };
        writer.line(header)?;
        Ok(writer)
    }

    /// Entries come in byte order of their paths, each directory before what is in it.
    pub fn write(&mut self, entry: &Entry) -> Result<()> {
        self.end.add(entry);
        self.line(&IndexLine::of(entry)).map_err(|error| {
            error.while_doing(format!("could not note {:?}", entry.path.as_path()))
        })
    }

    /// The totals, and what was written to.
    pub fn finish(mut self) -> Result<(IndexEnd, W)> {
        let end = self.end;
        self.line(&serde_json::json!({ "end": end }))?;
        let encoder = self.out.into_inner().map_err(|error| failed(error.error()))?;
        let out = encoder.finish().map_err(|error| failed(&error))?;
        Ok((end, out))
    }

    fn line(&mut self, line: &impl serde::Serialize) -> Result<()> {
        self.line.clear();
        let written = serde_json::to_writer(&mut self.line, line).map_err(io::Error::from);
        written.map_err(|error| failed(&error))?;
        self.line.push(b'\n');
        // No reader takes a longer one.
        if self.line.len() as u64 > LINE_BYTES_MAX {
            let found = self.line.len();
            let message = format!(
                "expected a line of at most {LINE_BYTES_MAX} bytes in the index, found {found}"
            );
            return Err(Error::new(Class::LocalFile, message)
                .hint("Look at its extended attributes (getfattr -d -m - FILE), or exclude it from the set."));
        }
        self.out.write_all(&self.line).map_err(|error| failed(&error))
    }
}

/// An error of ours comes through as it is.
fn failed(error: &io::Error) -> Error {
    let ours = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    ours.cloned().unwrap_or_else(|| {
        Error::new(Class::LocalFile, format!("could not write the index: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_backup::samples::entry;

    /// As on XFS, where a file may have any number of extended attributes.
    #[test]
    fn an_entry_that_no_reader_takes_is_not_written() {
        let header = IndexHeader {
            seawall: 1,
            set: "a".into(),
            id: "b".into(),
            began: String::new(),
            paths: Vec::new(),
            exclude: Vec::new(),
        };
        let mut writer = IndexWriter::begin(Vec::new(), &header).unwrap();
        let mut large = entry("srv/large", 1);
        let value = |number: u32| (format!("user.{number}"), vec![0; 64 << 10]);
        large.metadata.xattrs = (0..150).map(value).collect();
        writer.write(&large).unwrap();
        large.metadata.xattrs = (0..200).map(value).collect();
        let error = writer.write(&large).unwrap_err().to_string();
        let begin = "could not note \"srv/large\": expected a line of at most 16777216 bytes in the index, found 174";
        assert!(error.starts_with(begin), "{error}");
        assert!(error.ends_with("or exclude it from the set."), "{error}");
    }
}
