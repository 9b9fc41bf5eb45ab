use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::PathBuf;

use bytes::Bytes;

use super::{Created, Facts, NewObject, Storage, Stored};
use crate::durable::{self, Publication, Published};
use crate::error::{Class, Error, Result};

/// Files being written, for all of the repository: one folder to clean after a crash. Its name sorts
/// before every key's and begins with a dot, so listings pass it over.
const TEMPORARIES: &str = ".seawall-tmp";

/// A directory tree: keys are paths below the root. Folders are 0700, files 0600.
pub struct LocalStorage {
    root: PathBuf,
}

impl LocalStorage {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn temporaries(&self) -> PathBuf {
        self.root.join(TEMPORARIES)
    }
}

impl Storage for LocalStorage {
    fn begin(&self, key: &str, front: usize) -> Result<Box<dyn NewObject + '_>> {
        durable::remove_abandoned(&self.temporaries());
        let (temporaries, target) = (self.temporaries(), self.root.join(key));
        let publication = Publication::begin(&self.root, &temporaries, &target, front as u64)?;
        Ok(Box::new(NewFile(publication)))
    }

    fn head(&self, key: &str) -> Result<Option<Stored>> {
        let path = self.root.join(key);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                Ok(Some(Stored { size: metadata.len(), facts: Facts::new() }))
            }
            Ok(metadata) => Err(not_a_file(&path, &metadata)),
            // Also when the root is not there yet: the first `create` makes it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("read", &path, &error)),
        }
    }

    fn open(&self, key: &str, limit: Option<u64>) -> Result<Option<Box<dyn Read + Send>>> {
        let path = self.root.join(key);
        let file = match durable::open_to_read(&path) {
            Ok(file) => file,
            Err(error) => return self.absent_or(&path, &error).map(|()| None),
        };
        let metadata = file.metadata().map_err(|error| Error::file("read", &path, &error))?;
        if !metadata.is_file() {
            return Err(not_a_file(&path, &metadata));
        }
        let file = LocalReader { file, path };
        Ok(Some(match limit {
            Some(limit) => Box::new(file.take(limit)),
            None => Box::new(file),
        }))
    }

    fn list(
        &self,
        prefix: &str,
        after: &str,
        visit: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<()> {
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        self.walk(&folder, prefix, after, visit).map(|_| ())
    }

    fn settle(&self, key: &str) -> Result<()> {
        durable::settle(&self.root.join(key))
    }

    fn reads_are_cheap(&self) -> bool {
        true
    }

    fn place(&self) -> String {
        self.root.display().to_string()
    }
}

struct NewFile(Publication);

impl NewObject for NewFile {
    fn write(&mut self, content: Bytes) -> Result<()> {
        self.0.write(&content)
    }

    fn finish(self: Box<Self>, front: Bytes, _facts: &Facts) -> Result<Created> {
        match self.0.finish(&front)? {
            Published::Created => Ok(Created::New),
            Published::Exists => Ok(Created::Taken),
        }
    }
}

impl LocalStorage {
    /// Absence may only be claimed by a repository that is there: an empty mount point or a folder
    /// that can't be looked into says nothing about what was archived.
    fn absent_or(&self, path: &std::path::Path, error: &io::Error) -> Result<()> {
        match error.kind() {
            io::ErrorKind::NotFound if self.root.is_dir() => Ok(()),
            io::ErrorKind::NotFound => Err(Error::new(
                Class::Unreachable,
                format!("the folder {:?} does not exist", self.root),
            )
            .hint("Is the disk mounted?")),
            _ => Err(Error::file("read", path, error)),
        }
    }

    /// Visits `folder` (empty or ending in `/`) and what is below it, in byte order of whole keys.
    fn walk(
        &self,
        folder: &str,
        prefix: &str,
        after: &str,
        visit: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        for key in self.sorted_entries(folder)? {
            if let Some(below) = key.strip_suffix('/') {
                let of_interest = key.starts_with(prefix) || prefix.starts_with(&key);
                let done = !after.starts_with(&key) && key.as_str() < after;
                if of_interest
                    && !done
                    && self.walk(&format!("{below}/"), prefix, after, visit)?.is_break()
                {
                    return Ok(ControlFlow::Break(()));
                }
            } else if key.starts_with(prefix) && key.as_str() > after && visit(&key).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Keys of the files, and of the folders with a `/` behind, so that they sort as keys do.
    fn sorted_entries(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.root.join(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) => return self.absent_or(&path, &error).map(|()| Vec::new()),
        };
        let mut keys = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| Error::file("read folder", &path, &error))?;
            let kind = entry.file_type().map_err(|error| Error::file("look at", &path, &error))?;
            let name = entry.file_name();
            // What is not text or begins with a dot is nothing of ours.
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            keys.push(format!("{folder}{name}{}", if kind.is_dir() { "/" } else { "" }));
        }
        keys.sort_unstable();
        Ok(keys)
    }
}

fn not_a_file(path: &std::path::Path, metadata: &fs::Metadata) -> Error {
    let found = durable::kind(metadata);
    Error::new(Class::Damaged, format!("expected a file at {path:?}, found {found}"))
}

/// Says which file could not be read: a bad sector must not pass for a damaged object.
struct LocalReader {
    file: File,
    path: PathBuf,
}

impl Read for LocalReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file
            .read(buffer)
            .map_err(|error| io::Error::other(Error::file("read", &self.path, &error)))
    }
}
