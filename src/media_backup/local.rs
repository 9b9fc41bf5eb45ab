//! Snapshots in the folder of a repository that does not encrypt, as users of `rsync --link-dest` know them: a tree
//! that can be browsed, the index beside it, and a link `latest` to the newest. A file that did not change, in content
//! or metadata, is a hard link to that of the snapshot before; where the file system has no such links, or no more for
//! this file, it is read and written once more.
//!
//! Here is where a snapshot lies, and how it is read. `snapshot` takes one, with `tree`, which keeps the files;
//! `duplicate` copies one into another repository, `removal` removes it and moves the link, and `verification` reads all of
//! it.

mod duplicate;
mod removal;
mod snapshot;
mod tree;
mod verification;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::INDEX;
use super::entry::Entry;
use super::index::IndexReader;
use super::restore::ContentSource;
use super::spool::{Spool, SpoolReader};
use crate::backup::damaged;
use crate::durable::{self, Beneath, open_to_read};
use crate::error::{Error, Result};

pub use duplicate::{CopiedFiles, TreeCopy};
pub use removal::{bytes_of_its_own, remove_snapshot};
pub use snapshot::{LocalSnapshot, TreeTaken};
pub use verification::verify_snapshot;

/// The files of the snapshot, under their full paths.
pub const TREE: &str = "tree";

/// Where the snapshots of a set lie.
pub fn set_folder(root: &Path, set: &str) -> PathBuf {
    root.join("media").join(set)
}

/// Where one snapshot lies.
pub fn snapshot_folder(root: &Path, set: &str, id: &str) -> PathBuf {
    set_folder(root, set).join(id)
}

/// Opens the tree of a snapshot in a folder.
fn open_tree(root: &Path, set: &str, id: &str) -> Result<Beneath> {
    let tree = snapshot_folder(root, set, id).join(TREE);
    let opened = durable::open_below(root, &tree)?;
    opened.ok_or_else(|| Error::file("open folder", &tree, &io::ErrorKind::NotFound.into()))
}

/// Opens the index of a snapshot in a folder.
pub fn open_index(root: &Path, set: &str, id: &str) -> Result<IndexReader<SpoolReader>> {
    let path = snapshot_folder(root, set, id).join(INDEX);
    let file = open_to_read(&path).map_err(|error| Error::file("read", &path, &error))?;
    let reader = Spool::of(file).reader();
    IndexReader::open(reader).map_err(|error| error.while_doing(format!("could not use {path:?}")))
}

/// The content of files for a restore, read from the tree of a snapshot. A file that is missing there is damage of the
/// snapshot; any other trouble is that of this host.
pub struct LocalContent(Beneath);

impl LocalContent {
    pub fn open(root: &Path, set: &str, id: &str) -> Result<Self> {
        open_tree(root, set, id).map(Self)
    }

    fn tree(&self) -> &Beneath {
        &self.0
    }
}

impl ContentSource for LocalContent {
    fn open(&self, entry: &Entry) -> Result<Box<dyn Read + '_>> {
        let path = entry.path.as_bytes();
        let file = self.0.cursor().open_file(path).map_err(|error| {
            let path = self.0.shown(path);
            match error.kind() {
                io::ErrorKind::NotFound => damaged(format!("there is no file at {path:?}")),
                _ => Error::file("read", &path, &error),
            }
        })?;
        Ok(Box::new(file))
    }
}
