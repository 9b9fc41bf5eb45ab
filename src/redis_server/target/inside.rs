//! The server's folder, open. It belongs to the server's user, who may be anybody, while root may be at work here: so
//! nothing is named by its whole path, no link is followed, and owners are set on what is open.

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::FileType;

use crate::durable::{self, Beneath, NewFile, Owner, keep, names_in, set_mode_of};
use crate::error::{Error, Result};

/// Plans and manifests are far smaller.
const TEXT_BYTES_MAX: u64 = 1 << 24;

pub struct Inside(Beneath);

/// A file that is being laid down.
pub struct Laid {
    file: NewFile,
    length: u64,
}

impl Inside {
    pub fn open(dir: &Path) -> Result<Self> {
        Beneath::open(dir).map(Self)
    }

    pub fn owner(&self) -> Result<Owner> {
        self.0.owner()
    }

    fn failed(&self, verb: &str, name: &str, error: &io::Error) -> Error {
        Error::file(verb, &self.0.shown(name.as_bytes()), error)
    }

    pub fn exists(&self, name: &str) -> bool {
        self.0.cursor().stat(name.as_bytes()).is_ok()
    }

    /// Owner and mode of a file.
    pub fn file(&self, name: &str) -> Option<(Owner, u32)> {
        let stat = self.0.cursor().stat(name.as_bytes()).ok()?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        is_file.then_some((Owner { uid: stat.st_uid, gid: stat.st_gid }, stat.st_mode))
    }

    /// Owner and mode of a folder.
    pub fn folder(&self, name: &str) -> Option<(Owner, u32)> {
        let stat = self.0.cursor().stat(name.as_bytes()).ok()?;
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        is_folder.then_some((Owner { uid: stat.st_uid, gid: stat.st_gid }, stat.st_mode))
    }

    /// A text, and whose file it is, with its mode.
    pub fn read(&self, name: &str) -> Result<Option<(String, Owner, u32)>> {
        let failed = |error: io::Error| self.failed("read", name, &error);
        let file = match self.0.cursor().open_file(name.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            let found = durable::kind(&metadata);
            return Err(failed(io::Error::other(format!("expected a file, found {found}"))));
        }
        let mut text = String::new();
        file.take(TEXT_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
        let owner = Owner { uid: metadata.uid(), gid: metadata.gid() };
        Ok(Some((text, owner, metadata.mode())))
    }

    /// The names in a folder; none where there is no folder.
    pub fn names(&self, folder: &str) -> Result<Vec<String>> {
        let names = match self.0.cursor().open_folder(folder.as_bytes()).and_then(names_in) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|error| self.failed("read folder", folder, &error))?,
        };
        Ok(names.into_iter().filter_map(|(name, _)| String::from_utf8(name).ok()).collect())
    }

    /// Makes a folder for `owner`, if there is none.
    pub fn make_folder(&self, name: &str, owner: Owner) -> Result<()> {
        let mut cursor = self.0.cursor();
        match cursor.make_folder(name.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(|error| self.failed("create folder", name, &error))?,
        }
        let opened = cursor.open_folder(name.as_bytes());
        let opened = opened.map_err(|error| self.failed("open folder", name, &error))?;
        durable::give_new(&opened, owner, &self.0.shown(name.as_bytes()))
    }

    pub fn begin(&self, name: &str, mode: u32) -> Result<Laid> {
        let made = self.0.cursor().create_file(name.as_bytes());
        let file = made.map_err(|error| self.failed("create", name, &error))?;
        let set = set_mode_of(file.file(), mode);
        set.map_err(|error| self.failed("set the mode of", name, &error))?;
        Ok(Laid { file, length: 0 })
    }

    pub fn write(&self, laid: &mut Laid, name: &str, bytes: &[u8]) -> Result<()> {
        let written = laid.file.write_at(laid.length, bytes);
        written.map_err(|error| self.failed("write", name, &error))?;
        laid.length += bytes.len() as u64;
        Ok(())
    }

    /// Gives it to `owner` and makes it durable, with its name in `folder`.
    pub fn end(&self, laid: Laid, name: &str, folder: &str, owner: Owner) -> Result<()> {
        let found = Owner::of(laid.file.file());
        let found = found.map_err(|error| self.failed("look at", name, &error))?;
        // Anybody's files may have one of his other groups.
        let differs = found.uid != owner.uid
            || (found.gid != owner.gid && rustix::process::geteuid().is_root());
        if differs {
            owner.give(laid.file.file()).map_err(|error| {
                self.failed("change the owner of", name, &error).hint(
                    "Run it as root or as the server's user, so that the server can read its files.",
                )
            })?;
        }
        let synced = laid.file.file().sync_all();
        synced.map_err(|error| self.failed("sync", name, &error))?;
        laid.file.keep();
        self.sync(folder)
    }

    /// Puts a whole text in the place of what has the name, durably.
    pub fn replace(&self, name: &str, folder: &str, text: &[u8]) -> Result<()> {
        let failed = |error: io::Error| self.failed("create", name, &error);
        let mut file = self.0.cursor().begin_file(name.as_bytes()).map_err(failed)?;
        file.write_at(0, text).and_then(|()| file.file().sync_all()).map_err(failed)?;
        let base = name.rsplit('/').next().unwrap_or(name);
        file.put_in_place(base.as_bytes()).map_err(failed)?;
        self.sync(folder)
    }

    pub fn keep(&self, from: &str, to: &str) -> Result<()> {
        let kept = keep(&mut self.0.cursor(), from.as_bytes(), to.as_bytes());
        kept.map_err(|error| self.failed("keep", from, &error))
    }

    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        let renamed = self.0.cursor().rename(from.as_bytes(), to.as_bytes());
        renamed.map_err(|error| self.failed("create", to, &error))
    }

    /// Makes the names in a folder survive a power cut; the empty name is the server's folder.
    pub fn sync(&self, folder: &str) -> Result<()> {
        if folder.is_empty() {
            return self.0.sync();
        }
        let sub = self.0.cursor().sub(folder.as_bytes());
        sub.map_err(|error| self.failed("open folder", folder, &error))?.sync()
    }

    /// Removes whatever is there, if anything is.
    pub fn remove(&self, name: &str) -> Result<()> {
        let removed = self.0.cursor().remove_tree(name.as_bytes());
        removed.map_err(|error| self.failed("remove", name, &error))
    }
}
