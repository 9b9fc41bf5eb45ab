//! A directory tree: keys are paths below the root.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    Created, Listed, Metadata, NewLargeObject, NewObject, ObjectHead, Storage, WholeObject,
    bandwidth,
};
use crate::durable::{self, Nameless, Publication, Published, Temporary};
use crate::error::{Class, Error, Result};
use crate::progress;

/// Files being written, for all of the repository: one folder to clean after a crash. Its name sorts
/// before every key's and begins with a dot, so listings pass it over.
const TEMPORARIES: &str = ".seawall-tmp";

/// A directory tree: keys are paths below the root. Folders are 0700, files 0600.
pub(super) struct LocalStorage {
    root: PathBuf,
}

impl LocalStorage {
    pub(super) fn new(root: PathBuf) -> Self {
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

    fn new_file(&self, key: &str, front: usize) -> Result<Box<LocalObject>> {
        durable::remove_abandoned_below(&self.root, &self.temporaries());
        let (temporaries, target) = (self.temporaries(), self.root.join(key));
        let publication = Publication::begin(&self.root, &temporaries, &target, front as u64)?;
        Ok(Box::new(LocalObject(publication)))
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
        _metadata: &Metadata,
    ) -> Result<Box<dyn NewLargeObject + '_>> {
        Ok(self.new_file(key, front)?)
    }

    fn head(&self, key: &str) -> Result<Option<ObjectHead>> {
        let path = self.root.join(key);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                Ok(Some(ObjectHead { size: metadata.len(), metadata: Metadata::new() }))
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

    /// A folder that is not there is alone: it holds nothing.
    fn device(&self) -> String {
        let device = fs::metadata(&self.root).map(|folder| format!("device {}", folder.dev()));
        device.unwrap_or_else(|_| self.place())
    }
}

struct LocalObject(Publication);

impl NewObject for LocalObject {
    fn write(&mut self, content: Bytes) -> Result<()> {
        progress::moved(content.len() as u64);
        bandwidth::pace(content.len());
        self.0.write(&content)
    }

    fn complete<'a>(self: Box<Self>, front: Bytes) -> Result<Box<dyn WholeObject + 'a>>
    where
        Self: 'a,
    {
        Ok(Box::new(WholeFile(self.0.sync(&front)?)))
    }
}

impl NewLargeObject for LocalObject {
    fn write(&mut self, content: Bytes) -> Result<()> {
        bandwidth::pace(content.len());
        self.0.write(&content)
    }

    fn finish(self: Box<Self>, front: Bytes) -> Result<Created> {
        self.0.finish(&front).map(created)
    }
}

struct WholeFile(Nameless);

impl WholeObject for WholeFile {
    fn publish(self: Box<Self>, _metadata: &Metadata) -> Result<Created> {
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
        let failed = |error| io::Error::other(Error::file("read", &self.path, &error));
        let length = self.file.read(buffer).map_err(failed)?;
        bandwidth::pace(length);
        Ok(length)
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
    Err(Error::new(Class::LocalFile, message).hint(
        "Only files that are being written belong there: look at these files, and remove them.",
    ))
}

impl LocalStorage {
    /// Visits `folder` (empty or ending in `/`) and what is below it, in byte order of whole keys.
    pub(super) fn walk(
        &self,
        folder: &str,
        prefix: &str,
        after: &str,
        visit: &mut dyn FnMut(Listed<'_>) -> ControlFlow<()>,
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
            } else if key.starts_with(prefix)
                && key.as_str() > after
                && let Some((size, created)) = self.facts_of(&key)?
                && visit(Listed { key: &key, size, created }).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// `None` when it was deleted since its folder was read. A link that leads nowhere just now is there all
    /// the same: a listing that passed it over would hide a gap in the WAL.
    fn facts_of(&self, key: &str) -> Result<Option<(u64, Option<Timestamp>)>> {
        let path = self.root.join(key);
        match fs::metadata(&path).or_else(|_| fs::symlink_metadata(&path)) {
            Ok(metadata) => {
                let written = metadata.modified().ok().and_then(|time| time.try_into().ok());
                Ok(Some((metadata.len(), written)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("look at", &path, &error)),
        }
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
            if kind.is_dir() && is_tree(folder, name) {
                continue;
            }
            keys.push(format!("{folder}{name}{}", if kind.is_dir() { "/" } else { "" }));
        }
        keys.sort_unstable();
        Ok(keys)
    }
}

/// The files of a snapshot, `media/<set>/<id>/tree/`, are no objects: their names are anything, and many.
fn is_tree(folder: &str, name: &str) -> bool {
    name == "tree" && folder.starts_with("media/") && folder.matches('/').count() == 3
}
