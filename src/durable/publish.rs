//! A file gets its name once it is whole and on the disk, and never in the place of another file. This is what the
//! word "archived" rests on: `tests/suite/sync_order` watches the order of the system calls.

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};

use super::descent::{IfMissing, descend};
use super::files::open_to_read;
use super::folders::{PublishFolder, create_unsynced, sync_folder};
use super::inode::Owner;
use super::temporary::Temporary;
use crate::error::{Class, Error, Result};
use crate::failpoint;

/// Has the disk write while the next bytes are still being made; a sync at the end then waits for little. The
/// advice that the pages are not needed again starts that (`mm/fadvise.c`); refused, nothing is lost but time.
pub(super) struct Writeback {
    /// How much is written before the disk is told to begin with it, in bytes.
    every: u64,
    written: u64,
    /// Up to here the disk was told to write.
    begun: u64,
}

impl Writeback {
    /// For a file that is written from here on.
    pub(super) fn from(written: u64, every: u64) -> Self {
        Self { every, written, begun: 0 }
    }

    /// So many bytes more were written.
    pub(super) fn wrote(&mut self, file: &File, bytes: usize) {
        self.written += bytes as u64;
        let waiting = self.written - self.begun;
        if waiting >= self.every {
            let _ = fadvise(file, self.begun, NonZeroU64::new(waiting), Advice::DontNeed);
            self.begun = self.written;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    Created,
    /// The name was taken and what is there was left alone.
    Exists,
}

/// How much is written before the disk is told to begin with it.
const WRITEBACK_BYTES: u64 = 1 << 20;

const FOLDER_TRIES: u32 = 3;

/// A file on its way to a name that nobody has yet. Dropped before its end, it leaves nothing.
///
/// The order is the guarantee: content synced before it has its name, name synced before we say so.
/// Counted with strace: two syncs a file, once its folder holds one; neither can be left out.
pub struct Publication {
    temporary: Temporary,
    target: PathBuf,
    folder: PublishFolder,
    writeback: Writeback,
}

impl Publication {
    /// Begins a file for `target`, whose first `front` bytes are known last. `temporaries` is a folder on
    /// the same file system.
    pub fn begin(root: &Path, temporaries: &Path, target: &Path, front: u64) -> Result<Self> {
        let folder = PublishFolder::to(root, target.parent().unwrap_or(root))?;
        let beside = create_unsynced(root, temporaries)?;
        let mut temporary = Temporary::create_at(beside, temporaries)?;
        share(root, temporary.file(), target)?;
        failpoint::reach("local.temporary-created");
        let sought = temporary.file().seek(SeekFrom::Start(front));
        sought.map_err(|error| Error::file("write", target, &error))?;
        let (target, writeback) = (target.to_owned(), Writeback::from(front, WRITEBACK_BYTES));
        Ok(Self { temporary, target, folder, writeback })
    }

    pub fn write(&mut self, content: &[u8]) -> Result<()> {
        let written = self.temporary.file().write_all(content);
        written.map_err(|error| Error::file("write", &self.target, &error))?;
        self.writeback.wrote(self.temporary.file(), content.len());
        Ok(())
    }

    /// Both of what is left to do, see [`Publication::sync`] and [`Nameless::publish`].
    pub fn finish(self, front: &[u8]) -> Result<Published> {
        self.sync(front)?.publish()
    }

    /// Gives the file its first bytes and syncs it. What is left to do is to name it.
    pub fn sync(mut self, front: &[u8]) -> Result<Nameless> {
        let failed = |error| Error::file("write", &self.target, &error);
        self.temporary.file().write_all_at(front, 0).map_err(failed)?;
        failpoint::reach("local.temporary-written");
        let synced = self.temporary.file().sync_all();
        synced.map_err(|error| Error::file("sync", &self.target, &error))?;
        failpoint::reach("local.temporary-synced");
        let Self { temporary, target, folder, .. } = self;
        Ok(Nameless { temporary, target, folder })
    }
}

/// A file whose content is on the disk, and that has no name yet. Dropped, it leaves nothing.
pub struct Nameless {
    temporary: Temporary,
    target: PathBuf,
    folder: PublishFolder,
}

impl Nameless {
    /// Gives the file its name, never in the place of another file. When it returns, the file and its name
    /// survive a power cut.
    pub fn publish(mut self) -> Result<Published> {
        let name = self.target.file_name().unwrap_or_default().to_owned();
        let mut tries = 0;
        let (found, created) = loop {
            let found = self.folder.again()?;
            match self.temporary.publish_at(&found, &name) {
                // Somebody removed the folder since, and may have made it anew.
                Err(error) if error.kind() == ErrorKind::NotFound && tries < FOLDER_TRIES => {
                    tries += 1;
                }
                created => break (found, created),
            }
        };
        let created = created.map_err(|error| publish_failed(&self.target, &error))?;
        failpoint::reach("local.published");
        if !created {
            return Ok(Published::Exists);
        }
        self.folder.sync(&found)?;
        failpoint::reach("local.folder-synced");
        Ok(Published::Created)
    }
}

/// Makes what root has just created below `root` belong to the owner of that, so that he can read it and write
/// beside it. What anybody else creates is his own.
fn share(root: &Path, file: &File, path: &Path) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let failed = |error| Error::file("change the owner of", path, &error);
    let top = descend(root, root, IfMissing::Fail)?;
    let owner = top.first().map(Owner::of).transpose().map_err(failed)?;
    let found = Owner::of(file).map_err(failed)?;
    owner.filter(|owner| *owner != found).map_or(Ok(()), |owner| owner.give(file)).map_err(failed)
}

/// Makes sure that a file which is already there survives a power cut: whoever published it may have
/// died between naming it and syncing the name.
pub fn settle(target: &Path) -> Result<()> {
    let sync = || open_to_read(target)?.sync_all();
    sync().map_err(|error| Error::file("sync", target, &error))?;
    target.parent().map_or(Ok(()), sync_folder)
}

fn publish_failed(target: &Path, error: &std::io::Error) -> Error {
    if error.kind() == ErrorKind::CrossesDevices {
        return Error::new(Class::LocalFile, format!("could not create {target:?}: {error}"))
            .hint("A repository must lie on one file system; mount at its root, not inside it.");
    }
    if error.kind() == ErrorKind::Unsupported {
        let message = format!(
            "could not create {target:?}: this file system has neither hard links nor a rename that replaces nothing \
             (RENAME_NOREPLACE), and without one of them another file could be overwritten"
        );
        return Error::new(Class::LocalFile, message).hint(
            "Put the repository on another file system (ext4, XFS, Btrfs, ZFS, NFS), or an S3 server in front of this one.",
        );
    }
    Error::file("create", target, error)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn publish(root: &Path, temporaries: &Path, target: &Path, content: &[u8]) -> Published {
        let mut publication = Publication::begin(root, temporaries, target, 0).unwrap();
        publication.write(content).unwrap();
        publication.finish(b"").unwrap()
    }

    #[test]
    fn the_front_is_known_last() {
        let place = tempfile::tempdir().unwrap();
        let (root, target) = (place.path(), place.path().join("wal/x"));
        let content = vec![7; WRITEBACK_BYTES as usize];
        let mut publication = Publication::begin(root, &root.join("tmp"), &target, 5).unwrap();
        for _ in 0..3 {
            publication.write(&content).unwrap();
        }
        assert_eq!(publication.finish(b"label").unwrap(), Published::Created);
        assert_eq!(fs::read(&target).unwrap(), [b"label", &content.repeat(3)[..]].concat());
    }

    #[test]
    fn a_taken_name_keeps_its_content_and_leaves_no_temporary_file() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let (temporaries, target) = (root.join("tmp"), root.join("wal/x"));
        let publish = |content: &[u8]| publish(root, &temporaries, &target, content);
        assert_eq!(publish(b"first"), Published::Created);
        assert_eq!(publish(b"second"), Published::Exists);
        assert_eq!(fs::read(&target).unwrap(), b"first");
        assert_eq!(fs::read_dir(&temporaries).unwrap().count(), 0);
    }

    /// That it syncs what is there is seen from without: `tests/suite/sync_order`.
    #[test]
    fn what_is_gone_is_not_settled() {
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("x");
        assert_eq!(
            settle(&target).unwrap_err().to_string(),
            format!("could not sync {target:?}: No such file or directory (os error 2)")
        );
    }

    #[test]
    fn of_many_at_the_same_instant_one_wins() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let (temporaries, target) = (root.join("tmp"), root.join("wal/x"));
        let winners: Vec<u8> = std::thread::scope(|scope| {
            let push = |i: u8| {
                let (temporaries, target) = (&temporaries, &target);
                scope.spawn(move || (i, publish(root, temporaries, target, &[i])))
            };
            let running: Vec<_> = (0..16).map(push).collect();
            let done = running.into_iter().map(|thread| thread.join().unwrap());
            done.filter(|(_, result)| *result == Published::Created).map(|(i, _)| i).collect()
        });
        assert_eq!(winners.len(), 1);
        assert_eq!(fs::read(&target).unwrap(), winners);
    }
}
