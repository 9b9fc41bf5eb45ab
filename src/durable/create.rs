use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, fchown};
use std::path::Path;

use super::folders::sync_folder;
use super::temporary::Temporary;
use crate::error::{Error, Result};

/// Creates a file with this content, mode and group; false when there is one, which stays as it is. When it
/// returns, the file survives a power cut. Its folder must exist.
pub fn create_new(path: &Path, content: &[u8], mode: u32, group: Option<u32>) -> Result<bool> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut temporary = Temporary::create_in(folder)?;
    let file = temporary.file();
    let mut written = || {
        file.write_all(content)?;
        if group.is_some() {
            fchown(&*file, None, group)?;
        }
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()
    };
    written().map_err(|error| Error::file("write", path, &error))?;
    let created = temporary.publish_as(path);
    if !created.map_err(|error| Error::file("create", path, &error))? {
        return Ok(false);
    }
    sync_folder(folder).map(|()| true)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_there_stays() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        assert!(create_new(&path, b"first", 0o640, None).unwrap());
        assert!(!create_new(&path, b"second", 0o600, None).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
