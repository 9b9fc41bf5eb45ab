//! The process in the background that keeps a window of segments ready beside the one that was last asked for. It ends by
//! itself, and its exit status is always 0: as process 1 of a container the server inherits it.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::folder::PrefetchFolder;
use crate::config::Config;
use crate::data_directory::{DataDirectory, StateFolder};
use crate::error::Result;
use crate::postgres::{WalFileName, WalSegment, WalSegmentSize};
use crate::repository::{DecodeTarget, Repository, Source};
use crate::threads::lock;
use crate::{failpoint, threads};

/// With no segment asked for in this time the process ends: recovery has reached its target, pauses or
/// is over.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// The hidden flag of `wal-fetch` that makes it the prefetching process.
pub const FLAG: &str = "prefetch-segments-of";

const POLL: Duration = Duration::from_millis(5);

/// Starts the prefetching process: this program again, with the same words and a hidden flag. Its
/// standard streams lead nowhere: an inherited one could keep a pipe open that the server, or the
/// person who started it, waits to see closed.
pub(crate) fn start_in_background(words: &[std::ffi::OsString], segment_bytes: u64) {
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
struct PrefetchWorker<'a> {
    repositories: &'a [Repository],
    source: Source<'a>,
    folder: &'a PrefetchFolder,
    window: Mutex<PrefetchWindow>,
    changed: Condvar,
    stopped: Mutex<bool>,
}

/// Keeps the segments behind the cursor ready until nobody asks any more. At most one such process runs
/// for a data directory.
pub(crate) fn prefetch(
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
    let window = PrefetchWindow::new(cursor, size, depth);
    folder.retain(|segment| window.contains(segment));
    let worker = PrefetchWorker {
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

impl PrefetchWorker<'_> {
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
            let target = DecodeTarget { file: &mut file, path: &self.folder.fetching(segment) };
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
        *lock(&self.stopped) = true;
        // Under the lock that sleepers hold while they look, so that none misses it.
        let _window = self.window();
        self.changed.notify_all();
    }

    fn is_stopped(&self) -> bool {
        *lock(&self.stopped)
    }

    fn window(&self) -> MutexGuard<'_, PrefetchWindow> {
        lock(&self.window)
    }
}

/// Which segments to fetch next: the `depth` that follow the one last asked for, each once.
#[derive(Debug)]
pub(super) struct PrefetchWindow {
    cursor: WalSegment,
    size: WalSegmentSize,
    depth: usize,
    tried: BTreeSet<WalSegment>,
    /// The first one that no repository has: what comes after it is not asked for.
    end: Option<WalSegment>,
}

impl PrefetchWindow {
    pub(super) fn new(cursor: WalSegment, size: WalSegmentSize, depth: usize) -> Self {
        Self { cursor, size, depth, tried: BTreeSet::new(), end: None }
    }

    /// Moves to another segment; a move that is no step forward on the same timeline starts afresh.
    pub(super) fn move_to(&mut self, cursor: WalSegment) -> bool {
        if cursor == self.cursor {
            return false;
        }
        if cursor.timeline != self.cursor.timeline || cursor < self.cursor {
            (self.tried, self.end) = (BTreeSet::new(), None);
        }
        self.cursor = cursor;
        self.tried.retain(|segment| *segment > cursor);
        true
    }

    /// The next segment to fetch.
    pub(super) fn take(&mut self) -> Option<WalSegment> {
        let next = self.segments().find(|segment| !self.tried.contains(segment))?;
        self.tried.insert(next);
        Some(next)
    }

    pub(super) fn ends_at(&mut self, segment: WalSegment) {
        self.end = Some(self.end.map_or(segment, |end| end.min(segment)));
    }

    /// Whether the end of the archive lies in the window and everything before it was tried.
    pub(super) fn exhausted(&self) -> bool {
        self.end.is_some() && self.segments().all(|segment| self.tried.contains(&segment))
    }

    pub(super) fn contains(&self, segment: WalSegment) -> bool {
        segment == self.cursor || self.segments().any(|one| one == segment)
    }

    fn segments(&self) -> impl Iterator<Item = WalSegment> {
        let (size, end) = (self.size, self.end);
        let next = move |segment: &WalSegment| segment.next(size);
        let all = std::iter::successors(Some(self.cursor), next).skip(1).take(self.depth);
        all.take_while(move |segment| end.is_none_or(|end| *segment < end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::TimelineId;

    fn segment(timeline: u32, number: u32) -> WalSegment {
        WalSegment { timeline: TimelineId::new(timeline).unwrap(), log: 0, segment: number }
    }

    fn window(depth: usize) -> PrefetchWindow {
        PrefetchWindow::new(segment(1, 1), WalSegmentSize::from_bytes(16 << 20).unwrap(), depth)
    }

    #[test]
    fn gives_each_segment_once_and_more_as_the_cursor_moves() {
        let mut window = window(2);
        assert_eq!(window.take(), Some(segment(1, 2)));
        assert_eq!(window.take(), Some(segment(1, 3)));
        assert_eq!(window.take(), None);
        assert!(window.move_to(segment(1, 2)));
        assert_eq!(window.take(), Some(segment(1, 4)));
        assert_eq!(window.take(), None);
    }

    #[test]
    fn stops_at_the_end_of_the_archive_and_starts_afresh_on_another_timeline() {
        let mut window = window(4);
        assert_eq!(window.take(), Some(segment(1, 2)));
        assert_eq!(window.take(), Some(segment(1, 3)));
        window.ends_at(segment(1, 3));
        assert!(window.exhausted());
        assert_eq!(window.take(), None);
        window.move_to(segment(2, 3));
        assert_eq!(window.take(), Some(segment(2, 4)));
        assert!(window.contains(segment(2, 3)) && !window.contains(segment(1, 2)));
    }
}
