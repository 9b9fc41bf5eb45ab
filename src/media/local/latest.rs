use std::os::unix::fs::symlink;
use std::path::Path;

use super::TREE;
use crate::durable::{self, is_temporary};
use crate::error::{Error, Result};

/// The link to the newest tree, beside the snapshots of a set.
pub const LATEST: &str = "latest";

/// Points the link to the tree of a snapshot. At no moment is there none.
pub fn point_to(set: &Path, id: &str) -> Result<()> {
    let (link, new) = (set.join(LATEST), set.join(format!(".seawall-tmp-{LATEST}-{id}")));
    debug_assert!(new.file_name().is_some_and(is_temporary), "prune must know it");
    // Of somebody who was killed here.
    let _ = durable::remove_all(&new);
    let made = symlink(Path::new(id).join(TREE), &new);
    made.map_err(|error| Error::file("create link", &new, &error))?;
    durable::hand_over(&new, &link)?;
    durable::sync_folder(set)
}
