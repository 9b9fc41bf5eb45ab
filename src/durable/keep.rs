use std::io;

use super::Hand;

/// Gives a file the second name `kept`, so that it outlives what is about to take its first name. Nothing
/// happens where there is no such file, or that name is taken: by an earlier run. On file systems without
/// links it is renamed. Not synced.
pub fn keep(hand: &mut Hand<'_>, path: &[u8], kept: &[u8]) -> io::Result<()> {
    if hand.stat(kept).is_ok() {
        return Ok(());
    }
    match hand.link_beside(path, kept) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && hand.stat(path).is_err() => Ok(()),
        Err(error)
            if [io::ErrorKind::Unsupported, io::ErrorKind::PermissionDenied]
                .contains(&error.kind()) =>
        {
            hand.rename(path, kept)
        }
        linked => linked,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Beneath;
    use super::*;

    #[test]
    fn a_file_is_kept_once() {
        let place = tempfile::tempdir().unwrap();
        let [path, kept] = ["file", "kept"].map(|name| place.path().join(name));
        let folder = Beneath::open(place.path()).unwrap();
        let keep = || keep(&mut folder.hand(), b"file", b"kept").unwrap();
        keep();
        assert!(!kept.exists());
        fs::write(&path, "old").unwrap();
        keep();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "new").unwrap();
        keep();
        assert_eq!(fs::read_to_string(&kept).unwrap(), "old");
    }
}
