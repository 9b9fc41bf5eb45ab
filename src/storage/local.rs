//! A directory tree: keys are paths below the root.

mod listing;

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Created, Facts, Listed, NewLargeObject, NewObject, Storage, Stored, WholeObject};
use crate::durable::{self, Nameless, Publication, Published, Temporary};
use crate::error::{Class, Error, Result};
use crate::progress;

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

    fn open_file(&self, key: &str) -> Result<Option<LocalReader>> {
        let path = self.root.join(key);
        let file = match durable::open_to_read(&path) {
            Ok(file) => file,
            Err(error) => return self.absent_or(&path, &error).map(|()| None),
        };
        let metadata = file.metadata().map_err(|error| Error::file("read", &path, &error))?;
        if !metadata.is_file() {
            return Err(not_a_file(&path, &metadata));
        }
        Ok(Some(LocalReader { file, path }))
    }

    fn new_file(&self, key: &str, front: usize) -> Result<Box<NewFile>> {
        durable::remove_abandoned_below(&self.root, &self.temporaries());
        let (temporaries, target) = (self.temporaries(), self.root.join(key));
        let publication = Publication::begin(&self.root, &temporaries, &target, front as u64)?;
        Ok(Box::new(NewFile(publication)))
    }
}

impl Storage for LocalStorage {
    fn begin(&self, key: &str, front: usize) -> Result<Box<dyn NewObject + '_>> {
        Ok(self.new_file(key, front)?)
    }

    fn begin_large(
        &self,
        key: &str,
        front: usize,
        _size_max: u64,
        _facts: &Facts,
    ) -> Result<Box<dyn NewLargeObject + '_>> {
        Ok(self.new_file(key, front)?)
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
        let Some(file) = self.open_file(key)? else { return Ok(None) };
        Ok(Some(match limit {
            Some(limit) => Box::new(file.take(limit)),
            None => Box::new(file),
        }))
    }

    fn open_range(
        &self,
        key: &str,
        offset: u64,
        length: u64,
    ) -> Result<Option<Box<dyn Read + Send>>> {
        let Some(mut reader) = self.open_file(key)? else { return Ok(None) };
        let sought = reader.file.seek(SeekFrom::Start(offset));
        sought.map_err(|error| Error::file("read", &reader.path, &error))?;
        Ok(Some(Box::new(reader.take(length))))
    }

    fn list(
        &self,
        prefix: &str,
        after: &str,
        visit: &mut dyn FnMut(Listed<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        self.walk(&folder, prefix, after, visit).map(|_| ())
    }

    fn delete(&self, key: &str) -> Result<()> {
        let path = self.root.join(key);
        if durable::remove(&self.root, &path)? {
            return Ok(());
        }
        self.absent_or(&path, &io::ErrorKind::NotFound.into())
    }

    fn settle(&self, key: &str) -> Result<()> {
        durable::settle(&self.root.join(key))
    }

    /// When a file that is made now was written: a folder of a network has the clock of its server.
    fn now(&self) -> Option<Timestamp> {
        let mut made = Temporary::create_in(&self.temporaries()).ok()?;
        made.file().write_all(b"now").ok()?;
        made.file().metadata().ok()?.modified().ok()?.try_into().ok()
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
        progress::moved(content.len() as u64);
        self.0.write(&content)
    }

    fn complete<'a>(self: Box<Self>, front: Bytes) -> Result<Box<dyn WholeObject + 'a>>
    where
        Self: 'a,
    {
        Ok(Box::new(WholeFile(self.0.sync(&front)?)))
    }
}

impl NewLargeObject for NewFile {
    fn write(&mut self, content: Bytes) -> Result<()> {
        self.0.write(&content)
    }

    fn finish(self: Box<Self>, front: Bytes) -> Result<Created> {
        self.0.finish(&front).map(created)
    }
}

struct WholeFile(Nameless);

impl WholeObject for WholeFile {
    fn publish(self: Box<Self>, _facts: &Facts) -> Result<Created> {
        progress::moved(1);
        self.0.publish().map(created)
    }
}

fn created(published: Published) -> Created {
    match published {
        Published::Created => Created::New,
        Published::Exists => Created::Taken,
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

/// Gives the folder of temporary files to whom the repository belongs to: made by root, it would keep out
/// the user that archives.
pub fn give_to_owner(root: &std::path::Path) -> Result<()> {
    let folder = root.join(TEMPORARIES);
    durable::remove_abandoned_below(root, &folder);
    if durable::give_below(root, &folder)? {
        return Ok(());
    }
    let message = format!("expected {folder:?} to be empty, found files in it");
    Err(Error::new(Class::LocalFile, message)
        .hint("Nothing but files under way belongs there: look what they are, and remove them."))
}
