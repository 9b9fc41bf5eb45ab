use std::fs;
use std::io;
use std::path::Path;

use super::folders::sync_folder;
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
    match fs::remove_file(target) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::file("remove", target, &error)),
    }
    sync_folder(target.parent().unwrap_or(root))?;
    let above = target.ancestors().skip(1);
    for folder in above.take_while(|folder| folder.starts_with(root) && *folder != root) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
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
