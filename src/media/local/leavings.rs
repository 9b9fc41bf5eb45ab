use std::fs;
use std::io;
use std::path::Path;

use super::{INDEX, TREE, set_folder, snapshot_folder};
use crate::backup::DESCRIPTION;
use crate::durable::{Beneath, is_temporary, remove_all, sync_folder};
use crate::error::{Error, Result};

/// Removes a snapshot, or what is left of one that was never finished; that there is none is fine. The description
/// goes first, and durably, so at no moment is there half a snapshot that counts. Files that other snapshots
/// share stay theirs.
pub fn remove_snapshot(root: &Path, set: &str, id: &str) -> Result<()> {
    let (above, folder) = (set_folder(root, set), snapshot_folder(root, set, id));
    if !folder.is_dir() {
        return Ok(());
    }
    if remove_if_there(&folder.join(DESCRIPTION))? {
        sync_folder(&folder)?;
    }
    remove_if_there(&folder.join(INDEX))?;
    let inside = Beneath::open(&folder)?;
    let removed = inside.hand().remove_tree(TREE.as_bytes());
    removed.map_err(|error| Error::file("remove", &folder.join(TREE), &error))?;
    remove_all(&folder)?;
    remove_links_of_the_dead(&above);
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true).map_err(|error| Error::file("remove", path, &error)),
    }
}

/// Links that were to become `latest` when their maker was killed.
fn remove_links_of_the_dead(set: &Path) {
    let entries = fs::read_dir(set).into_iter().flatten().flatten();
    let links = entries.filter(|entry| entry.path().is_symlink());
    for link in links.filter(|entry| is_temporary(&entry.file_name())) {
        let _ = fs::remove_file(link.path());
    }
}
