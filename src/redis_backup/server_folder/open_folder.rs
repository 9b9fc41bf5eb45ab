//! The server's folder, open, and whether a server works in it.
//!
//! It belongs to the server's user, who may be anybody, while root may be at work here: so nothing is named by
//! its whole path, no link is followed, and owners are set on what is open.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::FileType;

use crate::durable::{self, Beneath, NewFile, Owner, keep, names_in, set_mode_of};
use crate::error::{Error, Result};

/// Plans and manifests are far smaller.
const TEXT_BYTES_MAX: u64 = 1 << 24;

pub(super) struct ServerFolder(Beneath);

/// A file that is being laid down.
pub(super) struct FileInProgress {
    file: NewFile,
    length: u64,
}

impl ServerFolder {
    pub(super) fn open(dir: &Path) -> Result<Self> {
        Beneath::open(dir).map(Self)
    }

    pub(super) fn owner(&self) -> Result<Owner> {
        self.0.owner()
    }

    fn failed(&self, verb: &str, name: &str, error: &io::Error) -> Error {
        Error::file(verb, &self.0.shown(name.as_bytes()), error)
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        self.0.cursor().stat(name.as_bytes()).is_ok()
    }

    /// Owner and mode of a file.
    pub(super) fn file(&self, name: &str) -> Option<(Owner, u32)> {
        let stat = self.0.cursor().stat(name.as_bytes()).ok()?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        is_file.then_some((Owner { uid: stat.st_uid, gid: stat.st_gid }, stat.st_mode))
    }

    /// Owner and mode of a folder.
    pub(super) fn folder(&self, name: &str) -> Option<(Owner, u32)> {
        let stat = self.0.cursor().stat(name.as_bytes()).ok()?;
        let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        is_folder.then_some((Owner { uid: stat.st_uid, gid: stat.st_gid }, stat.st_mode))
    }

    /// A text, and whose file it is, with its mode.
    pub(super) fn read(&self, name: &str) -> Result<Option<(String, Owner, u32)>> {
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
    pub(super) fn names(&self, folder: &str) -> Result<Vec<String>> {
        let names = match self.0.cursor().open_folder(folder.as_bytes()).and_then(names_in) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|error| self.failed("read folder", folder, &error))?,
        };
        Ok(names.into_iter().filter_map(|(name, _)| String::from_utf8(name).ok()).collect())
    }

    /// Makes a folder for `owner`, if there is none.
    pub(super) fn make_folder(&self, name: &str, owner: Owner) -> Result<()> {
        let mut cursor = self.0.cursor();
        match cursor.make_folder(name.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(|error| self.failed("create folder", name, &error))?,
        }
        let opened = cursor.open_folder(name.as_bytes());
        let opened = opened.map_err(|error| self.failed("open folder", name, &error))?;
        durable::give_new(&opened, owner, &self.0.shown(name.as_bytes()))
    }

    pub(super) fn begin(&self, name: &str, mode: u32) -> Result<FileInProgress> {
        let made = self.0.cursor().create_file(name.as_bytes());
        let file = made.map_err(|error| self.failed("create", name, &error))?;
        let set = set_mode_of(file.file(), mode);
        set.map_err(|error| self.failed("set the mode of", name, &error))?;
        Ok(FileInProgress { file, length: 0 })
    }

    pub(super) fn write(&self, laid: &mut FileInProgress, name: &str, bytes: &[u8]) -> Result<()> {
        let written = laid.file.write_at(laid.length, bytes);
        written.map_err(|error| self.failed("write", name, &error))?;
        laid.length += bytes.len() as u64;
        Ok(())
    }

    /// Gives it to `owner` and makes it durable, with its name in `folder`.
    pub(super) fn end(
        &self,
        laid: FileInProgress,
        name: &str,
        folder: &str,
        owner: Owner,
    ) -> Result<()> {
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
    pub(super) fn replace(&self, name: &str, folder: &str, text: &[u8]) -> Result<()> {
        let failed = |error: io::Error| self.failed("create", name, &error);
        let mut file = self.0.cursor().begin_file(name.as_bytes()).map_err(failed)?;
        file.write_at(0, text).and_then(|()| file.file().sync_all()).map_err(failed)?;
        let base = name.rsplit('/').next().unwrap_or(name);
        file.put_in_place(base.as_bytes()).map_err(failed)?;
        self.sync(folder)
    }

    pub(super) fn keep(&self, from: &str, to: &str) -> Result<()> {
        let kept = keep(&mut self.0.cursor(), from.as_bytes(), to.as_bytes());
        kept.map_err(|error| self.failed("keep", from, &error))
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        let renamed = self.0.cursor().rename(from.as_bytes(), to.as_bytes());
        renamed.map_err(|error| self.failed("create", to, &error))
    }

    /// Makes the names in a folder survive a power cut; the empty name is the server's folder.
    pub(super) fn sync(&self, folder: &str) -> Result<()> {
        if folder.is_empty() {
            return self.0.sync();
        }
        let sub = self.0.cursor().sub(folder.as_bytes());
        sub.map_err(|error| self.failed("open folder", folder, &error))?.sync()
    }

    /// Removes whatever is there, if anything is.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let removed = self.0.cursor().remove_tree(name.as_bytes());
        removed.map_err(|error| self.failed("remove", name, &error))
    }
}

/// A server that works in the folder, in words: Redis makes `dir` its working folder. A process of another
/// container has another path for it, but the same inode.
pub(super) fn server_at_work(dir: &Path, pidfile: Option<&Path>) -> Option<String> {
    let folder = identity(dir)?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let working_folder = |process: u32| identity(format!("/proc/{process}/cwd").as_ref());
    let mut servers = numbers.filter_map(|process| Some((process, server(process)?)));
    let found = servers.find(|(process, _)| working_folder(*process) == Some(folder));
    // The working folder of another user's process is not to be seen: then the file is believed.
    let (process, name) = found.or_else(|| {
        let process = fs::read_to_string(pidfile?).ok()?.trim().parse().ok()?;
        let name = server(process)?;
        working_folder(process).is_none().then_some((process, name))
    })?;
    Some(format!("{name} (process {process})"))
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The name of a process that is a server. An administrator's shell in the folder is none.
fn server(process: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    let name = name.trim();
    let like = ["redis", "valkey", "keydb"].iter().any(|product| name.contains(product));
    (like && !name.ends_with("-cli")).then(|| name.to_owned())
}
