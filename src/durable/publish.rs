use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::folders::{create_folders, create_unsynced, sync_folder};
use super::temporary::Temporary;
use crate::error::{Class, Error, Result};
use crate::failpoint;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    Created,
    /// The name was taken and what is there was left alone.
    Exists,
}

/// Creates `target` with `content`, never in the place of another file. When it returns, the file
/// and its name survive a power cut. `temporaries` is a folder on the same file system.
///
/// The order is the guarantee: content synced before it has its name, name synced before we say so.
/// Counted with strace: two syncs a file, once its folder holds one; neither can be left out.
pub fn publish_new(
    root: &Path,
    temporaries: &Path,
    target: &Path,
    content: &[u8],
) -> Result<Published> {
    let folder = target.parent().unwrap_or(root);
    create_folders(root, folder)?;
    create_unsynced(root, temporaries)?;
    let mut temporary = Temporary::create_in(temporaries)?;
    failpoint::reach("local.temporary-created");
    let written = temporary.file().write_all(content);
    written.map_err(|error| Error::file("write", target, &error))?;
    failpoint::reach("local.temporary-written");
    let synced = temporary.file().sync_all();
    synced.map_err(|error| Error::file("sync", target, &error))?;
    failpoint::reach("local.temporary-synced");
    let created = temporary.publish_as(target).map_err(|error| publish_failed(target, &error))?;
    failpoint::reach("local.published");
    if !created {
        return Ok(Published::Exists);
    }
    sync_folder(folder)?;
    failpoint::reach("local.folder-synced");
    Ok(Published::Created)
}

/// Makes sure that a file which is already there survives a power cut: whoever published it may have
/// died between naming it and syncing the name.
pub fn settle(target: &Path) -> Result<()> {
    let sync = || File::open(target)?.sync_all();
    sync().map_err(|error| Error::file("sync", target, &error))?;
    target.parent().map_or(Ok(()), sync_folder)
}

fn publish_failed(target: &Path, error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::CrossesDevices {
        return Error::new(Class::LocalFile, format!("could not create {target:?}: {error}"))
            .hint("A repository must lie on one file system; mount at its root, not inside it.");
    }
    Error::file("create", target, error)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_taken_name_keeps_its_content_and_leaves_no_temporary_file() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let (temporaries, target) = (root.join("tmp"), root.join("wal/x"));
        let publish = |content: &[u8]| publish_new(root, &temporaries, &target, content).unwrap();
        assert_eq!(publish(b"first"), Published::Created);
        assert_eq!(publish(b"second"), Published::Exists);
        assert_eq!(fs::read(&target).unwrap(), b"first");
        assert_eq!(fs::read_dir(&temporaries).unwrap().count(), 0);
        settle(&target).unwrap();
    }

    #[test]
    fn of_many_at_the_same_instant_one_wins() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        let (temporaries, target) = (root.join("tmp"), root.join("wal/x"));
        let winners: Vec<u8> = std::thread::scope(|scope| {
            let push = |i: u8| {
                let (temporaries, target) = (&temporaries, &target);
                scope.spawn(move || (i, publish_new(root, temporaries, target, &[i]).unwrap()))
            };
            let running: Vec<_> = (0..16).map(push).collect();
            let done = running.into_iter().map(|thread| thread.join().unwrap());
            done.filter(|(_, result)| *result == Published::Created).map(|(i, _)| i).collect()
        });
        assert_eq!(winners.len(), 1);
        assert_eq!(fs::read(&target).unwrap(), winners);
    }
}
