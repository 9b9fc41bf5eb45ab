use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::folder::PrefetchFolder;
use super::window::Window;
use crate::config::Config;
use crate::data_directory::{DataDirectory, StateFolder};
use crate::error::Result;
use crate::failpoint;
use crate::postgres::{WalFileName, WalSegment, WalSegmentSize};
use crate::repository::{Repository, Source, Target};
use crate::threads;

/// With no segment asked for in this time the process ends: recovery has reached its target, pauses or
/// is over.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// The hidden flag of `wal-fetch` that makes it the prefetching process.
pub const FLAG: &str = "prefetch-segments-of";

const POLL: Duration = Duration::from_millis(5);

/// Starts the prefetching process: this program again, with the same words and a hidden flag. Its
/// standard streams lead nowhere: an inherited one could keep a pipe open that the server, or the
/// person who started it, waits to see closed.
pub fn start_in_background(words: &[std::ffi::OsString], segment_bytes: u64) {
    let Ok(program) = std::env::current_exe() else { return };
    let mut command = Command::new(program);
    command.arg(format!("--{FLAG}={segment_bytes}")).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own: signals meant for the server's children do not concern it.
    command.process_group(0);
    if let Err(error) = command.spawn() {
        tracing::debug!("no prefetch: {error}");
    }
}

/// What the prefetching process works with.
struct Worker<'a> {
    repositories: &'a [Repository],
    source: Source<'a>,
    folder: &'a PrefetchFolder,
    window: Mutex<Window>,
    changed: Condvar,
    stopped: Mutex<bool>,
}

/// Keeps the segments behind the cursor ready until nobody asks any more. At most one such process runs
/// for a data directory.
pub fn prefetch(
    config: &Config,
    data_directory: &DataDirectory,
    repositories: &[Repository],
    source: Source<'_>,
    size: WalSegmentSize,
) -> Result<()> {
    let state = StateFolder::of(data_directory)?;
    let Some(_lock) = state.lock("prefetch.lock")? else { return Ok(()) };
    let folder = PrefetchFolder::open(&state, &crate::repository::fingerprint(config))?;
    let Some(cursor) = folder.cursor() else { return Ok(()) };
    let depth = depth(config, &folder, size);
    if depth == 0 {
        return Ok(());
    }
    let window = Window::new(cursor, size, depth);
    folder.retain(|segment| window.contains(segment));
    let worker = Worker {
        repositories,
        source,
        folder: &folder,
        window: Mutex::new(window),
        changed: Condvar::new(),
        stopped: Mutex::new(false),
    };
    let work = || worker.work();
    std::thread::scope(|scope| {
        // Nothing is fetched ahead where no thread can be had.
        if !threads::helpers(scope, config.wal.parallel.get().min(depth), work).is_empty() {
            worker.follow(data_directory);
        }
    });
    Ok(())
}

/// As many segments as may lie ready: by number, by room allowed, and never more than a quarter of what
/// is free, which PostgreSQL needs more.
fn depth(config: &Config, folder: &PrefetchFolder, size: WalSegmentSize) -> usize {
    let free = rustix::fs::statvfs(folder.path()).map_or(0, |room| room.f_bavail * room.f_frsize);
    let room = config.wal.prefetch_bytes.min(free / 4);
    usize::try_from(room / size.bytes()).unwrap_or(0).min(config.wal.prefetch)
}

impl Worker<'_> {
    /// Moves the window after the cursor, and ends all work when recovery has ended or the server stopped.
    fn follow(&self, data_directory: &DataDirectory) {
        let mut moved = Instant::now();
        let served = data_directory.has_server();
        while moved.elapsed() < IDLE_TIME && !self.is_stopped() {
            std::thread::sleep(POLL);
            let stopped = served && !data_directory.has_server();
            if stopped || !data_directory.exists() || !data_directory.is_in_recovery() {
                self.folder.retain(|_| false);
                break;
            }
            let Some(cursor) = self.folder.cursor() else { break };
            let mut window = self.window();
            if window.move_to(cursor) {
                moved = Instant::now();
                self.folder.retain(|segment| window.contains(segment));
                self.changed.notify_all();
            }
            if window.exhausted() {
                break;
            }
        }
        self.stop();
    }

    fn work(&self) {
        while let Some(segment) = self.next() {
            match self.fetch(segment) {
                Ok(true) => {}
                Ok(false) => self.window().ends_at(segment),
                // The call that asks for this segment meets the same trouble, and reports it.
                Err(_) => self.stop(),
            }
        }
    }

    fn next(&self) -> Option<WalSegment> {
        let mut window = self.window();
        loop {
            if self.is_stopped() {
                return None;
            }
            if let Some(segment) = window.take() {
                return Some(segment);
            }
            window = self.changed.wait(window).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// `false` when no repository has it.
    fn fetch(&self, segment: WalSegment) -> Result<bool> {
        if self.folder.has(segment) {
            return Ok(true);
        }
        let Some(mut file) = self.folder.start(segment)? else { return Ok(true) };
        let mut failure = None;
        for repository in self.repositories {
            let name = WalFileName::Segment(segment);
            let target = Target { file: &mut file, path: &self.folder.fetching(segment) };
            let fetched = repository.fetch(&self.source, name, target);
            failpoint::reach("prefetch.decoded");
            match fetched {
                // Whether it can be replayed here is for the call to say that asks for it.
                Ok(Some(fetched)) if !fetched.creations.is_empty() => {
                    self.folder.forget(segment);
                    return Ok(true);
                }
                Ok(Some(fetched)) => {
                    self.folder.finish(segment, &file, &fetched.label)?;
                    failpoint::reach("prefetch.published");
                    return Ok(true);
                }
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
        }
        self.folder.forget(segment);
        failure.map_or(Ok(false), Err)
    }

    fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        // Under the lock that sleepers hold while they look, so that none misses it.
        let _window = self.window();
        self.changed.notify_all();
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
