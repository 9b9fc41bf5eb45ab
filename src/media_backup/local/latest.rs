//! The link `latest` to the newest tree of a set. A new link is made and renamed over the old one, so at no moment is
//! there none.

use std::path::Path;

use super::{TREE, set_folder};
use crate::backup::DESCRIPTION;
use crate::durable::{self, DirCursor, is_temporary, names_in};
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

/// Before a snapshot goes: where the link leads to this one, it leads to the newest other tree that is described, or
/// goes as well, so that nobody who browses meets a link to nothing.
pub fn lead_away_from(root: &Path, set: &str, id: &str) -> Result<()> {
    let above = set_folder(root, set);
    let Some(folder) = durable::open_below(root, &above)? else { return Ok(()) };
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
        Some(newest) => point_to(root, set, newest),
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
