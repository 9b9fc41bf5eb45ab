//! Reading a snapshot in packs: its lists, and the content of each file from its range of an object, decrypted and
//! decompressed. A content comes to its end only if its length and BLAKE3 are those of the index; where an answer
//! breaks off, the rest is asked for.

use std::io::{self, Read};
use std::path::Path;

use super::super::INDEX;
use super::super::entry::Entry;
use super::super::restore::ContentSource;
use super::super::spool::{Spool, compress_into};
use super::CONTENTS;
use super::contents::{ContentPlace, PackedContents};
use super::read_cache::ReadCache;
use crate::backup::{BackupFolder, ObjectSource, StoredObject, damaged};
use crate::codec::{Digest, Identities, decode_unlabelled, read_failed};
use crate::error::{Class, Error, Result};
use crate::media_backup::SnapshotDescription;
use crate::retry::pause_after;
use crate::storage::Storage;

/// A content that takes more, in bytes, is read as it comes.
const HELD_BYTES_MAX: u64 = 4 << 20;

/// A snapshot in packs, about to be read.
#[derive(Clone)]
pub struct PackedSource<'a> {
    pub storage: &'a dyn Storage,
    /// What the keys of all snapshots of the set begin with, such as `media/uploads/`.
    pub all: String,
    pub description: &'a SnapshotDescription,
    pub identities: &'a Identities,
    /// How often an object is read whose answer breaks off.
    pub attempts: u32,
}

impl<'a> PackedSource<'a> {
    /// The index, proved, in a file of its own in this folder: it is read several times.
    pub fn index(&self, folder: &Path) -> Result<Spool> {
        let object = self.object(INDEX)?;
        let fetch = |file: &mut std::fs::File| {
            self.plain(object, &mut |plain| {
                compress_into(file, plain).map_err(|error| written(&error, folder))
            })
        };
        Ok(Spool::fill(folder, fetch)?.0)
    }

    /// Where each content lies.
    pub fn contents(&self) -> Result<PackedContents> {
        let object = self.object(CONTENTS)?;
        self.plain(object, &mut |plain| PackedContents::read(plain, self.description))
    }

    /// The content of files.
    pub fn content(&self) -> Result<PackedContent<'a>> {
        let contents = self.contents()?;
        Ok(PackedContent { source: self.clone(), contents, cache: ReadCache::default() })
    }

    /// One content alone: the list of them all is read, and only this one kept of it.
    pub fn content_of(&self, digest: &Digest) -> Result<PackedContent<'a>> {
        let object = self.object(CONTENTS)?;
        let contents = self.plain(object, &mut |plain| {
            PackedContents::read_those(plain, self.description, &|it| it == digest)
        })?;
        Ok(PackedContent { source: self.clone(), contents, cache: ReadCache::default() })
    }

    /// Its key.
    pub(super) fn key(&self, snapshot: &str, object: &str) -> String {
        BackupFolder::below(&self.all, snapshot).key(object)
    }

    /// Its bytes from an offset to the end, which may come earlier.
    pub(super) fn stored(&self, key: &str, at: u64, end: u64) -> Resuming<'a> {
        let (storage, attempts) = (self.storage, self.attempts);
        Resuming { storage, key: key.to_owned(), at, end, attempts, tried: 0, inner: None }
    }

    fn object(&self, name: &str) -> Result<&'a StoredObject> {
        let object = self.description.object(name);
        object.ok_or_else(|| {
            let id = &self.description.id;
            damaged(format!("the description of snapshot {id} has no {name}"))
        })
    }

    fn plain<T>(
        &self,
        object: &StoredObject,
        read: &mut dyn FnMut(&mut dyn Read) -> Result<T>,
    ) -> Result<T> {
        let prefix = self.key(&self.description.id, "");
        let source = ObjectSource {
            storage: self.storage,
            prefix: &prefix,
            encrypted: self.description.encrypted,
            identities: self.identities,
            attempts: self.attempts,
        };
        source.plain(object, &|_| {}, &mut |mut plain| read(&mut plain))
    }
}

/// The content of the files of a snapshot in packs.
pub struct PackedContent<'a> {
    source: PackedSource<'a>,
    contents: PackedContents,
    cache: ReadCache,
}

impl ContentSource for PackedContent<'_> {
    fn open(&self, entry: &Entry) -> Result<Box<dyn Read + '_>> {
        let id = &self.source.description.id;
        let content = entry.content();
        let content = content.ok_or_else(|| damaged("it is not a file".into()))?;
        let place = self.contents.get(&content.digest).copied();
        let place = place.filter(|place| place.size == content.size).ok_or_else(|| {
            let (digest, size) = (content.digest, content.size);
            damaged(format!("the contents of snapshot {id} lack {size} bytes with BLAKE3 {digest}"))
        })?;
        let holder = self.contents.holder(place.object);
        let holder = holder.ok_or_else(|| damaged("the object is missing".into()))?;
        let key = self.source.key(&holder.snapshot, &holder.object);
        let place_of = format!("could not read {key} at {}", place.offset);
        let opened = self.member(&key, &place, content.digest);
        match opened {
            Ok(inner) => Ok(Box::new(ReadAtPlace { inner, place_of })),
            Err(error) => Err(told(error, &place_of)),
        }
    }
}

impl PackedContent<'_> {
    fn member(
        &self,
        key: &str,
        place: &ContentPlace,
        digest: Digest,
    ) -> Result<Box<dyn Read + '_>> {
        let end = place.offset + place.stored_size;
        let stored: Box<dyn Read + '_> = if place.stored_size > HELD_BYTES_MAX {
            Box::new(self.source.stored(key, place.offset, end))
        } else {
            let fetch = |offset: u64, length: u64| self.fetch(key, offset, length);
            let (total, range) =
                (self.contents.length(place.object), (place.offset, place.stored_size));
            Box::new(io::Cursor::new(self.cache.read(place.object, total, range, &fetch)?))
        };
        let encrypted = self.source.description.encrypted;
        let plain = decode_unlabelled(stored, encrypted, self.source.identities);
        let plain = plain.map_err(|error| match error.class() {
            // The list of contents is for the same keys, and one of ours has opened it.
            Class::Configuration => damaged(
                "expected a content for the keys of its list, found one that they do not open"
                    .into(),
            ),
            _ => error,
        })?;
        Ok(Box::new(Proved::new(plain, digest, place.size)))
    }

    fn fetch(&self, key: &str, offset: u64, length: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        let read = self.source.stored(key, offset, offset + length).read_to_end(&mut bytes);
        read.map_err(|error| read_failed(&error))?;
        if bytes.len() as u64 != length {
            let found = bytes.len();
            return Err(damaged(format!("expected {length} bytes at {offset}, found {found}")));
        }
        Ok(bytes)
    }
}

/// Says of every trouble where it was met.
struct ReadAtPlace<R> {
    inner: R,
    place_of: String,
}

impl<R: Read> Read for ReadAtPlace<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        read.map_err(|error| io::Error::other(told(read_failed(&error), &self.place_of)))
    }
}

fn told(error: Error, place_of: &str) -> Error {
    if error.class() == Class::LocalFile { error } else { error.while_doing(place_of) }
}

/// A plain content, proved.
pub(super) struct Proved<R> {
    inner: R,
    expected: Digest,
    size: u64,
    length: u64,
    hasher: blake3::Hasher,
}

impl<R: Read> Proved<R> {
    pub(super) fn new(inner: R, expected: Digest, size: u64) -> Self {
        Self { inner, expected, size, length: 0, hasher: blake3::Hasher::new() }
    }

    fn check_end(&self) -> Result<()> {
        let (expected, found) = (self.expected, Digest::of_hasher(&self.hasher));
        if self.length != self.size {
            return Err(self.wrong_length(&self.length.to_string()));
        }
        if found != expected {
            return Err(damaged(format!("expected content with BLAKE3 {expected}, found {found}")));
        }
        Ok(())
    }

    fn wrong_length(&self, found: &str) -> Error {
        damaged(format!("expected {} bytes of content, found {found}", self.size))
    }
}

impl<R: Read> Read for Proved<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            self.check_end().map_err(io::Error::other)?;
        }
        self.hasher.update(&buffer[..read]);
        self.length += read as u64;
        if self.length > self.size {
            return Err(io::Error::other(self.wrong_length("more")));
        }
        Ok(read)
    }
}

/// A range of an object. Where the answer breaks off it is asked for the rest.
pub(super) struct Resuming<'a> {
    storage: &'a dyn Storage,
    key: String,
    at: u64,
    end: u64,
    attempts: u32,
    tried: u32,
    inner: Option<Box<dyn Read + Send>>,
}

impl Resuming<'_> {
    fn read_on(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let inner = match &mut self.inner {
            Some(inner) => inner,
            none => {
                let length = self.end - self.at;
                let opened = self.storage.open_range(&self.key, self.at, length)?;
                none.insert(opened.ok_or_else(|| damaged("the object is missing".into()))?)
            }
        };
        let read = inner.read(buffer);
        read.map_err(|error| read_failed(&error))
    }
}

impl Read for Resuming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.end {
            return Ok(0);
        }
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        loop {
            match self.read_on(&mut buffer[..left]) {
                Ok(read) => {
                    self.at += read as u64;
                    return Ok(read);
                }
                Err(error)
                    if error.class() == Class::Unreachable && self.tried + 1 < self.attempts =>
                {
                    self.tried += 1;
                    self.inner = None;
                    tracing::info!("trying again: could not read {}: {error}", self.key);
                    pause_after(self.tried);
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

/// Trouble with the stream is no trouble with this host's disk.
fn written(error: &io::Error, folder: &Path) -> Error {
    if error.raw_os_error().is_some() {
        return Error::file("write a file in", folder, error);
    }
    read_failed(error)
}
