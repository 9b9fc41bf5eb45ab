//! Removing a snapshot from a folder, whole or never finished, and measuring what goes with it. The description goes
//! first, and durably, so at no moment is there half a snapshot that counts. Files that other snapshots share stay
//! theirs.
//!
//! The link `latest` to the newest tree of a set leads elsewhere before that. A new link is made and renamed over the old
//! one, so at no moment is there none.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::FileType;

use super::super::INDEX;
use super::{TREE, set_folder, snapshot_folder};
use crate::backup::DESCRIPTION;
use crate::durable::{DirCursor, is_temporary, names_in, open_below};
use crate::error::{Error, Result};

/// Removes a snapshot, or what is left of one that was never finished; that there is none is fine.
pub fn remove_snapshot(root: &Path, set: &str, id: &str) -> Result<()> {
    lead_latest_away_from(root, set, id)?;
    let (above, folder) = (set_folder(root, set), snapshot_folder(root, set, id));
    let Some(inside) = open_below(root, &folder)? else { return Ok(()) };
    let mut cursor = inside.cursor();
    if remove_if_there(&mut cursor, DESCRIPTION)? {
        inside.sync()?;
    }
    remove_if_there(&mut cursor, INDEX)?;
    let removed = cursor.remove_tree(TREE.as_bytes());
    removed.map_err(|error| Error::file("remove", &folder.join(TREE), &error))?;
    let Some(set) = open_below(root, &above)? else { return Ok(()) };
    let removed = set.cursor().remove_tree(id.as_bytes());
    removed.map_err(|error| Error::file("remove", &folder, &error))?;
    remove_links_of_the_dead(&mut set.cursor());
    Ok(())
}

/// How many bytes of the file system go with a snapshot: files that have no other link.
pub fn bytes_of_its_own(folder: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            bytes += bytes_of_its_own(&entry.path());
        } else if metadata.nlink() == 1 {
            bytes += metadata.blocks() * 512;
        }
    }
    bytes
}

fn remove_if_there(cursor: &mut DirCursor<'_>, name: &str) -> Result<bool> {
    match cursor.remove(name.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed
            .map(|()| true)
            .map_err(|error| Error::file("remove", &cursor.shown(name.as_bytes()), &error)),
    }
}

/// Links that were to become `latest` when their maker was killed.
fn remove_links_of_the_dead(set: &mut DirCursor<'_>) {
    let names = set.open_folder(b"").and_then(names_in).unwrap_or_default();
    for (name, _) in names.iter().filter(|(name, _)| is_temporary(OsStr::from_bytes(name))) {
        let stat = set.stat(name);
        if stat.is_ok_and(|it| FileType::from_raw_mode(it.st_mode) == FileType::Symlink) {
            let _ = set.remove(name);
        }
    }
}

/// The link to the newest tree, beside the snapshots of a set.
pub(super) const LATEST: &str = "latest";

/// Points the link of a set to the tree of a snapshot.
pub(crate) fn point_latest_to(root: &Path, set: &str, id: &str) -> Result<()> {
    let above = set_folder(root, set);
    let new = format!(".seawall-tmp-{LATEST}-{id}");
    debug_assert!(is_temporary(new.as_ref()), "prune must know it");
    let Some(folder) = open_below(root, &above)? else { return Ok(()) };
    let mut cursor = folder.cursor();
    // Of somebody who was killed here.
    let _ = cursor.remove(new.as_bytes());
    let target = format!("{id}/{TREE}");
    let made = cursor.make_link(new.as_bytes(), target.as_bytes());
    made.map_err(|error| Error::file("create link", &above.join(&new), &error))?;
    let named = cursor.rename(new.as_bytes(), LATEST.as_bytes());
    named.map_err(|error| Error::file("create link", &above.join(LATEST), &error))?;
    folder.sync()
}

/// Before a snapshot goes: where the link leads to this one, it leads to the newest other tree that is described, or
/// goes as well, so that nobody who browses meets a link to nothing.
fn lead_latest_away_from(root: &Path, set: &str, id: &str) -> Result<()> {
    let above = set_folder(root, set);
    let Some(folder) = open_below(root, &above)? else { return Ok(()) };
    let mut cursor = folder.cursor();
    let here = format!("{id}/{TREE}");
    if cursor.read_link(LATEST.as_bytes()).ok().as_deref() != Some(here.as_bytes()) {
        return Ok(());
    }
    let names = cursor.open_folder(b"").and_then(names_in);
    let names = names.map_err(|error| Error::file("read folder", &above, &error))?;
    let names = names.into_iter().filter_map(|(name, _)| String::from_utf8(name).ok());
    let mut others: Vec<String> = names.filter(|name| name != id && name != LATEST).collect();
    others.sort_unstable();
    match others.iter().rev().find(|name| is_whole(&mut cursor, name)) {
        Some(newest) => point_latest_to(root, set, newest),
        None => {
            let removed = cursor.remove(LATEST.as_bytes());
            removed.map_err(|error| Error::file("remove", &above.join(LATEST), &error))?;
            folder.sync()
        }
    }
}

fn is_whole(cursor: &mut DirCursor<'_>, id: &str) -> bool {
    [DESCRIPTION, TREE].iter().all(|name| cursor.stat(format!("{id}/{name}").as_bytes()).is_ok())
}
