use std::fs;
use std::io;
use std::ops::ControlFlow;

use jiff::Timestamp;

use super::LocalStorage;
use crate::error::{Error, Result};
use crate::storage::Listed;

impl LocalStorage {
    /// Visits `folder` (empty or ending in `/`) and what is below it, in byte order of whole keys.
    pub(super) fn walk(
        &self,
        folder: &str,
        prefix: &str,
        after: &str,
        visit: &mut dyn FnMut(Listed<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        for key in self.sorted_entries(folder)? {
            if let Some(below) = key.strip_suffix('/') {
                let of_interest = key.starts_with(prefix) || prefix.starts_with(&key);
                let done = !after.starts_with(&key) && key.as_str() < after;
                if of_interest
                    && !done
                    && self.walk(&format!("{below}/"), prefix, after, visit)?.is_break()
                {
                    return Ok(ControlFlow::Break(()));
                }
            } else if key.starts_with(prefix)
                && key.as_str() > after
                && let Some((size, created)) = self.facts_of(&key)?
                && visit(Listed { key: &key, size, created }).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// `None` when it was deleted since its folder was read. A link that leads nowhere just now is there all
    /// the same: a listing that passed it over would hide a gap in the WAL.
    fn facts_of(&self, key: &str) -> Result<Option<(u64, Option<Timestamp>)>> {
        let path = self.root.join(key);
        match fs::metadata(&path).or_else(|_| fs::symlink_metadata(&path)) {
            Ok(metadata) => {
                let written = metadata.modified().ok().and_then(|time| time.try_into().ok());
                Ok(Some((metadata.len(), written)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("look at", &path, &error)),
        }
    }

    /// Keys of the files, and of the folders with a `/` behind, so that they sort as keys do.
    fn sorted_entries(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.root.join(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) => return self.absent_or(&path, &error).map(|()| Vec::new()),
        };
        let mut keys = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| Error::file("read folder", &path, &error))?;
            let kind = entry.file_type().map_err(|error| Error::file("look at", &path, &error))?;
            let name = entry.file_name();
            // What is not text or begins with a dot is nothing of ours.
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            if kind.is_dir() && is_tree(folder, name) {
                continue;
            }
            keys.push(format!("{folder}{name}{}", if kind.is_dir() { "/" } else { "" }));
        }
        keys.sort_unstable();
        Ok(keys)
    }
}

/// The files of a snapshot, `media/<set>/<id>/tree/`, are no objects: their names are anything, and many.
fn is_tree(folder: &str, name: &str) -> bool {
    name == "tree" && folder.starts_with("media/") && folder.matches('/').count() == 3
}
