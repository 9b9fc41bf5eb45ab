//! The link `latest` to the newest tree of a set. A new link is made and renamed over the old one, so at no moment is
//! there none.

use std::path::Path;

use super::{TREE, set_folder};
use crate::durable::{self, is_temporary};
use crate::error::{Error, Result};

/// The link to the newest tree, beside the snapshots of a set.
pub const LATEST: &str = "latest";

/// Points the link of a set to the tree of a snapshot.
pub fn point_to(root: &Path, set: &str, id: &str) -> Result<()> {
    let above = set_folder(root, set);
    let new = format!(".seawall-tmp-{LATEST}-{id}");
    debug_assert!(is_temporary(new.as_ref()), "prune must know it");
    let Some(folder) = durable::open_below(root, &above)? else { return Ok(()) };
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
