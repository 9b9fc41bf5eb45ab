//! Whether folders that a restore writes to are in use: by a server, or by another restore. What can't be ruled out counts: a
//! restore under a running server loses both, and two restores into one directory undo each other's work.
//!
//! Of servers the kernel is asked (`running_servers`), and what they wrote into their directory; restores lock folders.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::running_servers::RunningServers;
use crate::error::{Class, Error, Result};
use crate::postgres::{PID_FILE, PidFile};

/// The kernel's list of System V shared memory, of the reader's own namespace.
const SHARED_MEMORY: &str = "/proc/sysvipc/shm";

/// A directory with a server on it is never touched, nor one of which that can't be said.
pub fn refuse_running(data: &Path, servers: &RunningServers) -> Result<()> {
    if let Some(process) = servers.on(data) {
        return Err(running(data, process));
    }
    let path = data.join(PID_FILE);
    let file = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        bytes => PidFile::parse(&bytes.map_err(|error| Error::file("read", &path, &error))?),
    };
    match file.memory.and_then(attached) {
        // Whoever is attached is the server, or what it left running.
        Some(1..) => return Err(running(data, file.process)),
        Some(0) => return Ok(()),
        None => {}
    }
    if servers.would_show(data) {
        return Ok(());
    }
    let message = format!(
        "{data:?} has a postmaster.pid, which names process {}: this host can't see whether that server runs",
        file.process
    );
    Err(Error::new(Class::Input, message).hint(format!(
        "It may run in a container or on another host that has this directory: stop it there. If it crashed and runs nowhere, \
         remove the file: rm '{}'",
        path.display()
    )))
}

fn running(data: &Path, process: i64) -> Error {
    let message = format!("a server is running on {data:?}, process {process}");
    Error::new(Class::Input, message).hint("Stop it first, or stop it with --before.")
}

/// How many processes have a server's shared memory; `None` when it is not there, or in another namespace. By this a new
/// server tells whether an old one lives (`PGSharedMemoryIsInUse`).
fn attached(memory: (u32, u32)) -> Option<u64> {
    attached_in(&fs::read_to_string(SHARED_MEMORY).ok()?, memory)
}

fn attached_in(list: &str, memory: (u32, u32)) -> Option<u64> {
    let attached = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let found = (number(fields.first()?)?, number(fields.get(1)?)?);
        (found == memory).then(|| fields.get(6)?.parse().ok()).flatten()
    };
    list.lines().skip(1).find_map(attached)
}

/// The kernel writes a key with a sign.
fn number(text: &str) -> Option<u32> {
    u32::try_from(text.parse::<i64>().ok()? & 0xFFFF_FFFF).ok()
}

/// Folders that are this process's for as long as it lives. The kernel lets go of them when it dies.
#[derive(Debug, Default)]
pub struct FolderLocks(Vec<File>);

impl FolderLocks {
    /// Locks a folder that is there. One that this process has already stays its own.
    pub fn take(&mut self, folder: &Path) -> Result<()> {
        let failed = |error: io::Error| Error::file("open", folder, &error);
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(folder, flags, Mode::empty());
        let opened = File::from(opened.map_err(|error| failed(error.into()))?);
        let identity = identity(&opened.metadata().map_err(failed)?);
        let ours = |file: &File| file.metadata().is_ok_and(|it| self::identity(&it) == identity);
        if self.0.iter().any(ours) {
            return Ok(());
        }
        match opened.try_lock() {
            // Where there are no locks, as on some network file systems, there is only the user's word.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(folder)),
        }
        // Another restore may have moved it aside in between.
        if !fs::metadata(folder).is_ok_and(|it| self::identity(&it) == identity) {
            return Err(taken(folder));
        }
        self.0.push(opened);
        Ok(())
    }
}

fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn taken(folder: &Path) -> Error {
    let message = format!("another restore is at work on {folder:?}");
    Error::new(Class::Input, message)
        .hint("Wait for its end, or stop it; then run the same command again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(data: &Path, servers: &RunningServers) -> String {
        refuse_running(data, servers).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn what_a_crash_left_is_dead_only_where_every_server_would_show() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path();
        let all = RunningServers::default().seeing_all(true);
        let some = RunningServers::default().seeing_all(false);
        assert_eq!([refused(data, &all), refused(data, &some)], ["", ""]);
        let path = data.join(PID_FILE);
        for (text, process) in [("1\n", "1"), ("999999999\n/data\n1732307400\n", "999999999")] {
            fs::write(&path, text).unwrap();
            assert_eq!(refused(data, &all), "");
            assert_eq!(
                refused(data, &some),
                format!(
                    "{data:?} has a postmaster.pid, which names process {process}: \
                     this host can't see whether that server runs. HINT: It may run in a container or on another host that has this \
                     directory: stop it there. If it crashed and runs nowhere, remove the file: rm '{}'",
                    path.display()
                )
            );
        }
    }

    #[test]
    fn a_file_that_says_nothing_is_no_proof() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(PID_FILE);
        for text in ["", "what?\n"] {
            fs::write(&path, text).unwrap();
            let said = refused(place.path(), &RunningServers::default().seeing_all(false));
            assert!(said.contains("which names process 0: this host"), "{said}");
        }
    }

    #[test]
    fn the_servers_memory_is_found_in_the_kernels_list() {
        let list = "       key      shmid perms                  size  cpid  lpid nattch   uid\n  \
                      10018160   10813441   600                    48 12467 12476      6   101\n  \
                      -1294967296        7   600                    48 12467 12476      0   101\n";
        assert_eq!(attached_in(list, (10_018_160, 10_813_441)), Some(6));
        assert_eq!(attached_in(list, (3_000_000_000, 7)), Some(0));
        assert_eq!(attached_in(list, (10_018_160, 7)), None);
    }

    #[test]
    fn a_folder_is_of_one_restore_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (FolderLocks::default(), FolderLocks::default());
        assert_eq!([one.take(place.path()), one.take(place.path())], [Ok(()), Ok(())]);
        let said = format!(
            "another restore is at work on {:?}. HINT: Wait for its end, or stop it; then run the \
             same command again.",
            place.path()
        );
        assert_eq!(other.take(place.path()).unwrap_err().to_string(), said);
        drop(one);
        assert_eq!(other.take(place.path()), Ok(()));
    }
}
