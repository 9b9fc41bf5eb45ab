//! The bandwidth limit: how many bytes of objects a second go to and come from all repositories of this process together.
//!
//! One for the process, as one command does one thing: who takes a backup or copies sets it, and nobody else does. A push must not
//! wait for it, for what is not archived yet is lost with the host; nor a restore, for somebody waits for the server.
//!
//! Bytes go piece by piece. Each piece is told the moment at which it may go, after all that were told one before it. So
//! many transfers at the same time get alike, and together never more than the limit.

use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::threads::lock;

/// A piece is sent at once: so much of a second it takes, within bounds.
const PIECES_A_SECOND: u64 = 16;
const PIECE_BYTES: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 17;

/// Time in which nobody sent anything counts for so long, so that a pause between two objects slows nothing down.
const SAVED_MAX: Duration = Duration::from_millis(100);

/// How many objects of one repository are under way at the same time, each in as many parts: see `ObjectLane` and
/// `NewS3LargeObject`.
const AT_ONCE_IN_ONE: u32 = 2 * 4;

static SHARED: OnceLock<Bandwidth> = OnceLock::new();

/// Limits what this process sends to, and gets from, all of its repositories together, from now on.
pub fn limit_bandwidth(bytes_a_second: u64, repositories: usize) {
    SHARED.get_or_init(|| Bandwidth::new(bytes_a_second, repositories));
}

/// Waits until so many bytes of objects may go, where there is a limit.
pub fn pace(bytes: usize) {
    if let Some(limit) = shared() {
        limit.wait(bytes);
    }
}

/// The limit of this process, if there is one.
pub(super) fn shared() -> Option<&'static Bandwidth> {
    SHARED.get()
}

/// How much longer a transfer of so many bytes may take because of the limit.
pub(super) fn delay_max(bytes: u64) -> Duration {
    shared().map_or(Duration::ZERO, |limit| limit.delay_max(bytes))
}

pub(super) struct Bandwidth {
    /// In bytes a second.
    rate: u64,
    /// How many transfers may share it.
    at_once_max: u32,
    /// When the next piece may go.
    free: Mutex<Instant>,
}

impl Bandwidth {
    fn new(rate: u64, repositories: usize) -> Self {
        let repositories = u32::try_from(repositories).unwrap_or(u32::MAX);
        let at_once_max = repositories.saturating_mul(AT_ONCE_IN_ONE).max(1);
        Self { rate: rate.max(1), at_once_max, free: Mutex::new(Instant::now()) }
    }

    /// The longest piece that is sent at once, in bytes.
    pub(super) fn piece(&self) -> usize {
        (self.rate / PIECES_A_SECOND).clamp(*PIECE_BYTES.start(), *PIECE_BYTES.end()) as usize
    }

    /// The place of a piece in the line: how long it has to wait from now on.
    pub(super) fn reserve(&self, bytes: usize) -> Duration {
        let now = Instant::now();
        let saved = now.checked_sub(SAVED_MAX).unwrap_or(now);
        let mut free = lock(&self.free);
        let from = (*free).max(saved);
        *free = from + self.time_for(bytes as u64);
        from.saturating_duration_since(now)
    }

    fn time_for(&self, bytes: u64) -> Duration {
        Duration::from_secs_f64(bytes as f64 / self.rate as f64)
    }

    fn delay_max(&self, bytes: u64) -> Duration {
        self.time_for(bytes) * self.at_once_max
    }

    /// Waits, piece by piece, so that others get their turn in between.
    fn wait(&self, bytes: usize) {
        let mut left = bytes;
        while left > 0 {
            let piece = left.min(self.piece());
            thread::sleep(self.reserve(piece));
            left -= piece;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four at the same time, of which each asks for its pieces as soon as it may: together they take as long as the bytes
    /// do, and none waits much longer for a piece than the others need for theirs.
    #[test]
    fn many_share_it_alike_and_keep_to_it_together() {
        let limit = Bandwidth::new(4 << 20, 1);
        assert_eq!(limit.piece(), 128 << 10);
        let begun = Instant::now();
        let longest = thread::scope(|scope| {
            let user = || {
                let mut longest = Duration::ZERO;
                for _ in 0..8 {
                    let asked = Instant::now();
                    limit.wait(64 << 10);
                    longest = longest.max(asked.elapsed());
                }
                longest
            };
            let users: Vec<_> = (0..4).map(|_| scope.spawn(user)).collect();
            users.into_iter().map(|it| it.join().unwrap()).max().unwrap()
        });
        // 2 MiB at 4 MiB a second, less what was saved.
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(480) && took < Duration::from_secs(5), "{took:?}");
        assert!(longest < took, "{longest:?} of {took:?}");
    }

    #[test]
    fn a_pause_is_made_good_only_in_part() {
        let limit = Bandwidth::new(1 << 20, 1);
        thread::sleep(2 * SAVED_MAX);
        let waits = (1 << 20) / limit.piece();
        let total = (0..=waits).map(|_| limit.reserve(limit.piece())).max().unwrap();
        let least = Duration::from_millis(850);
        assert!(total > least && total <= Duration::from_secs(1) - SAVED_MAX, "{total:?}");
    }

    #[test]
    fn pieces_are_short_where_the_rate_is_low() {
        for (rate, piece) in [(64 << 10, 4 << 10), (1 << 20, 64 << 10), (1 << 30, 128 << 10)] {
            assert_eq!(Bandwidth::new(rate, 1).piece(), piece);
        }
        // Two repositories, each with two objects of four parts under way.
        let limit = Bandwidth::new(1 << 20, 2);
        assert_eq!(limit.delay_max(8 << 20), Duration::from_secs(8 * 16));
    }
}
