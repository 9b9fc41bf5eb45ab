//! The content of files for a restore, read from the tree of a snapshot. A file that is missing there is damage of the
//! snapshot; any other trouble is that of this host.

use std::io::{self, Read};
use std::path::Path;

use super::super::entry::Entry;
use super::super::restore::ContentSource;
use super::open_tree;
use crate::backup::damaged;
use crate::durable::Beneath;
use crate::error::{Error, Result};

/// The tree, open.
pub struct LocalContent(Beneath);

impl LocalContent {
    pub fn open(root: &Path, set: &str, id: &str) -> Result<Self> {
        open_tree(root, set, id).map(Self)
    }

    pub(super) fn tree(&self) -> &Beneath {
        &self.0
    }
}

impl ContentSource for LocalContent {
    fn open(&self, entry: &Entry) -> Result<Box<dyn Read + '_>> {
        let path = entry.path.as_bytes();
        let file = self.0.cursor().open_file(path).map_err(|error| {
            let path = self.0.shown(path);
            match error.kind() {
                io::ErrorKind::NotFound => {
                    damaged(format!("expected a file at {path:?}, found none"))
                }
                _ => Error::file("read", &path, &error),
            }
        })?;
        Ok(Box::new(file))
    }
}
