//! Lays the entries of a part down on the disk, each file compared with the manifest while it is written, and finishes when
//! all parts are there.
//!
//! The control file and `tablespace_map` go into memory first: they are written when all others are there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::file_table::{FileClaim, FileTable};
use super::layout::{Layout, TABLESPACES};
use super::source::{EntryKind, PartEntry, PartVisitor};
use super::unfinished::{CONTROL_FILE, left_control_file};
use crate::backup::damaged;
use crate::codec::read_failed;
use crate::durable::{self, Bulk, LaidFile};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::{BackupManifest, ChecksumAlgorithm, FileChecksum, TablespaceMap};
use crate::threads::Workers;
use crate::threads::lock;

pub(super) const TABLESPACE_MAP: &str = "tablespace_map";

/// Files that don't go where they come from: they are held in memory until all others are there.
pub(super) const HELD: [&str; 2] = [CONTROL_FILE, TABLESPACE_MAP];

/// `pg_control` has 8 KiB, and a line of `tablespace_map` at most 1 KiB.
const HELD_BYTES_MAX: u64 = 16 << 20;

/// WAL for the backup itself is in no manifest.
pub(super) const WAL: &str = "pg_wal";

/// What all threads lay down together.
pub(super) struct Unpacking<'a> {
    pub(super) layout: &'a Layout<'a>,
    pub(super) table: &'a FileTable<'a>,
    pub(super) workers: Workers,
    held: Mutex<BTreeMap<PathBuf, HeldFile>>,
    /// Folders that the manifest did not lead to.
    folders: Mutex<Vec<PathBuf>>,
}

pub(super) struct HeldFile {
    pub(super) content: Vec<u8>,
    pub(super) mode: u32,
}

impl<'a> Unpacking<'a> {
    pub(super) fn new(layout: &'a Layout<'a>, table: &'a FileTable<'a>) -> Self {
        let (held, folders) = (Mutex::default(), Mutex::default());
        Self { layout, table, workers: Workers::default(), held, folders }
    }

    pub(super) fn take_held(&self, path: &str) -> Option<HeldFile> {
        lock(&self.held).remove(Path::new(path))
    }

    pub(super) fn take_folders(&self) -> Vec<PathBuf> {
        std::mem::take(&mut lock(&self.folders))
    }
}

/// For all but the owner only what the server allows its group (`pg_file_create_mode` in `file_perm.c`).
fn file_mode(mode: u32) -> u32 {
    0o600 | mode & 0o040
}

fn folder_mode(mode: u32) -> u32 {
    0o700 | mode & 0o050
}

/// Lays down the entries of one part.
pub(super) struct PartLayer<'a> {
    pub(super) laying: &'a Unpacking<'a>,
    /// Number of the part in the description, from 0.
    pub(super) part: usize,
    /// Called when the part is read from its beginning.
    pub(super) on_begin: &'a dyn Fn(),
}

enum FileDestination {
    Disk(LaidFile),
    Memory(Vec<u8>),
}

impl PartVisitor for PartLayer<'_> {
    fn begin(&mut self) {
        self.laying.table.forget(self.part);
        (self.on_begin)();
    }

    fn entry(&mut self, entry: PartEntry<'_>) -> Result<()> {
        match entry.kind {
            EntryKind::Folder => self.lay_folder(entry.path, entry.mode),
            EntryKind::File(size) => self.lay_file(entry, size),
            // The links were made when the folders were, to where the tablespaces are now.
            EntryKind::Link => {
                let path = entry.path.display();
                let oid = entry.path.strip_prefix(TABLESPACES).ok().and_then(Path::to_str);
                match oid.and_then(|oid| self.laying.layout.tablespaces.get(&oid.parse().ok()?)) {
                    Some(_) => Ok(()),
                    None => {
                        Err(damaged(format!("{path}: expected a file or a folder, found a link")))
                    }
                }
            }
        }
    }
}

impl PartLayer<'_> {
    fn lay_folder(&self, path: &Path, mode: u32) -> Result<()> {
        let layout = self.laying.layout;
        // The one above may come in a part that is read later.
        let above: Vec<&Path> = path.ancestors().filter(|it| !it.as_os_str().is_empty()).collect();
        for folder in above.iter().rev() {
            durable::lay_folder(&layout.place(folder)?)?;
        }
        if above.is_empty() {
            return Ok(());
        }
        let place = layout.place(path)?;
        if mode & 0o050 != 0 {
            durable::set_mode(&place, folder_mode(mode))?;
            // Of the topmost folders the backup says nothing.
            let topmost = place.parent().filter(|above| layout.is_topmost(above));
            topmost.map_or(Ok(()), |above| durable::set_mode(above, folder_mode(mode)))?;
        }
        lock(&self.laying.folders).push(place);
        Ok(())
    }

    fn lay_file(&mut self, entry: PartEntry<'_>, size: u64) -> Result<()> {
        let table = self.laying.table;
        let index = match table.claim(entry.path, self.part)? {
            FileClaim::Lay(index) => index,
            FileClaim::Skip => return Ok(()),
            FileClaim::Unknown if entry.path.starts_with(WAL) => {
                return self.lay_content(entry, size, ChecksumAlgorithm::None).map(|_| ());
            }
            FileClaim::Unknown => {
                let path = entry.path.display();
                return Err(damaged(format!(
                    "{path}: expected a file of backup_manifest, found another"
                )));
            }
        };
        let (path, file) = (entry.path, &table.files[index]);
        let wrong = |expected: &dyn fmt::Display, found: &dyn fmt::Display| {
            damaged(format!("{}: expected {expected}, found {found}", path.display()))
        };
        if size != file.size {
            return Err(wrong(&format!("{} bytes", file.size), &size));
        }
        let found = self.lay_content(entry, size, file.checksum.algorithm)?;
        if found != file.checksum {
            return Err(wrong(&file.checksum, &found));
        }
        table.laid(index, self.part);
        Ok(())
    }

    /// Brings the content of a file to where it goes.
    fn lay_content(
        &mut self,
        entry: PartEntry<'_>,
        size: u64,
        algorithm: ChecksumAlgorithm,
    ) -> Result<FileChecksum> {
        let PartEntry { path, content, mode, .. } = entry;
        let (mode, mut hasher, mut left) = (file_mode(mode), algorithm.hasher(), size);
        let mut destination = self.destination(path, size, mode)?;
        failpoint::reach("restore.file-begun");
        while left > 0 {
            self.laying.workers.go_on()?;
            let bytes = content.fill_buf();
            let bytes = bytes.map_err(|error| read_failed(&error).while_doing(path.display()))?;
            if bytes.is_empty() {
                let (path, found) = (path.display(), size - left);
                return Err(damaged(format!("{path}: expected {size} bytes, found {found}")));
            }
            hasher.update(bytes);
            match &mut destination {
                FileDestination::Disk(file) => file.write(bytes)?,
                FileDestination::Memory(content) => content.extend_from_slice(bytes),
            }
            let read = bytes.len();
            content.consume(read);
            left -= read as u64;
        }
        failpoint::reach("restore.file-written");
        if let FileDestination::Memory(content) = destination {
            lock(&self.laying.held).insert(path.to_owned(), HeldFile { content, mode });
        }
        Ok(hasher.finish())
    }

    fn destination(&self, path: &Path, size: u64, mode: u32) -> Result<FileDestination> {
        if !HELD.iter().any(|held| path.as_os_str() == *held) {
            let place = self.laying.layout.place(path)?;
            return LaidFile::create(place, mode).map(FileDestination::Disk);
        }
        if size > HELD_BYTES_MAX {
            let path = path.display();
            return Err(damaged(format!(
                "{path}: expected at most {HELD_BYTES_MAX} bytes, found {size}"
            )));
        }
        Ok(FileDestination::Memory(Vec::new()))
    }
}

const MANIFEST: &str = "backup_manifest";

/// A data directory with all files of the backup, durable, in which no server starts yet: its control file
/// has another name. Now is the time to write settings and signal files.
#[must_use = "without `finish` no server will start there"]
pub struct Unpacked {
    data: PathBuf,
    /// How many files were written.
    pub laid: usize,
    /// How many were there already.
    pub kept: usize,
    durable: bool,
}

impl Unpacked {
    /// Makes the files that lie directly in the data directory durable, because settings may have been
    /// written since, and gives the control file its name.
    pub fn finish(self) -> Result<()> {
        if self.durable {
            Bulk::begin([])?.sync(std::slice::from_ref(&self.data))?;
        }
        durable::hand_over(&left_control_file(&self.data), &self.data.join(CONTROL_FILE))?;
        failpoint::reach("restore.control-file-named");
        durable::sync_folder(&self.data.join("global"))
    }
}

/// Writes what was held back, and syncs everything.
pub(super) fn settle(
    laying: &Unpacking<'_>,
    manifest: Vec<u8>,
    folders: BTreeSet<PathBuf>,
    bulk: Option<&Bulk>,
) -> Result<Unpacked> {
    let (layout, data) = (laying.layout, laying.layout.data);
    let control_file = laying.take_held(CONTROL_FILE).ok_or_else(|| {
        Error::new(
            Class::Internal,
            format!("{CONTROL_FILE} counts as restored, but does not exist"),
        )
    })?;
    let manifest = match laying.take_held(TABLESPACE_MAP) {
        None => manifest,
        Some(map) => lay_tablespace_map(layout, &map, manifest)?,
    };
    failpoint::reach("restore.map-laid");
    lay(data.join(MANIFEST), control_file.mode, &manifest)?;
    failpoint::reach("restore.manifest-laid");
    let place = left_control_file(data);
    durable::replace(&place, &control_file.content)?;
    durable::set_mode(&place, control_file.mode)?;
    failpoint::reach("restore.control-file-laid");
    let known = folders.iter().map(|folder| layout.place(folder)).collect::<Result<Vec<_>>>()?;
    let all: BTreeSet<PathBuf> = known.into_iter().chain(laying.take_folders()).collect();
    let all: Vec<PathBuf> = all.into_iter().chain([data.to_owned()]).collect();
    bulk.map_or(Ok(()), |bulk| bulk.sync(&all))?;
    failpoint::reach("restore.synced");
    let (laid, kept) = laying.table.counts();
    Ok(Unpacked { data: data.to_owned(), laid, kept, durable: bulk.is_some() })
}

/// The server makes its links anew from `tablespace_map`, so that has to say where the tablespaces are now;
/// then the manifest has to know it.
fn lay_tablespace_map(layout: &Layout<'_>, held: &HeldFile, manifest: Vec<u8>) -> Result<Vec<u8>> {
    let said = |error: &dyn std::fmt::Display| damaged(format!("{TABLESPACE_MAP}: {error}"));
    let old = TablespaceMap::parse(&held.content).map_err(|error| said(&error))?;
    let mut new = TablespaceMap::default();
    for oid in old.0.keys() {
        let folder = layout.tablespaces.get(oid).ok_or_else(|| {
            said(&format!("expected tablespaces that backup.json names, found {oid}"))
        })?;
        if !layout.is_in_place(*oid, folder) {
            new.0.insert(*oid, folder.to_path_buf());
        }
    }
    let place = layout.data.join(TABLESPACE_MAP);
    if new == old {
        lay(place, held.mode, &held.content)?;
        return Ok(manifest);
    }
    let content = new.to_bytes();
    lay(place, held.mode, &content)?;
    let manifest = BackupManifest::with_content(&manifest, Path::new(TABLESPACE_MAP), &content);
    manifest.map_err(|error| damaged(format!("{MANIFEST}: {error}")))
}

fn lay(place: PathBuf, mode: u32, content: &[u8]) -> Result<()> {
    LaidFile::create(place, mode)?.write(content)
}
