//! Gives the folders of a new tree their owners, modes and times, which the index tells. That comes last, because each
//! file that is put into a folder changes its time. Until then no other user may enter a folder.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::super::entry::{Entry, Metadata};
use super::super::index::IndexReader;
use super::super::nested::Nested;
use crate::durable::{Beneath, DirCursor, Owner, open_to_read, set_mode_of, set_mtime, set_xattr};
use crate::error::{Error, Result};

/// Each when nothing comes into it any more, the inner ones first. Returns their paths if asked for.
pub fn settle(tree: &Beneath, index: &Path, tell: bool) -> Result<Vec<PathBuf>> {
    let file = open_to_read(index).map_err(|error| Error::file("read", index, &error))?;
    let mut reader = IndexReader::open(file)?;
    let (mut nested, mut cursor) = (Nested::default(), tree.cursor());
    let mut folders = Vec::new();
    let mut done = |folder: Vec<u8>, metadata: &Metadata| {
        if tell {
            folders.push(tree.shown(&folder));
        }
        let dressed = dress(&mut cursor, &folder, metadata);
        dressed.map_err(|error| {
            Error::file("set owner, mode and time of", &tree.shown(&folder), &error)
        })
    };
    while let Some(entry) = reader.next_entry()? {
        for (folder, metadata) in nested.advance(entry.path.as_bytes()) {
            done(folder, &metadata)?;
        }
        if entry.is_directory() {
            let Entry { path, metadata, .. } = entry;
            nested.push(path.as_bytes(), metadata);
        }
    }
    for (folder, metadata) in nested.finish() {
        done(folder, &metadata)?;
    }
    Ok(folders)
}

fn dress(cursor: &mut DirCursor<'_>, path: &[u8], metadata: &Metadata) -> std::io::Result<()> {
    let folder: OwnedFd = cursor.open_folder(path)?;
    for (name, value) in metadata.xattrs.iter().filter(|(name, _)| name.starts_with("user.")) {
        let _ = set_xattr(&folder, name.as_bytes(), value);
    }
    if rustix::process::geteuid().is_root() {
        Owner { uid: metadata.uid, gid: metadata.gid }.give_where_possible(&folder)?;
    }
    set_mode_of(&folder, folder_mode(metadata.mode))?;
    set_mtime(&folder, metadata.mtime.parts())
}

/// The mode of a folder in the tree: who owns the repository can list it, and remove it one day.
fn folder_mode(mode: u32) -> u32 {
    mode & 0o777 | 0o700
}
