//! Folders opened a step at a time from a root down, so that whoever owns that root can't lead root elsewhere
//! with a link that he puts in the way.

use std::fs::DirBuilder;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, mkdirat, open, openat, statat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::beneath::Beneath;
use super::inode::{Owner, names_in};
use crate::error::{Class, Error, Result};

/// What to do where a folder is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfMissing {
    Make,
    Fail,
}

/// Opens the folders from `root` down to `folder`, both among them. Missing ones are made on request, mode 0700, and
/// not synced; what root makes belongs to the owner of `root`: users share these folders, as the one that takes
/// snapshots of media files and the one that runs PostgreSQL do. `root` itself may be new, its parent must exist: a
/// path that is missing further up is more likely a disk that is not mounted than a wish.
///
/// Below a root of somebody else no link is followed: he could turn it at any moment.
pub(super) fn descend(root: &Path, folder: &Path, missing: IfMissing) -> Result<Vec<OwnedFd>> {
    if missing == IfMissing::Make && !root.is_dir() {
        make_root(root)?;
    }
    let top = open(root, FOLDER, Mode::empty()).map_err(|error| not_opened(root, error))?;
    let owner = Owner::of(&top).map_err(|error| Error::file("look at", root, &error))?;
    let strange = owner.uid != geteuid().as_raw();
    let mut way = vec![top];
    let mut path = root.to_owned();
    let below = folder.strip_prefix(root).unwrap_or(Path::new(""));
    for name in below.components() {
        let Component::Normal(name) = name else {
            let message = format!("expected a folder below {root:?}, found {folder:?}");
            return Err(Error::new(Class::Internal, message));
        };
        path.push(name);
        let Some(here) = way.last() else { break };
        let flags = if strange { FOLDER | OFlags::NOFOLLOW } else { FOLDER };
        let next = match openat(here, name, flags, Mode::empty()) {
            Err(Errno::NOENT) if missing == IfMissing::Make => {
                make(here, name.as_bytes(), owner, &path)?
            }
            Err(error) if strange && is_link(here, name.as_bytes()) => {
                return Err(link_in_the_way(&path, root, error));
            }
            opened => opened.map_err(|error| not_opened(&path, error))?,
        };
        way.push(next);
    }
    Ok(way)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

fn make_root(root: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::file("create folder", root, &error)
                .hint("Is the disk mounted? The folder above it must exist."))
        }
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::file("create folder", root, &error))
        }
        _ => Ok(()),
    }
}

/// Makes a folder, or takes the one that somebody made in the same moment.
fn make(above: &OwnedFd, name: &[u8], owner: Owner, path: &Path) -> Result<OwnedFd> {
    let made = match mkdirat(above, name, Mode::RWXU) {
        Err(Errno::EXIST) => false,
        made => made.map(|()| true).map_err(|error| not_made(path, error))?,
    };
    let opened = openat(above, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
    let folder = opened.map_err(|error| not_opened(path, error))?;
    if made {
        give_new(&folder, owner, path)?;
    }
    Ok(folder)
}

/// Gives a folder that root has just made to somebody. By now he may have put another one in its place: only one
/// that is root's and empty is given.
pub fn give_new(folder: &OwnedFd, owner: Owner, path: &Path) -> Result<()> {
    let failed = |error: io::Error| Error::file("change the owner of", path, &error);
    let found = Owner::of(folder).map_err(failed)?;
    if !geteuid().is_root() || found == owner || found.uid != 0 {
        return Ok(());
    }
    if !names_in(folder).map_err(failed)?.is_empty() {
        return Ok(());
    }
    owner.give(folder).map_err(failed)
}

/// Whose a new folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderOwner {
    /// The owner's of the root above.
    Shared,
    Ours,
}

/// Makes a folder below `root`, whose parent must exist; `None` when there is one. Not synced.
pub fn new_folder(root: &Path, folder: &Path, owner: FolderOwner) -> Result<Option<Beneath>> {
    let above = folder.parent().unwrap_or(root);
    let way = descend(root, above, IfMissing::Fail)?;
    let name = folder.file_name().unwrap_or_default().as_bytes();
    let (Some(top), Some(here)) = (way.first(), way.last()) else { return Ok(None) };
    match mkdirat(here, name, Mode::RWXU) {
        Err(Errno::EXIST) => return Ok(None),
        made => made.map_err(|error| not_made(folder, error))?,
    }
    let opened = openat(here, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
    let made = opened.map_err(|error| not_opened(folder, error))?;
    if owner == FolderOwner::Shared {
        let owner = Owner::of(top).map_err(|error| Error::file("look at", root, &error))?;
        give_new(&made, owner, folder)?;
    }
    Ok(Some(Beneath::of(made, folder)))
}

/// Opens a folder below `root` for work in it; `None` when that folder does not exist.
pub fn open_below(root: &Path, folder: &Path) -> Result<Option<Beneath>> {
    match descend(root, folder, IfMissing::Fail) {
        Err(_) if is_gone(folder) => Ok(None),
        way => Ok(way?.pop().map(|opened| Beneath::of(opened, folder))),
    }
}

/// Gives a folder below `root` to the owner of that, as it should have been from the beginning. `false` where it holds
/// something, or is a third one's: then it may be another folder than the one that is meant.
pub fn give_below(root: &Path, folder: &Path) -> Result<bool> {
    if is_gone(folder) {
        return Ok(true);
    }
    let way = descend(root, folder, IfMissing::Fail)?;
    let (Some(top), Some(here)) = (way.first(), way.last()) else { return Ok(true) };
    let look = |folder| Owner::of(folder).map_err(|error| Error::file("look at", root, &error));
    let owner = look(top)?;
    give_new(here, owner, folder)?;
    Ok(look(here)? == owner)
}

pub(super) fn is_gone(folder: &Path) -> bool {
    std::fs::symlink_metadata(folder).is_err_and(|it| it.kind() == io::ErrorKind::NotFound)
}

fn is_link(above: impl AsFd, name: &[u8]) -> bool {
    statat(above, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

fn link_in_the_way(path: &Path, root: &Path, error: Errno) -> Error {
    Error::file("open folder", path, &error.into()).hint(format!(
        "It is a link, and {root:?} belongs to another user, who could lead it anywhere: put a folder there, or run \
         this as that user."
    ))
}

fn not_made(path: &Path, error: Errno) -> Error {
    Error::file("create folder", path, &error.into())
}

fn not_opened(path: &Path, error: Errno) -> Error {
    Error::file("open folder", path, &error.into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, chown, symlink};

    use super::*;

    #[test]
    fn a_link_in_a_repository_of_somebody_else_is_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let [root, elsewhere] = ["repository", "elsewhere"].map(|name| place.path().join(name));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, root.join("a")).unwrap();
        // One's own links lead where one wants them to.
        assert_eq!(descend(&root, &root.join("a/b"), IfMissing::Make).unwrap().len(), 3);
        fs::remove_dir(elsewhere.join("b")).unwrap();
        if !geteuid().is_root() {
            return;
        }
        chown(&root, Some(4321), Some(4322)).unwrap();
        let error = descend(&root, &root.join("a/b"), IfMissing::Make).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "could not open folder {:?}: Not a directory (os error 20). HINT: It is a link, and {root:?} \
                 belongs to another user, who could lead it anywhere: put a folder there, or run this as that user.",
                root.join("a")
            )
        );
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
        descend(&root, &root.join("c/d"), IfMissing::Make).unwrap();
        for path in ["c", "c/d"] {
            let metadata = fs::metadata(root.join(path)).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (4321, 4322), "{path}");
        }
    }

    /// Between its making and its opening the owner of the repository can put another folder of root's there.
    #[test]
    fn only_a_new_folder_is_given_away() {
        if !geteuid().is_root() {
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let other = Owner { uid: 4321, gid: 4322 };
        for (name, file) in [("new", false), ("old", true)] {
            let path = place.path().join(name);
            fs::create_dir(&path).unwrap();
            if file {
                fs::write(path.join("file"), "").unwrap();
            }
            let folder = open(&path, FOLDER, Mode::empty()).unwrap();
            give_new(&folder, other, &path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().uid() == 0, file, "{name}");
        }
    }
}
