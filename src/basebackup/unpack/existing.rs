//! A data directory that has files already.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::file_table::FileTable;
use super::laying::{HELD, WAL};
use super::layout::{Layout, TABLESPACES};
use super::unfinished::{LOST_AND_FOUND, is_mount_point, left_control_file};
use crate::durable;
use crate::error::{Error, Result};
use crate::postgres::ManifestFile;
use crate::threads::Workers;

const BUFFER_BYTES: usize = 1 << 18;

/// Removes what the backup does not have.
pub(super) struct ExtraFiles<'a> {
    pub(super) layout: &'a Layout<'a>,
    pub(super) table: &'a FileTable<'a>,
    /// As [`Layout::folders`] has them.
    pub(super) folders: &'a BTreeSet<PathBuf>,
}

impl ExtraFiles<'_> {
    pub(super) fn remove(&self) -> Result<()> {
        self.clear(self.layout.data, Path::new(""))?;
        for (oid, folder) in &self.layout.tablespaces {
            let below = Path::new(TABLESPACES).join(oid.to_string());
            // A tablespace's folder may hold those of other versions, and other things.
            for entry in entries(folder)? {
                let name = entry.file_name();
                if name.to_str().is_some_and(|name| self.layout.is_version_folder(name)) {
                    self.look_at(&entry, &below.join(name))?;
                }
            }
        }
        Ok(())
    }

    fn clear(&self, folder: &Path, path: &Path) -> Result<()> {
        for entry in entries(folder)? {
            self.look_at(&entry, &path.join(entry.file_name()))?;
        }
        Ok(())
    }

    fn look_at(&self, entry: &DirEntry, path: &Path) -> Result<()> {
        let place = entry.path();
        let kind = entry.file_type().map_err(|error| Error::file("look at", &place, &error))?;
        let of_tablespace = path.parent() == Some(Path::new(TABLESPACES));
        let known = self.folders.contains(path);
        // Who has put pg_wal on another disk, with a link to it, keeps it there, as `initdb` and the server do. Behind any
        // other link lies what nobody has named: it stays, and the link goes.
        let is_folder = kind.is_dir() || (path == Path::new(WAL) && place.is_dir());
        if is_folder && known && !of_tablespace {
            return self.clear(&place, path);
        }
        let needed = match kind.is_file() {
            true => self.table.contains(path) || place == left_control_file(self.layout.data),
            false => {
                path == Path::new(LOST_AND_FOUND)
                    || self.layout.leads_to_a_tablespace(&place)
                    || (known && of_tablespace && kind.is_symlink())
            }
        };
        if needed {
            return Ok(());
        }
        if kind.is_dir() && is_mount_point(&place) {
            tracing::warn!(
                "{place:?} is left as it is: it is not in the backup, and a mount point"
            );
            return Ok(());
        }
        if let (true, Ok(target)) = (kind.is_symlink() && known, fs::read_link(&place)) {
            tracing::warn!(
                "{place:?} led to {target:?}, which is left as it is: the files go into the directory itself"
            );
        }
        tracing::debug!("removing {place:?}: it is not in the backup");
        durable::remove_all(&place)
    }
}

fn entries(folder: &Path) -> Result<Vec<DirEntry>> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect);
    entries.map_err(|error| Error::file("read folder", folder, &error))
}

/// Keeps the files that are there and are, by length and checksum, what the manifest says.
pub(super) fn keep(
    layout: &Layout<'_>,
    table: &FileTable<'_>,
    threads: NonZeroUsize,
) -> Result<()> {
    let buffer = || vec![0; BUFFER_BYTES];
    Workers::default().run(threads, table.files.len(), buffer, |buffer, index| {
        let file = &table.files[index];
        // What is written last, or in another way than the backup has it, is not kept.
        let held = HELD.iter().any(|held| file.path.as_os_str() == *held);
        if !held && agrees(&layout.place(&file.path)?, file, buffer) {
            table.keep(index);
        }
        Ok(())
    })
}

/// What can't be read is written anew.
fn agrees(place: &Path, file: &ManifestFile, buffer: &mut [u8]) -> bool {
    let same_length = |metadata: fs::Metadata| metadata.is_file() && metadata.len() == file.size;
    if !file.checksum.proves() || !fs::symlink_metadata(place).is_ok_and(same_length) {
        return false;
    }
    let Ok(mut content) = durable::open_to_read(place) else { return false };
    let mut hasher = file.checksum.algorithm.hasher();
    loop {
        match content.read(buffer) {
            Ok(0) => return hasher.finish() == file.checksum,
            Ok(read) => hasher.update(&buffer[..read]),
            Err(_) => return false,
        }
    }
}
