use std::fs::File;
use std::path::Path;

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::descent::{Missing, descend, is_gone};
use crate::error::{Error, Result};

/// Removes a file, then the folders above it that are empty now, up to `root`, which stays. False when
/// there was no such file.
///
/// What has to survive a power cut is the order: the folder is synced before this returns, so of two files
/// that are removed one after the other, the second is never gone while the first is back. That the
/// empty folders are gone is not synced: one more or less means nothing.
///
/// Whoever created a folder here and has nothing in it yet may find it gone, fails and tries again.
pub fn remove(root: &Path, target: &Path) -> Result<bool> {
    let folder = target.parent().unwrap_or(root);
    let mut folders = match descend(root, folder, Missing::Fail) {
        Err(_) if is_gone(folder) => return Ok(false),
        folders => folders?,
    };
    let failed = |error: Errno| Error::file("remove", target, &error.into());
    let Some(inner) = folders.pop() else { return Ok(false) };
    match unlinkat(&inner, target.file_name().unwrap_or_default(), AtFlags::empty()) {
        Err(Errno::NOENT) => return Ok(false),
        removed => removed.map_err(failed)?,
    }
    let synced = File::from(inner).sync_all();
    synced.map_err(|error| Error::file("sync folder", folder, &error))?;
    let names = folder.ancestors().map(Path::file_name);
    for (above, name) in folders.iter().rev().zip(names) {
        let Some(name) = name else { break };
        if unlinkat(above, name, AtFlags::REMOVEDIR).is_err() {
            break;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn folders_go_with_their_last_file_and_the_root_stays() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("repository");
        let (first, second) = (root.join("a/b/c/1"), root.join("a/2"));
        fs::create_dir_all(first.parent().unwrap()).unwrap();
        fs::write(&first, "1").unwrap();
        fs::write(&second, "2").unwrap();
        assert!(remove(&root, &first).unwrap());
        assert!(!root.join("a/b").exists() && second.exists());
        assert!(!remove(&root, &first).unwrap());
        assert!(remove(&root, &second).unwrap());
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_is_no_file() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a");
        fs::create_dir(&folder).unwrap();
        let error = remove(place.path(), &folder).unwrap_err().to_string();
        assert!(error.starts_with(&format!("could not remove {folder:?}: ")), "{error}");
        assert!(folder.exists());
    }
}
