//! Keeps account of every file of the manifest while many threads lay parts down: none twice, and none missing
//! unnoticed.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use crate::backup::damaged;
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

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
}
