use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::base_backup::unpack::is_empty;
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::failpoint;

/// What may be done with a directory that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupied {
    /// Nothing: it is an error.
    Refuse,
    /// Files that are as they were in the backup stay, others are replaced or removed.
    Delta,
    /// It is moved aside first, and kept.
    Replace,
}

/// Looks at where a server is to be restored to; nothing is changed. Says where the old directory will be
/// moved to, if it is.
pub fn look(data: &Path, occupied: Occupied, now: Timestamp) -> Result<Option<PathBuf>> {
    if is_empty(data)? {
        return Ok(None);
    }
    match occupied {
        Occupied::Delta => Ok(None),
        Occupied::Replace => {
            let mut aside = data.as_os_str().to_owned();
            aside.push(now.strftime(".old-%Y%m%dT%H%M%SZ").to_string());
            Ok(Some(PathBuf::from(aside)))
        }
        Occupied::Refuse => Err(Error::new(
            Class::Input,
            format!("expected {data:?} to be empty or not there, found files in it"),
        )
        .hint("--replace moves it aside and keeps it; --delta writes only what differs from the backup.")),
    }
}

/// Bytes that are free where a data directory is, or will be.
pub fn room(data: &Path) -> Option<u64> {
    let there = data.ancestors().find(|path| path.exists())?;
    rustix::fs::statvfs(there).ok().map(|room| room.f_bavail * room.f_frsize)
}

/// A directory with a server on it is never touched.
pub fn refuse_running(data: &Path) -> Result<()> {
    let Some(server) = running_server(data) else { return Ok(()) };
    let message = format!("expected no server on {data:?}, found one, process {server}");
    Err(Error::new(Class::Input, message).hint("Stop it first, or let --before do it."))
}

/// Moves the old directory aside.
pub fn move_aside(data: &Path, aside: &Path) -> Result<()> {
    if aside.exists() {
        let message = format!("expected no {aside:?} yet, found one");
        return Err(Error::new(Class::Input, message).hint("Wait a second and try again."));
    }
    durable::hand_over(data, aside)?;
    failpoint::reach("restore.aside-moved");
    data.parent().map_or(Ok(()), durable::sync_folder)
}

/// The process that `postmaster.pid` names, if it is alive. After a crash the file may name another
/// program's process; then it is better to ask.
fn running_server(data: &Path) -> Option<i32> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let number: i32 = text.lines().next()?.trim().parse().ok()?;
    let process = rustix::process::Pid::from_raw(number)?;
    match rustix::process::test_kill_process(process) {
        Err(rustix::io::Errno::SRCH) => None,
        _ => Some(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T20:30:00Z".parse().unwrap()
    }

    #[test]
    fn an_empty_place_is_free_and_a_full_one_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        assert_eq!(look(&data, Occupied::Refuse, now()), Ok(None));
        // What an unpacking leaves that was killed before it wrote anything.
        fs::create_dir_all(data.join("global")).unwrap();
        for occupied in [Occupied::Refuse, Occupied::Delta, Occupied::Replace] {
            assert_eq!(look(&data, occupied, now()), Ok(None));
        }
        fs::write(data.join("PG_VERSION"), "18").unwrap();
        assert_eq!(
            look(&data, Occupied::Refuse, now()).unwrap_err().to_string(),
            format!(
                "expected {data:?} to be empty or not there, found files in it. HINT: --replace moves it aside \
                 and keeps it; --delta writes only what differs from the backup."
            )
        );
        assert_eq!(look(&data, Occupied::Delta, now()), Ok(None));
        let aside = look(&data, Occupied::Replace, now()).unwrap().unwrap();
        assert_eq!(aside, place.path().join("data.old-20261122T203000Z"));
        move_aside(&data, &aside).unwrap();
        assert!(!data.exists() && aside.join("PG_VERSION").exists());
        assert!(move_aside(&data, &aside).is_err());
    }

    #[test]
    fn a_directory_with_a_server_on_it_is_never_touched() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path();
        fs::write(data.join("postmaster.pid"), format!("{}\n", std::process::id())).unwrap();
        let error = refuse_running(data).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "expected no server on {data:?}, found one, process {}. HINT: Stop it first, or let --before do \
                 it.",
                std::process::id()
            )
        );
        fs::write(data.join("postmaster.pid"), "999999999\n").unwrap();
        assert_eq!(refuse_running(data), Ok(()));
    }
}
