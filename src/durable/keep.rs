use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use super::hand_over;
use crate::error::{Error, Result};

/// Gives a file the second name `kept`, so that it outlives what is about to take its first name. Nothing
/// happens where there is no such file, or that name is taken: by an earlier run. On file systems without
/// links it is renamed. Not synced.
#[allow(clippy::disallowed_methods, reason = "this is the safe one")]
pub fn keep(path: &Path, kept: &Path) -> Result<()> {
    if fs::symlink_metadata(kept).is_ok() {
        return Ok(());
    }
    match fs::hard_link(path, kept) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !path.exists() => Ok(()),
        Err(error)
            if [io::ErrorKind::Unsupported, io::ErrorKind::PermissionDenied]
                .contains(&error.kind()) =>
        {
            hand_over(path, kept)
        }
        linked => linked.map_err(|error| Error::file("keep", path, &error)),
    }
}

/// Makes a file or folder belong to the one that `like` belongs to.
pub fn give_to_owner_of(like: &Path, path: &Path) -> Result<()> {
    let owner = |path: &Path| {
        let metadata = fs::metadata(path).map_err(|error| Error::file("look at", path, &error))?;
        Ok((metadata.uid(), metadata.gid()))
    };
    let (wanted, found) = (owner(like)?, owner(path)?);
    if wanted.0 == found.0 && (wanted.1 == found.1 || !rustix::process::geteuid().is_root()) {
        return Ok(());
    }
    let given = chown(path, Some(wanted.0), Some(wanted.1));
    given.map_err(|error| Error::file("change the owner of", path, &error))
}

/// Makes what root has just created below `root` belong to the owner of that, so that he can read it and write
/// beside it. What anybody else creates is his own.
pub fn share(root: &Path, path: &Path) -> Result<()> {
    if rustix::process::geteuid().is_root() { give_to_owner_of(root, path) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_kept_once() {
        let place = tempfile::tempdir().unwrap();
        let [path, kept] = ["file", "kept"].map(|name| place.path().join(name));
        keep(&path, &kept).unwrap();
        assert!(!kept.exists());
        fs::write(&path, "old").unwrap();
        keep(&path, &kept).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "new").unwrap();
        keep(&path, &kept).unwrap();
        assert_eq!(fs::read_to_string(&kept).unwrap(), "old");
    }

    /// Root can give it away; who can't is told.
    #[test]
    fn a_file_gets_the_owner_of_another() {
        let place = tempfile::tempdir().unwrap();
        let [like, path] = ["like", "file"].map(|name| place.path().join(name));
        fs::write(&path, "").unwrap();
        if rustix::process::geteuid().is_root() {
            fs::write(&like, "").unwrap();
            chown(&like, Some(4321), Some(4322)).unwrap();
            give_to_owner_of(&like, &path).unwrap();
            let given = fs::metadata(&path).unwrap();
            assert_eq!((given.uid(), given.gid()), (4321, 4322));
            chown(&like, Some(4321), Some(4323)).unwrap();
            share(&like, &path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().gid(), 4323);
        } else {
            let error = give_to_owner_of(Path::new("/"), &path).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("could not change the owner of {path:?}: ")),
                "{error}"
            );
            share(Path::new("/"), &path).unwrap();
        }
    }
}
