use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::durable::{self, LockedFolder};

pub(super) const PREFIX: &str = "seawall-drill-";

/// What a server is started on.
pub(super) const DATA: &str = "data";

/// Files in which servers write the number of their process.
pub(super) const PROCESS_FILES: [&str; 2] = ["data/postmaster.pid", "redis.pid"];

/// In a folder that somebody wanted kept.
pub(super) const KEPT: &str = "kept";

/// A server that is told to stop at once has its children to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// Removes the folders of drills that were killed, and stops their servers. What does not work is logged: it
/// keeps nobody from another drill.
pub(super) fn remove(directory: &Path) {
    for folder in LockedFolder::abandoned_in(directory, PREFIX) {
        let path = folder.path();
        if path.join(KEPT).exists() {
            continue;
        }
        stop_servers(path);
        match remove_folder(path) {
            Ok(()) => tracing::info!("removed what an interrupted drill left: {}", path.display()),
            Err(error) => tracing::warn!("an interrupted drill left something: {error}"),
        }
    }
}

/// A process that was fetching WAL may put a last file into a folder that is just being removed.
pub(super) fn remove_folder(path: &Path) -> crate::error::Result<()> {
    const ATTEMPTS: u32 = 20;
    for _ in 1..ATTEMPTS {
        if !path.exists() || durable::remove_all(path).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    if path.exists() { durable::remove_all(path) } else { Ok(()) }
}

fn stop_servers(folder: &Path) {
    for name in PROCESS_FILES {
        let Some(server) = server(&folder.join(name), &folder.join(DATA)) else { continue };
        tracing::info!("stopping the server that an interrupted drill left");
        // To PostgreSQL it means: at once, without writing anything.
        let _ = pidfd_send_signal(&server, Signal::QUIT);
        if !ended(&server) {
            let _ = pidfd_send_signal(&server, Signal::KILL);
            let _ = ended(&server);
        }
    }
}

/// The process that a file names, if it works in that data directory: its number may be another's by now.
fn server(named_in: &Path, data: &Path) -> Option<OwnedFd> {
    let text = fs::read_to_string(named_in).ok()?;
    let number: i32 = text.lines().next()?.trim().parse().ok()?;
    let process = pidfd_open(Pid::from_raw(number)?, PidfdFlags::empty()).ok()?;
    let works_in: PathBuf = fs::read_link(format!("/proc/{number}/cwd")).ok()?;
    (works_in == fs::canonicalize(data).ok()?).then_some(process)
}

fn ended(process: &OwnedFd) -> bool {
    let timeout = Timespec::try_from(PATIENCE).ok();
    let mut waiting = [PollFd::new(process, PollFlags::IN)];
    matches!(poll(&mut waiting, timeout.as_ref()), Ok(1..))
}
