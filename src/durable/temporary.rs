//! Files that are written under a name of their own and then take the place of another, or a name that is free: readers
//! meet the old content or the new, and a writer that dies leaves nothing that anybody takes for whole.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, open, openat, renameat, renameat_with,
    unlinkat,
};
use rustix::io::Errno;

use super::abandoned::{PREFIX, hold, remove_abandoned_files};
use super::descent::{IfMissing, descend};
use super::folders::{open_folder, sync_folder};
use crate::error::{Error, Result};
use crate::failpoint;

/// A file that is being written, mode 0600, under a name that nothing else uses. It is removed when
/// dropped, unless it was published. Its writer holds a lock on it for as long as it lives: that is how
/// the next run tells the leavings of a dead process from the work of a living one, also from another
/// host on a shared file system.
///
/// Its folder is open, and it is named in there: whoever owns the folder above can lead nothing elsewhere.
pub struct Temporary {
    file: File,
    folder: OwnedFd,
    name: String,
    /// It has a name of its own now, or another file has ours.
    named: bool,
}

impl Temporary {
    pub fn create_in(folder: &Path) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = open(folder, flags, Mode::empty());
        let failed = |error: Errno| Error::file("create a file in", folder, &error.into());
        Self::create_at(opened.map_err(failed)?, folder)
    }

    /// In a folder that is open. `shown` is its path, for messages.
    pub(super) fn create_at(folder: OwnedFd, shown: &Path) -> Result<Self> {
        let failed = |error: io::Error| Error::file("create a file in", shown, &error);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        loop {
            let name = new_name();
            let file = match openat(&folder, &name, flags, Mode::RUSR | Mode::WUSR) {
                Err(Errno::EXIST) => continue,
                opened => File::from(opened.map_err(|error| failed(error.into()))?),
            };
            if hold(&file).map_err(failed)? {
                return Ok(Self { file, folder, name, named: false });
            }
        }
    }

    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Puts the file in the place of whatever is at `target`. Atomic, but not synced: for files that
    /// can be had again, such as a segment on its way into a data directory.
    pub fn replace(mut self, target: &Path) -> Result<()> {
        let replaced = renameat(&self.folder, &self.name, CWD, target);
        replaced.map_err(|error| Error::file("create", target, &error.into()))?;
        self.named = true;
        Ok(())
    }

    /// Gives the file the name `target`, or says that the name is taken; what is there stays.
    pub(super) fn publish_as(mut self, target: &Path) -> io::Result<bool> {
        self.publish_at(CWD, target.as_os_str())
    }

    /// The same in a folder that is open. (`renameat2(RENAME_NOREPLACE)`, or `link` where the file system does not
    /// know that; [`io::ErrorKind::Unsupported`] where it knows neither.)
    pub(super) fn publish_at(&mut self, folder: impl AsFd, name: &OsStr) -> io::Result<bool> {
        let folder = folder.as_fd();
        let renamed = renameat_with(&self.folder, &self.name, folder, name, RenameFlags::NOREPLACE);
        let published = match renamed {
            Err(Errno::NOSYS | Errno::INVAL) => {
                // The first name goes with us.
                match linkat(&self.folder, &self.name, folder, name, AtFlags::empty()) {
                    // `link(2)`: EPERM says that the file system has none.
                    Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                        return Err(io::ErrorKind::Unsupported.into());
                    }
                    linked => linked,
                }
            }
            renamed => {
                self.named = renamed.is_ok();
                renamed
            }
        };
        match published {
            Err(Errno::EXIST) => Ok(false),
            published => Ok(published.map(|()| true)?),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.named {
            let _ = unlinkat(&self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// One that no other process, here or on another host, has just now.
fn new_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{PREFIX}{:x}-{:x}-{number:x}", std::process::id(), since.as_nanos())
}

/// Puts `content` in the place of `target`: whole or not at all, but not synced. For notes that may be
/// lost.
pub fn replace(target: &Path, content: &[u8]) -> Result<()> {
    replacement(target, content)?.replace(target)
}

/// The same for a note that has to survive a power cut, as well as anything can that is replaced: it is this one or
/// the one before.
pub fn replace_synced(target: &Path, content: &[u8]) -> Result<()> {
    let mut temporary = replacement(target, content)?;
    let synced = temporary.file().sync_all();
    synced.map_err(|error| Error::file("sync", target, &error))?;
    temporary.replace(target)?;
    sync_folder(target.parent().unwrap_or(Path::new(".")))
}

/// The same with a mode of its own for the file, unless there is one already: that keeps its mode.
pub fn replace_with_mode(target: &Path, content: &[u8], mode: u32) -> Result<()> {
    let mode = fs::metadata(target).map_or(mode, |there| there.mode() & 0o777);
    let mut temporary = replacement(target, content)?;
    let set = temporary.file().set_permissions(Permissions::from_mode(mode));
    set.map_err(|error| Error::file("set the mode of", target, &error))?;
    temporary.replace(target)
}

/// The same for a file that everybody may read (0644), such as what a monitoring agent collects.
pub fn replace_for_all(target: &Path, content: &[u8]) -> Result<()> {
    let mut temporary = replacement(target, content)?;
    let set = temporary.file().set_permissions(Permissions::from_mode(0o644));
    set.map_err(|error| Error::file("write", target, &error))?;
    temporary.replace(target)
}

fn replacement(target: &Path, content: &[u8]) -> Result<Temporary> {
    // A bare name has an empty folder before it.
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut temporary = Temporary::create_in(folder.unwrap_or(Path::new(".")))?;
    let written = temporary.file().write_all(content);
    written.map_err(|error| Error::file("write", target, &error))?;
    failpoint::reach("local.replacement-written");
    Ok(temporary)
}

/// Gives a whole file that lies elsewhere on the same file system the name `target`, in the place of
/// whatever is there. Atomic, but not synced, as with [`Temporary::replace`].
#[allow(clippy::disallowed_methods, reason = "this is the safe one")]
pub fn hand_over(from: &Path, target: &Path) -> Result<()> {
    fs::rename(from, target).map_err(|error| Error::file("create", target, &error))
}

/// Removes temporary files whose writer is dead. What cannot be looked at stays: it does no harm.
pub fn remove_abandoned(folder: &Path) {
    if let Ok(folder) = open_folder(folder) {
        let _ = remove_abandoned_files(&folder);
    }
}

/// The same in a folder of a repository.
pub fn remove_abandoned_below(root: &Path, folder: &Path) {
    if let Ok(way) = descend(root, folder, IfMissing::Fail)
        && let Some(folder) = way.last()
    {
        let _ = remove_abandoned_files(folder);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_file_for_all_is_replaced_as_a_whole() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("seawall.prom");
        for content in ["old and long", "new"] {
            replace_for_all(&target, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), content);
        }
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_replacement_has_the_mode_that_was_there() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("page.html");
        let mode = || fs::metadata(&target).unwrap().mode() & 0o777;
        replace_with_mode(&target, b"one", 0o640).unwrap();
        assert_eq!(mode(), 0o640);
        fs::set_permissions(&target, Permissions::from_mode(0o644)).unwrap();
        replace_with_mode(&target, b"two", 0o640).unwrap();
        assert_eq!((mode(), fs::read(&target).unwrap()), (0o644, b"two".to_vec()));
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    /// Whoever owns the folder may put anything there.
    #[test]
    fn what_is_no_file_is_neither_waited_for_nor_followed() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(format!("{PREFIX}{name}"));
        let elsewhere = place.path().join("elsewhere");
        fs::write(&elsewhere, "x").unwrap();
        std::os::unix::fs::symlink(&elsewhere, path("link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path("device")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, path("fifo"), fifo, 0o600.into(), 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        remove_abandoned(place.path());
        for name in ["link", "device", "folder", "fifo", "socket"] {
            assert!(fs::symlink_metadata(path(name)).is_ok(), "{name}");
        }
        assert!(elsewhere.exists());
    }

    /// Between its creation and its lock a file looks like one that a dead process has left.
    #[test]
    fn what_a_living_writer_begins_is_never_removed() {
        let place = tempfile::tempdir().unwrap();
        let (done, mut gone) = (AtomicBool::new(false), 0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        remove_abandoned(place.path());
                    }
                });
            }
            for _ in 0..100 {
                let begin = || Temporary::create_in(place.path()).unwrap();
                let alive: Vec<_> = std::iter::repeat_with(begin).take(20).collect();
                // Whoever is about to remove one has had its time.
                std::thread::sleep(Duration::from_millis(2));
                let there = |one: &Temporary| place.path().join(&one.name).exists();
                gone += alive.iter().filter(|one| !there(one)).count();
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(gone, 0);
    }

    #[test]
    fn only_files_without_a_living_writer_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let alive = Temporary::create_in(place.path()).unwrap();
        let dead = place.path().join(format!("{PREFIX}dead"));
        let foreign = place.path().join("000000010000000000000001.zst");
        fs::write(&dead, "x").unwrap();
        fs::write(&foreign, "x").unwrap();
        remove_abandoned(place.path());
        let path = place.path().join(&alive.name);
        assert!(path.exists() && foreign.exists() && !dead.exists());
        drop(alive);
        assert!(!path.exists());
    }
}
