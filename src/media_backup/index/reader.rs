//! Reads an index and believes nothing: a restore writes where its paths say, and a store may hand out a forged index.
//! What comes out is sorted, each path once, each in a directory that came before it, and each hard link to a file that
//! came before it.
//!
//! [`Previous`] reads the index of the snapshot before beside the files of the set: both come in byte order of their
//! paths, so one entry in the memory is enough.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};

use jiff::Timestamp;

use super::super::entry::{Entry, FileContent, FileKind};
use super::super::path::{EntryPath, Nested};
use super::line::IndexLine;
use super::{INDEX_FORMAT, IndexEnd, IndexHeader, LINE_BYTES_MAX};
use crate::backup::damaged;
use crate::codec::read_failed;
use crate::error::Result;

/// An index that is read line by line.
pub struct IndexReader<R: Read> {
    lines: BufReader<zstd::Decoder<'static, BufReader<R>>>,
    header: IndexHeader,
    number: u64,
    line: Vec<u8>,
    folders: Nested<()>,
    last: Option<EntryPath>,
    /// Path, length and digest of the files that have more names, hashed: 16 bytes for each.
    linked: HashSet<[u8; 16]>,
    so_far: IndexEnd,
    ended: bool,
}

impl<R: Read> IndexReader<R> {
    /// Reads the header.
    pub fn open(compressed: R) -> Result<Self> {
        let decoder = zstd::Decoder::new(compressed).map_err(|error| read_failed(&error))?;
        let header = IndexHeader {
            seawall: INDEX_FORMAT,
            set: String::new(),
            id: String::new(),
            began: String::new(),
            paths: Vec::new(),
            exclude: Vec::new(),
        };
        let mut reader = Self {
            lines: BufReader::with_capacity(1 << 16, decoder),
            header,
            number: 0,
            line: Vec::new(),
            folders: Nested::default(),
            last: None,
            linked: HashSet::new(),
            so_far: IndexEnd::default(),
            ended: false,
        };
        reader.header = reader.read_header()?;
        Ok(reader)
    }

    pub fn header(&self) -> &IndexHeader {
        &self.header
    }

    /// The totals so far; after the last entry those of all.
    pub fn totals(&self) -> IndexEnd {
        self.so_far
    }

    /// The next entry; `None` when the end came and its totals are right.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        if self.ended {
            return Ok(None);
        }
        if !self.read_line()? {
            return Err(self.wrong("expected an entry or the end, found neither"));
        }
        let line: IndexLine = serde_json::from_slice(&self.line)
            .map_err(|error| self.wrong(&format!("expected an entry: {error}")))?;
        if let Some(end) = line.end {
            return self.end(end).map(|()| None);
        }
        let entry = line.into_entry().and_then(|entry| self.admit(entry));
        let entry = entry.map_err(|error| self.wrong(&error))?;
        self.so_far.add(&entry);
        Ok(Some(entry))
    }

    fn read_header(&mut self) -> Result<IndexHeader> {
        #[derive(serde::Deserialize)]
        struct IndexVersion {
            seawall: u32,
        }
        self.read_line()?;
        let failed = |error: serde_json::Error| {
            damaged(format!("line 1 of the index: expected a header: {error}"))
        };
        let version: IndexVersion = serde_json::from_slice(&self.line).map_err(failed)?;
        if version.seawall != INDEX_FORMAT {
            let found = version.seawall;
            let message = format!("expected index format {INDEX_FORMAT}, found {found}");
            return Err(damaged(message).hint("A newer Seawall wrote it: use that one."));
        }
        serde_json::from_slice(&self.line).map_err(failed)
    }

    fn end(&mut self, end: IndexEnd) -> Result<()> {
        if end != self.so_far {
            let message = format!("expected {end}, found {}", self.so_far);
            return Err(self.wrong(&message));
        }
        if self.read_line()? {
            return Err(self.wrong("expected nothing behind the end, found a line"));
        }
        self.ended = true;
        Ok(())
    }

    /// False at the end of the file.
    fn read_line(&mut self) -> Result<bool> {
        self.line.clear();
        self.number += 1;
        let mut limited = Read::take(&mut self.lines, LINE_BYTES_MAX);
        let read = limited.read_until(b'\n', &mut self.line);
        let length = read.map_err(|error| self.unreadable(&error))?;
        if length > 0 && self.line.last() != Some(&b'\n') {
            return Err(self.wrong("expected a whole line, found one that is cut or too long"));
        }
        Ok(length > 0)
    }

    /// An error of ours tells more than where it was met.
    fn unreadable(&self, error: &std::io::Error) -> crate::error::Error {
        let ours = error.get_ref().is_some_and(|it| it.is::<crate::error::Error>());
        if ours { read_failed(error) } else { self.wrong(&error.to_string()) }
    }

    fn wrong(&self, what: &str) -> crate::error::Error {
        damaged(format!("line {} of the index: {what}", self.number))
    }

    fn admit(&mut self, entry: Entry) -> Result<Entry, String> {
        let path = &entry.path;
        if let Some(last) = self.last.as_ref().filter(|last| *last >= path) {
            return Err(format!("expected a path behind {last:?}, found {path:?}"));
        }
        self.folders.advance(path.as_bytes());
        if !path.parent().is_empty() && self.folders.parent_of(path.as_bytes()).is_none() {
            return Err(format!("the folder of {path:?} is not before it"));
        }
        match &entry.kind {
            FileKind::Directory { .. } => self.folders.push(path.as_bytes(), ()),
            FileKind::File(content) if content.linked => {
                self.linked.insert(key(path, content));
            }
            FileKind::HardLink { to, content } if !self.linked.contains(&key(to, content)) => {
                return Err(format!("the file {to:?} is not before its other name {path:?}"));
            }
            _ => {}
        }
        self.last = Some(path.clone());
        Ok(entry)
    }
}

fn key(path: &EntryPath, content: &FileContent) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(content.digest.to_string().as_bytes());
    hasher.update(&content.size.to_le_bytes()).update(path.as_bytes());
    let mut key = [0; 16];
    hasher.finalize_xof().fill(&mut key);
    key
}

/// An index that is read on as far as it is asked for.
pub(crate) struct Previous<R: Read> {
    reader: IndexReader<R>,
    next: Option<Entry>,
    /// The second in which it began; without one nothing counts as unchanged.
    began: i64,
}

impl<R: Read> Previous<R> {
    pub(crate) fn new(mut reader: IndexReader<R>) -> Result<Self> {
        let began = reader.header().began.parse::<Timestamp>();
        let began = began.map_or(i64::MIN, Timestamp::as_second);
        let next = reader.next_entry()?;
        Ok(Self { reader, next, began })
    }

    pub(crate) fn began(&self) -> i64 {
        self.began
    }

    /// What it had under this path. Paths are asked for in their order.
    pub(crate) fn find(&mut self, path: &EntryPath) -> Result<Option<Entry>> {
        while self.next.as_ref().is_none_or(|next| next.path < *path) {
            self.next = self.reader.next_entry()?;
            if self.next.is_none() {
                return Ok(None);
            }
        }
        Ok(self.next.take_if(|next| next.path == *path))
    }
}
