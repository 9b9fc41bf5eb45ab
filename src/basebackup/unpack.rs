//! Laying the files of a base backup down, in parallel, checked while they are written.
//!
//! What makes it safe to be killed: without `global/pg_control` no server starts. So that file is taken
//! away first, and gets its name last, when all others and `backup_label` are durable. At no moment is there
//! a control file without `backup_label`, which a server would take for a crash, and recover from the
//! wrong checkpoint.
//!
//! How the files go together: `unfinished` opens the directory and marks it, `existing` clears it and keeps what fits, and
//! `file_table`, the account of all files, says which parts to read. `workers` have `source` read them, and `laying` writes
//! the files where `layout` says, at the end those that were held back.

mod existing;
mod file_table;
mod laying;
mod layout;
mod source;
mod unfinished;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub use laying::Unpacked;
pub use layout::Layout;
pub use source::{BackupSource, EntryKind, PartEntry, PartVisitor, read_entries};
pub use unfinished::{
    is_empty, is_lost_and_found, is_mount_point, is_unfinished, left_control_file,
    linked_tablespaces, names_in,
};

use crate::backup::damaged;
use crate::durable::{self, Bulk};
use crate::error::{Error, Result};
use crate::failpoint;
use crate::postgres::BackupManifest;
use existing::{ExtraFiles, keep};
use file_table::{FileTable, parts_to_read};
use laying::{PartLayer, Unpacking, WAL, settle};
use layout::TABLESPACES;
use unfinished::CONTROL_FILE;

/// A base backup, about to be laid down.
pub struct Unpack<'a> {
    pub source: BackupSource<'a>,
    /// The data directory. New, empty, or left by an unpacking that was interrupted, which then goes on;
    /// with `delta` also one that has been in use. No server may run in it.
    pub data: &'a Path,
    /// Where each tablespace of the backup goes, by oid: absolute paths. A folder may hold other things,
    /// but no tablespace of this major version, unless a link of `data` leads to it.
    pub tablespaces: &'a BTreeMap<u32, PathBuf>,
    /// Keep files that are what they have to be by length and checksum, and remove what is not in the
    /// backup, WAL in `pg_wal` included.
    pub delta: bool,
    /// Whether it survives a power cut. What is thrown away soon need not: to sync a whole file system, with what others write
    /// there, can take minutes, in which no signal ends the process.
    pub durable: bool,
    /// How many parts are unpacked at the same time, with two threads each.
    pub threads: NonZeroUsize,
    /// Gets the length of the parts that were read so far or need not be, before compression, in bytes; at
    /// the end it is [`crate::basebackup::Description::size`]. It falls back where a part is read again.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl Unpack<'_> {
    /// Reads the manifest, and looks whether all that it names has a place where it may be written. Nothing is changed.
    pub fn check_manifest(&self) -> Result<BackupManifest> {
        let (_, manifest) = self.source.manifest()?;
        let layout = Layout::new(self.data, self.tablespaces, self.source.description)?;
        self.table(&layout, &manifest)?;
        Ok(manifest)
    }

    /// Fails where the folders hold what must not be touched. Nothing is changed.
    pub fn check_folders(&self) -> Result<()> {
        let layout = Layout::new(self.data, self.tablespaces, self.source.description)?;
        unfinished::check(&layout, self.delta || is_unfinished(self.data))
    }

    /// Nothing on the disk is touched before the manifest was read and proved. Memory: 8 MiB for each part under way, the
    /// manifest, and some 150 bytes for each file in it.
    pub fn run(&self) -> Result<Unpacked> {
        let (bytes, manifest) = self.source.manifest()?;
        let data = std::path::absolute(self.data);
        let data = data.map_err(|error| Error::file("look at", self.data, &error))?;
        let layout = Layout::new(&data, self.tablespaces, self.source.description)?;
        let table = self.table(&layout, &manifest)?;
        let may_have_files = unfinished::prepare(&layout, self.delta)?;
        let folders = layout.folders(&manifest.files);
        if may_have_files {
            ExtraFiles { layout: &layout, table: &table, folders: &folders }.remove()?;
            failpoint::reach("restore.strays-removed");
        }
        lay_folders(&layout, &folders)?;
        failpoint::reach("restore.folders-laid");
        let wal = data.join(WAL);
        let roots = layout.tablespaces.values().copied().chain([&*data, &*wal]);
        let bulk = self.durable.then(|| Bulk::begin(roots)).transpose()?;
        if may_have_files {
            keep(&layout, &table, self.threads)?;
        }
        let laying = Unpacking::new(&layout, &table);
        self.lay_all(&laying)?;
        settle(&laying, bytes, folders, bulk.as_ref())
    }

    fn table<'m>(
        &self,
        layout: &Layout<'_>,
        manifest: &'m BackupManifest,
    ) -> Result<FileTable<'m>> {
        let said = |error: Error| {
            let source = &self.source;
            let object = &source.description.manifest.object;
            error.while_doing(format!("could not use {}{object}", source.prefix))
        };
        let table = FileTable::new(&manifest.files).map_err(said)?;
        if !table.contains(Path::new(CONTROL_FILE)) {
            return Err(said(damaged(format!("{CONTROL_FILE} is missing in it"))));
        }
        manifest
            .files
            .iter()
            .try_for_each(|it| layout.place(&it.path).map(|_| ()))
            .map_err(said)?;
        Ok(table)
    }

    fn lay_all(&self, laying: &Unpacking<'_>) -> Result<()> {
        let description = self.source.description;
        let chosen = parts_to_read(description, laying.table);
        let numbers = |wanted| (0..chosen.len()).filter(move |it| chosen[*it] == wanted);
        let (first, rest): (Vec<_>, Vec<_>) =
            (numbers.clone()(true).collect(), numbers(false).collect());
        let length = |numbers: &[usize]| -> u64 {
            numbers.iter().map(|number| description.parts[*number].stored.size).sum()
        };
        let done = AtomicU64::new(length(&rest));
        self.lay_parts(laying, &first, &done)?;
        if laying.table.missing().is_some() {
            done.fetch_sub(length(&rest), Ordering::Relaxed);
            self.lay_parts(laying, &rest, &done)?;
        }
        let Some((path, count)) = laying.table.missing() else { return Ok(()) };
        let prefix = self.source.prefix;
        let path = path.display();
        let others = if count > 1 { format!(" and {} others", count - 1) } else { String::new() };
        Err(damaged(format!("could not unpack {prefix}: none of its parts has {path}{others}")))
    }

    fn lay_parts(&self, laying: &Unpacking<'_>, numbers: &[usize], done: &AtomicU64) -> Result<()> {
        laying.workers.run(
            self.threads,
            numbers.len(),
            || (),
            |(), at| {
                let (number, of_part) = (numbers[at], Cell::new(0));
                let progress = |bytes: u64| {
                    of_part.set(of_part.get() + bytes);
                    (self.progress)(done.fetch_add(bytes, Ordering::Relaxed) + bytes);
                };
                let on_begin = || {
                    done.fetch_sub(of_part.replace(0), Ordering::Relaxed);
                };
                let mut layer = PartLayer { laying, part: number, on_begin: &on_begin };
                self.source.part(&self.source.description.parts[number], &progress, &mut layer)?;
                failpoint::reach("restore.part-laid");
                Ok(())
            },
        )
    }
}

fn lay_folders(layout: &Layout<'_>, folders: &BTreeSet<PathBuf>) -> Result<()> {
    for folder in folders {
        durable::lay_folder(&layout.place(folder)?)?;
        // Those below pg_tblspc come next, so it is there.
        if folder.as_os_str() == TABLESPACES {
            for (oid, place) in &layout.tablespaces {
                match layout.is_in_place(*oid, place) {
                    true => durable::lay_folder(place)?,
                    false => durable::lay_link(&layout.link(*oid), place)?,
                }
            }
        }
    }
    Ok(())
}
