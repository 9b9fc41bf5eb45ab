//! Waiting with a limit.

use std::thread::sleep;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(5);

/// Asks until there is an answer; `None` when the limit passed without one.
pub fn poll<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() >= limit {
            return None;
        }
        sleep(PAUSE);
    }
}

/// Waits until `done` says true, or panics with `what` was waited for.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    if poll(limit, || done().then_some(())).is_none() {
        panic!("waited {limit:?} in vain: {what}");
    }
}
