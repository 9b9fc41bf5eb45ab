//! The folder of a drill with the server in it, and what drills that were killed have left.
//!
//! Both go when the drill ends, whatever ends it; after a `kill -9` the lock on the folder is free, and the
//! next drill stops the server and removes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use signal_hook::iterator::Handle;

use super::{before_signals_end_it, confine};
use crate::durable::{self, LockedFolder};
use crate::error::{Class, Error, Result};

/// Longest path of a socket (`sun_path` in `unix(7)`), without the zero byte.
const SOCKET_PATH_BYTES: usize = 107;

const POLL: Duration = Duration::from_millis(20);

/// Whether the server of a drill is kept from changing and reading files outside its folder, and from the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confinement {
    Confined,
    Unconfined,
}

/// The folder of a drill and the server in it. Both go when this is dropped, or on a signal; after a
/// `kill -9` the next drill removes them.
pub(crate) struct Scratch {
    inner: Arc<Inner>,
    signals: Handle,
    keep: bool,
}

struct Inner {
    folder: LockedFolder,
    server: Mutex<Option<Child>>,
}

impl Scratch {
    /// Removes what killed drills left in `directory`, and creates a folder there.
    pub(crate) fn create_in(directory: &Path) -> Result<Self> {
        remove_leavings(directory);
        // A signal that comes while the folder is made waits until it is known what is to be removed.
        let known = Arc::new(Mutex::new(Weak::<Inner>::new()));
        let mut made = known.lock().unwrap_or_else(PoisonError::into_inner);
        let abandoned = Arc::clone(&known);
        let signals = before_signals_end_it(move || {
            let inner = abandoned.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
            if let Some(inner) = inner {
                inner.abandon();
            }
        })?;
        let folder = LockedFolder::create_in(directory, PREFIX)?;
        let inner = Arc::new(Inner { folder, server: Mutex::default() });
        *made = Arc::downgrade(&inner);
        drop(made);
        Ok(Self { inner, signals, keep: false })
    }

    pub(crate) fn path(&self) -> &Path {
        self.inner.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join(DATA)
    }

    /// Fails where so many bytes are not free.
    pub(crate) fn check_room(&self, needed: u64) -> Result<()> {
        let room = rustix::fs::statvfs(self.path());
        let found = room.map_or(u64::MAX, |room| room.f_bavail * room.f_frsize);
        if found >= needed {
            return Ok(());
        }
        let folder = self.path().parent().unwrap_or(self.path());
        let [needed, found] = [needed, found].map(|bytes| ByteSize(bytes).display().iec());
        let message = format!("expected {needed} free in {folder:?}, found {found}");
        Err(Error::new(Class::LocalFile, message)
            .hint("Free some space, or set drill.directory to a folder on another disk."))
    }

    /// Starts the server. At most one runs at a time. Besides what all programs read it may read `readable`.
    pub(crate) fn start(
        &self,
        command: &mut Command,
        confinement: Confinement,
        readable: &[PathBuf],
    ) -> Result<()> {
        let mut server = self.inner.lock();
        let child = match confinement {
            Confinement::Confined => confine::start(command, self.path(), readable)?,
            Confinement::Unconfined => confine::start_freely(command)?,
        };
        *server = Some(child);
        Ok(())
    }

    /// How the server ended, if it did.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.inner.lock().as_mut().and_then(|server| server.try_wait().ok().flatten())
    }

    /// Tells the server to go, and waits until it is gone.
    pub(crate) fn stop(&self, signal: Signal, patience: Duration) -> Result<ExitStatus> {
        self.inner.signal(signal);
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            if Instant::now() > until {
                let waited = humantime::format_duration(patience);
                let message = format!("the server did not stop within {waited}");
                return Err(Error::new(Class::Incomplete, message));
            }
            std::thread::sleep(POLL);
        }
    }

    /// Leaves the folder to the user; neither this drill nor another removes it.
    pub(crate) fn keep(&mut self) -> Result<()> {
        durable::replace(&self.path().join(KEPT), b"")?;
        self.keep = true;
        Ok(())
    }
}

/// Fails where the path of a socket is too long.
pub(super) fn check_socket(path: &Path) -> Result<()> {
    let length = path.as_os_str().len();
    if length <= SOCKET_PATH_BYTES {
        return Ok(());
    }
    let message = format!(
        "expected a folder in which the path of a socket has at most {SOCKET_PATH_BYTES} bytes, found {length}: \
         {path:?}"
    );
    Err(Error::new(Class::Configuration, message).hint("Name a shorter drill.directory."))
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.signals.close();
        drop(self.inner.kill());
        if self.keep {
            return;
        }
        if let Err(error) = remove_folder(self.path()) {
            tracing::warn!("the next drill has to remove what this one leaves: {error}");
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signal(&self, signal: Signal) {
        if let Some(server) = self.lock().as_mut()
            && let Ok(None) = server.try_wait()
            && let Some(process) = Pid::from_raw(server.id().cast_signed())
        {
            let _ = kill_process(process, signal);
        }
    }

    /// No server runs any more, and none is started as long as the caller has what is returned.
    fn kill(&self) -> MutexGuard<'_, Option<Child>> {
        const PATIENCE: Duration = Duration::from_secs(10);
        // To PostgreSQL it means: at once, with all children.
        self.signal(Signal::QUIT);
        let until = Instant::now() + PATIENCE;
        let mut guard = self.lock();
        if let Some(server) = guard.as_mut() {
            while let Ok(None) = server.try_wait()
                && Instant::now() < until
            {
                std::thread::sleep(POLL);
            }
            let _ = server.kill();
            let _ = server.wait();
        }
        guard
    }

    /// The end, for good.
    fn abandon(&self) {
        tracing::warn!("interrupted: the folder of the drill is removed, nothing is recorded");
        std::mem::forget(self.kill());
        if let Err(error) = remove_folder(self.folder.path()) {
            tracing::warn!("the next drill has to remove what this one leaves: {error}");
        }
    }
}

pub(super) const PREFIX: &str = "seawall-drill-";

/// What a server is started on.
pub(super) const DATA: &str = "data";

/// Files in which servers write the number of their process.
const PROCESS_FILES: [&str; 2] = ["data/postmaster.pid", "redis.pid"];

/// In a folder that somebody wanted kept.
pub(super) const KEPT: &str = "kept";

/// A server that is told to stop at once has its children to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Removes the folders of drills that were killed, and stops their servers. What does not work is logged: it
/// keeps nobody from another drill.
pub(super) fn remove_leavings(directory: &Path) {
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
    let timeout = Timespec::try_from(STOP_PATIENCE).ok();
    let mut waiting = [PollFd::new(process, PollFlags::IN)];
    matches!(poll(&mut waiting, timeout.as_ref()), Ok(1..))
}
