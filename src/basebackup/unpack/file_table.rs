//! Keeps account of every file of the manifest while many threads lay parts down: none twice, and none missing
//! unnoticed. Where files are there already it chooses the parts that have to be read: not those that hold nothing but
//! files that were kept.
//!
//! Which files a part holds is concluded from lengths: the server sends them in the order of the manifest, and parts
//! are cut from that stream. Where that does not come out to the byte, the part is read. Should the conclusion be
//! wrong, files are missing in the end, and the other parts are read after all.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use crate::backup::damaged;
use crate::basebackup::Description;
use crate::basebackup::tar_splitter::END_OF_ARCHIVE;
use crate::error::Result;
use crate::postgres::ManifestFile;
use crate::threads::lock;

/// The files that a backup consists of, and how far each has come.
pub(super) struct FileTable<'a> {
    pub(super) files: &'a [ManifestFile],
    by_path: HashMap<&'a OsStr, usize>,
    states: Mutex<Vec<FileState>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileState {
    Missing,
    /// It was there already, and is what it has to be.
    Kept,
    /// A part has it; by number.
    Begun(usize),
    Laid(usize),
}

/// What is to be done with a file that was found in a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileClaim {
    /// Lay it down; by its place in [`FileTable::files`].
    Lay(usize),
    /// It is there, and proved.
    Skip,
    /// The manifest has no such file.
    Unknown,
}

impl<'a> FileTable<'a> {
    pub(super) fn new(files: &'a [ManifestFile]) -> Result<Self> {
        let mut by_path = HashMap::with_capacity(files.len());
        for (index, file) in files.iter().enumerate() {
            if by_path.insert(file.path.as_os_str(), index).is_some() {
                let path = file.path.display();
                return Err(damaged(format!("backup_manifest has {path} twice")));
            }
        }
        Ok(Self { files, by_path, states: Mutex::new(vec![FileState::Missing; files.len()]) })
    }

    pub(super) fn contains(&self, path: &Path) -> bool {
        self.by_path.contains_key(path.as_os_str())
    }

    /// Gives a file to the only part that may lay it down.
    pub(super) fn claim(&self, path: &Path, part: usize) -> Result<FileClaim> {
        let Some(index) = self.by_path.get(path.as_os_str()) else { return Ok(FileClaim::Unknown) };
        let state = &mut self.states()[*index];
        match *state {
            FileState::Missing => {
                *state = FileState::Begun(part);
                Ok(FileClaim::Lay(*index))
            }
            FileState::Kept => Ok(FileClaim::Skip),
            FileState::Laid(by) if by == part => Ok(FileClaim::Skip),
            FileState::Begun(_) | FileState::Laid(_) => {
                let path = path.display();
                Err(damaged(format!("{path}: the backup has this file twice")))
            }
        }
    }

    pub(super) fn keep(&self, index: usize) {
        self.states()[index] = FileState::Kept;
    }

    pub(super) fn laid(&self, index: usize, part: usize) {
        self.states()[index] = FileState::Laid(part);
    }

    /// A part is read once more: only what a checksum has proved counts.
    pub(super) fn forget(&self, part: usize) {
        for (state, file) in self.states().iter_mut().zip(self.files) {
            let unproved = *state == FileState::Laid(part) && !file.checksum.proves();
            if unproved || *state == FileState::Begun(part) {
                *state = FileState::Missing;
            }
        }
    }

    pub(super) fn is_kept(&self, index: usize) -> bool {
        self.states()[index] == FileState::Kept
    }

    /// How many files were laid down, how many were kept.
    pub(super) fn counts(&self) -> (usize, usize) {
        let states = self.states();
        let count =
            |wanted: &dyn Fn(&FileState) -> bool| states.iter().filter(|it| wanted(it)).count();
        (count(&|it| matches!(it, FileState::Laid(_))), count(&|it| *it == FileState::Kept))
    }

    /// Files that are not there yet: the first one, and how many.
    pub(super) fn missing(&self) -> Option<(&'a Path, usize)> {
        let states = self.states();
        let there = |state: &FileState| matches!(state, FileState::Kept | FileState::Laid(_));
        let missing = states.iter().zip(self.files).filter(|(state, _)| !there(state));
        let mut paths = missing.map(|(_, file)| &*file.path);
        paths.next().map(|first| (first, 1 + paths.count()))
    }

    fn states(&self) -> MutexGuard<'_, Vec<FileState>> {
        lock(&self.states)
    }
}

/// A header, and what lengths are rounded up to.
const BLOCK_BYTES: u64 = 512;

/// For each part of the backup whether it has to be read.
pub(super) fn parts_to_read(description: &Description, table: &FileTable<'_>) -> Vec<bool> {
    let mut streams: BTreeMap<Option<u32>, TablespaceFiles<'_>> = BTreeMap::new();
    for (index, file) in table.files.iter().enumerate() {
        streams.entry(file.tablespace()).or_default().files.push((index, file));
    }
    let parts = description.parts.iter().map(|part| {
        let stream = streams.entry(part.tablespace).or_default();
        let content = part
            .entries
            .checked_mul(BLOCK_BYTES)
            .and_then(|headers| headers.checked_add(END_OF_ARCHIVE.len() as u64))
            .and_then(|rest| part.stored.size.checked_sub(rest));
        let files = content.and_then(|content| stream.cut(content));
        let kept = |files: Range<usize>| {
            let mut files = stream.files[files].iter();
            files.all(|(index, _)| table.is_kept(*index))
        };
        // Folders are in no manifest, so a part with any is read.
        let only_files = |files: &Range<usize>| part.entries <= files.len() as u64;
        !files.filter(only_files).is_some_and(kept)
    });
    parts.collect()
}

/// The files of one tablespace, in the order in which they were sent.
#[derive(Default)]
struct TablespaceFiles<'a> {
    files: Vec<(usize, &'a ManifestFile)>,
    next: usize,
    lost: bool,
}

impl TablespaceFiles<'_> {
    /// The next files whose content takes up this much of an archive, with the empty ones behind them, which
    /// may as well be in the next part.
    fn cut(&mut self, content: u64) -> Option<Range<usize>> {
        let start = self.next;
        let mut length = 0_u64;
        while !self.lost && length < content && self.next < self.files.len() {
            let size = self.files[self.next].1.size;
            length = length.saturating_add(size.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES));
            self.next += 1;
        }
        self.lost |= length != content;
        let empty = self.files[self.next..].iter().take_while(|(_, file)| file.size == 0).count();
        (!self.lost).then_some(start..self.next + empty)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::basebackup::Part;
    use crate::basebackup::description::tests::description;

    /// Files of these paths and sizes, those of an odd size with a checksum.
    pub(in super::super) fn files(files: &[(&str, u64)]) -> Vec<ManifestFile> {
        let json = files.iter().map(|(path, size)| match size % 2 {
            0 => serde_json::json!({"Path": path, "Size": size}),
            _ => serde_json::json!({
                "Path": path, "Size": size, "Checksum-Algorithm": "CRC32C", "Checksum": "00000000"
            }),
        });
        json.map(|json| serde_json::from_value(json).unwrap()).collect()
    }

    #[test]
    fn every_file_is_laid_down_once() {
        let files = files(&[("a", 2), ("b", 1), ("c", 1)]);
        let table = FileTable::new(&files).unwrap();
        let claim = |path: &str, part| table.claim(Path::new(path), part);
        table.keep(2);
        assert_eq!((claim("c", 0), claim("d", 0)), (Ok(FileClaim::Skip), Ok(FileClaim::Unknown)));
        assert_eq!((claim("a", 0), claim("b", 0)), (Ok(FileClaim::Lay(0)), Ok(FileClaim::Lay(1))));
        assert_eq!(table.missing(), Some((Path::new("a"), 2)));
        table.laid(0, 0);
        assert_eq!(table.missing(), Some((Path::new("b"), 1)));
        table.laid(1, 0);
        assert_eq!((table.missing(), table.counts()), (None, (2, 1)));
        let twice = claim("b", 1).unwrap_err().to_string();
        assert_eq!(twice, "b: the backup has this file twice");
    }

    #[test]
    fn a_part_that_is_read_again_lays_down_what_was_not_proved() {
        let files = files(&[("unproved", 2), ("proved", 1), ("begun", 1), ("other", 2)]);
        let table = FileTable::new(&files).unwrap();
        let claim = |path: &str, part| table.claim(Path::new(path), part).unwrap();
        for (index, file) in files.iter().enumerate() {
            claim(file.path.to_str().unwrap(), index / 3);
        }
        [(0, 0), (1, 0), (3, 1)].iter().for_each(|(index, part)| table.laid(*index, *part));
        table.forget(0);
        assert_eq!(table.missing(), Some((Path::new("unproved"), 2)));
        assert_eq!(
            (claim("unproved", 0), claim("begun", 0)),
            (FileClaim::Lay(0), FileClaim::Lay(2))
        );
        assert_eq!(claim("proved", 0), FileClaim::Skip);
    }

    #[test]
    fn a_manifest_names_a_file_once() {
        let error = FileTable::new(&files(&[("a", 1), ("a", 1)])).err().unwrap().to_string();
        assert_eq!(error, "backup_manifest has a twice");
    }

    /// A part with files of these lengths, and this many folders.
    fn part(tablespace: Option<u32>, sizes: &[u64], folders: u64) -> Part {
        let entries = sizes.len() as u64 + folders;
        let content: u64 = sizes.iter().map(|size| size.next_multiple_of(512)).sum();
        let mut stored = description().manifest;
        stored.size = content + entries * 512 + 1024;
        Part { stored, tablespace, entries }
    }

    fn choose(parts: &[Part], kept: &[usize]) -> Vec<bool> {
        let files = files(&[
            ("pg_tblspc/7/a", 512),
            ("b", 1),
            ("c", 8192),
            ("d", 0),
            ("pg_tblspc/8/e", 1),
            ("f", 513),
            ("g", 0),
            ("global/pg_control", 8192),
        ]);
        let table = FileTable::new(&files).unwrap();
        kept.iter().for_each(|index| table.keep(*index));
        let mut description = description();
        description.parts = parts.to_vec();
        parts_to_read(&description, &table)
    }

    #[test]
    fn a_part_with_nothing_but_kept_files_is_not_read() {
        let parts = [
            part(Some(7), &[512], 0),
            part(Some(8), &[1], 1),
            part(None, &[1, 8192], 0),
            part(None, &[0, 513, 0], 0),
            part(None, &[8192], 0),
        ];
        assert_eq!(choose(&parts, &[]), [true; 5]);
        assert_eq!(choose(&parts, &[0, 1, 2, 3, 4, 5, 6]), [false, true, false, false, true]);
        // An empty file may be in the part before or behind.
        assert_eq!(choose(&parts, &[0, 1, 2, 4, 5, 6, 7]), [false, true, true, true, false]);
        assert_eq!(choose(&parts, &[0, 1, 2, 3, 4, 5, 7]), [false, true, false, true, true]);
    }

    #[test]
    fn what_can_not_be_concluded_is_read() {
        let all = [0, 1, 2, 3, 4, 5, 6, 7];
        let whole = part(None, &[1, 8192, 0, 513, 0, 8192], 0);
        assert_eq!(choose(std::slice::from_ref(&whole), &all), [false]);
        // WAL behind the files is in no manifest.
        assert_eq!(choose(&[whole.clone(), part(None, &[1 << 24], 0)], &all), [false, true]);
        assert_eq!(choose(&[part(None, &[1, 100], 0), part(None, &[0, 513], 0)], &all), [true; 2]);
        let mut odd = whole;
        odd.stored.size = 100;
        assert_eq!(choose(&[odd.clone()], &all), [true]);
        odd.entries = u64::MAX;
        assert_eq!(choose(&[odd], &all), [true]);
    }
}
