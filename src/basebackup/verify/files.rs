//! Compares the files in the parts with the manifest: each is there once with its length and checksum, and no other is,
//! but WAL.
//!
//! A few small files are kept in memory, for the comparison with the description.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Mutex;

use crate::basebackup::unpack::{EntryKind, PartEntry, PartVisitor};
use crate::codec::read_failed;
use crate::error::Result;
use crate::postgres::{ChecksumAlgorithm, FileChecksum, ManifestFile};
use crate::threads::lock;

/// Room for the content of a whole zstd frame.
const BUFFER_BYTES: usize = 1 << 20;

/// Files whose content is compared with the description.
pub(super) const BACKUP_LABEL: &str = "backup_label";
pub(super) const TABLESPACE_MAP: &str = "tablespace_map";
pub(super) const PG_VERSION: &str = "PG_VERSION";
const KEPT: [&str; 3] = [BACKUP_LABEL, TABLESPACE_MAP, PG_VERSION];

/// A line of `tablespace_map` has at most 1 KiB.
const KEPT_BYTES_MAX: u64 = 16 << 20;

/// WAL for the backup itself is in no manifest.
const WAL: &str = "pg_wal";

/// The files of one backup, as its manifest names them, and which of them were found.
pub(super) struct ManifestFiles<'m> {
    files: &'m [ManifestFile],
    by_path: HashMap<&'m OsStr, usize>,
    found: Mutex<Vec<bool>>,
    pub(super) kept: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl<'m> ManifestFiles<'m> {
    pub(super) fn new(files: &'m [ManifestFile]) -> Self {
        let by_path = files.iter().enumerate().map(|(at, file)| (file.path.as_os_str(), at));
        let (by_path, found) = (by_path.collect(), Mutex::new(vec![false; files.len()]));
        Self { files, by_path, found, kept: Mutex::default() }
    }

    /// What the manifest names and no part has, if all parts were read to the end.
    pub(super) fn missing(&self) -> Option<String> {
        let found = lock(&self.found);
        let missing = found.iter().zip(self.files).filter(|(found, _)| !**found);
        let mut paths = missing.map(|(_, file)| file.path.display());
        let first = paths.next()?;
        Some(format!("{first}{} is in none of the parts", others(paths.count())))
    }

    /// A file that the manifest names twice.
    pub(super) fn twice(&self) -> Option<String> {
        let first = |at: usize| self.by_path.get(self.files[at].path.as_os_str()) != Some(&at);
        let twice = (0..self.files.len()).find(|at| first(*at))?;
        Some(format!("it has {} twice", self.files[twice].path.display()))
    }
}

fn others(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " and 1 other".to_owned(),
        more => format!(" and {more} others"),
    }
}

/// Looks at the entries of one part. What it finds counts once the part is proved.
pub(super) struct PartCheck<'a, 'm> {
    /// `None` where the manifest can't be read.
    files: Option<&'a ManifestFiles<'m>>,
    /// Called when the part is read from its beginning.
    on_begin: &'a dyn Fn(),
    buffer: Vec<u8>,
    found: Vec<usize>,
    kept: BTreeMap<String, Vec<u8>>,
    /// The first file that is wrong, and how many more there are.
    fault: Option<String>,
    more: usize,
}

impl<'a, 'm> PartCheck<'a, 'm> {
    pub(super) fn new(files: Option<&'a ManifestFiles<'m>>, on_begin: &'a dyn Fn()) -> Self {
        let (found, kept) = Default::default();
        Self { files, on_begin, buffer: vec![0; BUFFER_BYTES], found, kept, fault: None, more: 0 }
    }

    /// The part was read to its end and is what was stored: says what is wrong inside.
    pub(super) fn settle(mut self) -> Option<String> {
        if let Some(files) = self.files {
            for at in std::mem::take(&mut self.found) {
                if std::mem::replace(&mut lock(&files.found)[at], true) {
                    let path = files.files[at].path.display();
                    self.wrong(format!("{path}: the backup has this file twice"));
                }
            }
            lock(&files.kept).append(&mut self.kept);
        }
        let others = others(self.more);
        let others = if self.more > 0 { format!(",{others} wrong") } else { others };
        self.fault.map(|fault| fault + &others)
    }

    fn wrong(&mut self, fault: String) {
        self.more += usize::from(self.fault.is_some());
        self.fault.get_or_insert(fault);
    }

    fn file(&mut self, entry: PartEntry<'_>, size: u64) -> Result<()> {
        let Some(files) = self.files else { return Ok(()) };
        let path = entry.path;
        let Some(at) = files.by_path.get(path.as_os_str()).copied() else {
            if !path.starts_with(WAL) {
                let path = path.display();
                self.wrong(format!("{path}: expected a file of backup_manifest, found another"));
            }
            return Ok(());
        };
        self.found.push(at);
        let file = &files.files[at];
        let (read, sum) = self.content(entry.content, path, size, file.checksum.algorithm)?;
        let path = path.display();
        if read != file.size {
            self.wrong(format!("{path}: expected {} bytes, found {read}", file.size));
        } else if sum != file.checksum {
            self.wrong(format!("{path}: expected {}, found {sum}", file.checksum));
        }
        Ok(())
    }

    fn content(
        &mut self,
        content: &mut dyn std::io::Read,
        path: &Path,
        size: u64,
        algorithm: ChecksumAlgorithm,
    ) -> Result<(u64, FileChecksum)> {
        let (mut hasher, mut total, mut kept) = (algorithm.hasher(), 0, Vec::new());
        let keeps = KEPT.iter().any(|name| path.as_os_str() == *name) && size <= KEPT_BYTES_MAX;
        loop {
            let read = content.read(&mut self.buffer);
            let read = read.map_err(|error| read_failed(&error).while_doing(path.display()))?;
            if read == 0 {
                break;
            }
            total += read as u64;
            hasher.update(&self.buffer[..read]);
            if keeps {
                kept.extend_from_slice(&self.buffer[..read]);
            }
        }
        if keeps {
            self.kept.insert(path.display().to_string(), kept);
        }
        Ok((total, hasher.finish()))
    }
}

impl PartVisitor for PartCheck<'_, '_> {
    fn begin(&mut self) {
        (self.on_begin)();
        self.found.clear();
        self.kept.clear();
        self.fault = None;
        self.more = 0;
    }

    fn entry(&mut self, entry: PartEntry<'_>) -> Result<()> {
        match entry.kind {
            EntryKind::File(size) => self.file(entry, size),
            EntryKind::Folder => Ok(()),
            EntryKind::Link => {
                if !entry.path.starts_with("pg_tblspc") {
                    let path = entry.path.display();
                    self.wrong(format!("{path}: expected a file or a folder, found a link"));
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of these paths and sizes, all zeros.
    fn files(files: &[(&str, usize)]) -> Vec<ManifestFile> {
        let file = |(path, size): &(&str, usize)| {
            let mut hasher = ChecksumAlgorithm::Crc32c.hasher();
            hasher.update(&vec![0; *size]);
            let sum = hasher.finish().to_string();
            let sum = sum.strip_prefix("CRC32C ").unwrap();
            serde_json::from_value(serde_json::json!({
                "Path": path, "Size": size, "Checksum-Algorithm": "CRC32C", "Checksum": sum
            }))
        };
        files.iter().map(|it| file(it).unwrap()).collect()
    }

    /// What is wrong with a part that has these files.
    fn part(files: &ManifestFiles<'_>, entries: &[(&str, &[u8])]) -> Option<String> {
        let mut look = PartCheck::new(Some(files), &|| {});
        // A try that broke off counts for nothing.
        for _ in 0..2 {
            look.begin();
            for (path, content) in entries {
                let (kind, mut content) = (EntryKind::File(content.len() as u64), *content);
                let entry =
                    PartEntry { path: Path::new(path), kind, mode: 0o600, content: &mut content };
                look.entry(entry).unwrap();
            }
        }
        look.settle()
    }

    #[test]
    fn every_file_is_compared_with_the_manifest() {
        let manifest = files(&[("PG_VERSION", 3), ("a", 2), ("b", 1)]);
        let files = ManifestFiles::new(&manifest);
        assert_eq!(part(&files, &[("PG_VERSION", &[0; 3]), ("pg_wal/x", b"any")]), None);
        assert_eq!(lock(&files.kept)[PG_VERSION], [0; 3]);
        assert_eq!(files.missing().unwrap(), "a and 1 other is in none of the parts");
        assert_eq!(part(&files, &[("a", &[0; 3])]).unwrap(), "a: expected 2 bytes, found 3");
        assert_eq!(
            part(&files, &[("b", &[1]), ("stray", b"")]).unwrap(),
            "b: expected CRC32C 51537d52, found CRC32C 52d016a0, and 1 other wrong"
        );
        assert_eq!(files.missing(), None);
        assert_eq!(part(&files, &[("a", &[0; 2])]).unwrap(), "a: the backup has this file twice");
        assert_eq!(
            part(&files, &[("stray", b"")]).unwrap(),
            "stray: expected a file of backup_manifest, found another"
        );
    }

    #[test]
    fn a_manifest_names_a_file_once() {
        assert_eq!(ManifestFiles::new(&files(&[("a", 1), ("b", 1)])).twice(), None);
        let twice = ManifestFiles::new(&files(&[("a", 1), ("a", 1)])).twice();
        assert_eq!(twice.unwrap(), "it has a twice");
    }
}
