//! Notes of this host in a folder that nobody but its owner can write to. It is opened once, no link is followed, and all is
//! done in what is open: the folder above may belong to somebody who swaps one thing for another meanwhile.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat, fstat};

use super::abandoned::remove_abandoned_files;
use super::beneath::Beneath;
use super::inode::Owner;
use crate::error::{Class, Error, Result};

/// What others may be allowed without having a say in it.
const WRITABLE_BY_OTHERS: u32 = 0o022;

pub struct Notes {
    folder: Beneath,
    path: PathBuf,
    owner: Owner,
}

impl Notes {
    /// The folder `name` in `above`; `None` where it is not there.
    pub fn open(above: &Path, name: &str) -> Result<Option<Self>> {
        let path = above.join(name);
        match Beneath::open(above)?.cursor().sub(name.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("open folder", &path, &error)
                .hint("A folder is expected there, and no link to one.")),
            Ok(folder) => Self::checked(folder, path).map(Some),
        }
    }

    /// The same, made where it is not there: for its maker alone.
    pub fn make(above: &Path, name: &str) -> Result<Self> {
        let path = above.join(name);
        let root = Beneath::open(above)?;
        match root.cursor().make_folder(name.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                let user = Owner::ours().uid;
                let hint = format!("As root: install -d -m 700 -o {user} {}", path.display());
                return Err(Error::file("create folder", &path, &error).hint(hint));
            }
            Err(_) => {}
            Ok(()) => root.sync()?,
        }
        Self::open(above, name)?
            .ok_or_else(|| Error::file("open folder", &path, &io::ErrorKind::NotFound.into()))
    }

    /// The same for another user, who could not make it there himself. One that is there stays as it is.
    pub fn make_for(above: &Path, name: &str, owner: Owner) -> Result<()> {
        let path = above.join(name);
        if path.symlink_metadata().is_ok() {
            return Ok(());
        }
        let made = Self::make(above, name)?;
        let given = made.folder.cursor().open_folder(b"").and_then(|folder| owner.give(folder));
        given.map_err(|error| Error::file("give away", &path, &error))
    }

    fn checked(folder: Beneath, path: PathBuf) -> Result<Self> {
        let failed = |error: io::Error| Error::file("look at", &path, &error);
        let opened = folder.cursor().open_folder(b"").map_err(failed)?;
        let stat = fstat(&opened).map_err(|error| failed(error.into()))?;
        if stat.st_mode & WRITABLE_BY_OTHERS != 0 {
            let mode = stat.st_mode & 0o7777;
            let message =
                format!("expected only its owner to write to {path:?}, found mode {mode:o}");
            let hint = format!("Look who wrote what is in it, then: chmod go-w {}", path.display());
            return Err(Error::new(Class::LocalFile, message).hint(hint));
        }
        let owner = Owner { uid: stat.st_uid, gid: stat.st_gid };
        Ok(Self { folder, path, owner })
    }

    /// For messages, and for a human who is told to remove one.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Fails where another user, who is not root, can write what he likes here.
    pub fn expect_ours(&self) -> Result<()> {
        let (owner, ours) = (self.owner.uid, Owner::ours().uid);
        if owner == ours || owner == 0 {
            return Ok(());
        }
        let path = &self.path;
        let message =
            format!("expected {path:?} to belong to user {ours} or root, found user {owner}");
        Err(Error::new(Class::LocalFile, message)
            .hint("Run this as that user, or give this user a state_directory of its own."))
    }

    /// `None` where there is no such note.
    pub fn read(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>> {
        let failed = |error: &io::Error| Error::file("read", &self.path(name), error);
        let file = match self.folder.cursor().open_file(name.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| failed(&error))?,
        };
        let stat = fstat(&file).map_err(|error| failed(&error.into()))?;
        self.expect_note(&stat).map_err(|error| failed(&io::Error::other(error)))?;
        let mut content = Vec::new();
        file.take(bytes_max + 1).read_to_end(&mut content).map_err(|error| failed(&error))?;
        if content.len() as u64 > bytes_max {
            let message = format!("expected at most {bytes_max} bytes, found more");
            return Err(failed(&io::Error::other(message)));
        }
        Ok(Some(content))
    }

    fn expect_note(&self, stat: &Stat) -> Result<(), &'static str> {
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err("expected a file");
        }
        if ![Owner::ours().uid, 0, self.owner.uid].contains(&stat.st_uid) {
            return Err("it belongs to another user");
        }
        if stat.st_mode & WRITABLE_BY_OTHERS != 0 {
            return Err("others may write to it");
        }
        Ok(())
    }

    /// Puts a note in the place of the one before, durably. It belongs to the owner of the folder, who has to read it.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let write = || -> io::Result<()> {
            let mut cursor = self.folder.cursor();
            let _ = remove_abandoned_files(cursor.open_folder(b"")?);
            let file = cursor.begin_file(name.as_bytes())?;
            file.file().write_all(content)?;
            if Owner::ours().uid == 0 && self.owner.uid != 0 {
                self.owner.give(file.file())?;
            }
            file.file().sync_all()?;
            file.put_in_place(name.as_bytes())
        };
        write().map_err(|error| Error::file("write", &self.path(name), &error))?;
        self.folder.sync()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_note_is_for_its_owner_and_is_replaced_as_a_whole() {
        let place = tempfile::tempdir().unwrap();
        assert!(Notes::open(place.path(), "notes").unwrap().is_none());
        let notes = Notes::make(place.path(), "notes").unwrap();
        assert_eq!(notes.read("one", 10).unwrap(), None);
        for content in ["old and l.", "new"] {
            notes.write("one", content.as_bytes()).unwrap();
            assert_eq!(notes.read("one", 10).unwrap().unwrap(), content.as_bytes());
        }
        let metadata = |path: &str| fs::metadata(place.path().join(path)).unwrap();
        assert_eq!(metadata("notes").mode() & 0o777, 0o700);
        assert_eq!(metadata("notes/one").mode() & 0o777, 0o600);
        let error = notes.read("one", 2).unwrap_err().to_string();
        assert!(error.ends_with("expected at most 2 bytes, found more"), "{error}");
    }

    #[test]
    fn what_others_can_write_is_not_believed() {
        let place = tempfile::tempdir().unwrap();
        let notes = Notes::make(place.path(), "notes").unwrap();
        notes.write("one", b"x").unwrap();
        let file = place.path().join("notes/one");
        mode(&file, 0o620);
        let error = notes.read("one", 10).unwrap_err().to_string();
        assert!(error.ends_with("others may write to it"), "{error}");
        mode(&file, 0o600);
        fs::rename(&file, place.path().join("elsewhere")).unwrap();
        symlink(place.path().join("elsewhere"), &file).unwrap();
        assert!(notes.read("one", 10).is_err());
        // What is put there takes the place of the link, and not of what that leads to.
        notes.write("one", b"y").unwrap();
        assert_eq!(fs::read(place.path().join("elsewhere")).unwrap(), b"x");
        mode(&place.path().join("notes"), 0o770);
        let error = Notes::open(place.path(), "notes").err().unwrap().to_string();
        let folder = place.path().join("notes");
        assert_eq!(
            error,
            format!(
                "expected only its owner to write to {folder:?}, found mode 770. HINT: Look who wrote what is in it, \
                 then: chmod go-w {}",
                folder.display()
            )
        );
    }

    #[test]
    fn a_link_is_no_folder_of_notes() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("elsewhere")).unwrap();
        symlink("elsewhere", place.path().join("notes")).unwrap();
        for opened in
            [Notes::open(place.path(), "notes").err(), Notes::make(place.path(), "notes").err()]
        {
            let error = opened.unwrap().to_string();
            assert!(
                error.ends_with("HINT: A folder is expected there, and no link to one."),
                "{error}"
            );
        }
        assert_eq!(fs::read_dir(place.path().join("elsewhere")).unwrap().count(), 0);
    }

    #[test]
    fn notes_of_another_user_are_told_and_what_root_writes_is_his() {
        if Owner::ours().uid != 0 {
            return;
        }
        let place = tempfile::tempdir().unwrap();
        Notes::make(place.path(), "notes").unwrap().expect_ours().unwrap();
        chown(place.path().join("notes"), Some(4321), Some(4322)).unwrap();
        let notes = Notes::open(place.path(), "notes").unwrap().unwrap();
        let error = notes.expect_ours().unwrap_err().to_string();
        assert!(
            error.contains(" to belong to user 0 or root, found user 4321. HINT: Run this as"),
            "{error}"
        );
        notes.write("one", b"x").unwrap();
        let metadata = fs::metadata(place.path().join("notes/one")).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (4321, 4322));
    }
}
