//! Whether anything moves: who waits for a store or a disk can tell one that is slow from one that hangs.

use std::sync::atomic::{AtomicU64, Ordering};

/// For all of the process: one command does one thing.
static MOVED: AtomicU64 = AtomicU64::new(0);

/// Bytes were taken over by the next one on their way, or an answer came.
pub(crate) fn moved(amount: u64) {
    MOVED.fetch_add(amount, Ordering::Relaxed);
}

/// A number that is another one each time something moved.
pub(crate) fn so_far() -> u64 {
    MOVED.load(Ordering::Relaxed)
}
