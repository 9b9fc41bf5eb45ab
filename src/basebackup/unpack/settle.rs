//! What comes after all parts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::lay::{HeldFile, TABLESPACE_MAP, Unpacking};
use super::layout::Layout;
use super::target::{CONTROL_FILE, unfinished};
use crate::backup::damaged;
use crate::durable::{self, Bulk, LaidFile};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::postgres::{BackupManifest, TablespaceMap};

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
        durable::hand_over(&unfinished(&self.data), &self.data.join(CONTROL_FILE))?;
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
        Error::new(Class::Internal, format!("{CONTROL_FILE} counts as laid down, but is not there"))
    })?;
    let manifest = match laying.take_held(TABLESPACE_MAP) {
        None => manifest,
        Some(map) => lay_tablespace_map(layout, &map, manifest)?,
    };
    failpoint::reach("restore.map-laid");
    lay(data.join(MANIFEST), control_file.mode, &manifest)?;
    failpoint::reach("restore.manifest-laid");
    let place = unfinished(data);
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
