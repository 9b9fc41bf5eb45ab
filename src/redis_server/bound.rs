//! How long and how much a server may answer: each single read is bounded by the socket, so a byte now and then would
//! keep us for ever.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

/// The answer to a command is some kilobytes.
pub const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// What data have to bring in the time that a single read may take. Slower, they hang.
const PACE_BYTES: u64 = 16 << 10;

/// What is bounded of what is read.
#[derive(Debug)]
pub enum Bound {
    None,
    /// The server's answer must end by `until` and within a number of bytes.
    Answer {
        /// `None`: longer than clocks count.
        until: Option<Instant>,
        limit: Duration,
        left: u64,
    },
    /// Data of any length, which have to come at a pace. Only the time counts that was spent waiting for them.
    Data {
        window: Duration,
        waited: Duration,
        bytes: u64,
    },
}

/// Why reading ended; the text of an `io::Error`.
#[derive(Debug)]
pub enum Exceeded {
    Time(Duration),
    Length,
    Pace(Duration),
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(limit) => {
                write!(f, "its answer did not end within {}", humantime::format_duration(*limit))
            }
            Self::Length => write!(f, "its answer has more than {} MiB", ANSWER_BYTES_MAX >> 20),
            Self::Pace(window) => write!(
                f,
                "less than {} KiB came in {}",
                PACE_BYTES >> 10,
                humantime::format_duration(*window)
            ),
        }
    }
}

impl std::error::Error for Exceeded {}

impl Exceeded {
    /// What an error of reading is about, if it is one of these.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl Bound {
    pub fn answer(limit: Duration) -> Self {
        Self::Answer { until: Instant::now().checked_add(limit), limit, left: ANSWER_BYTES_MAX }
    }

    pub fn data(window: Duration) -> Self {
        Self::Data { window, waited: Duration::ZERO, bytes: 0 }
    }

    /// After so many more bytes, which took so long.
    pub fn after(&mut self, read: usize, took: Duration) -> io::Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Answer { until, limit, left } => {
                *left = left.checked_sub(read as u64).ok_or_else(|| over(Exceeded::Length))?;
                if until.is_some_and(|until| Instant::now() > until) {
                    Err(over(Exceeded::Time(*limit)))
                } else {
                    Ok(())
                }
            }
            Self::Data { window, waited, bytes } => {
                *bytes += read as u64;
                *waited += took;
                if *waited <= *window {
                    return Ok(());
                }
                let enough = *bytes >= PACE_BYTES || read == 0;
                (*waited, *bytes) = (Duration::ZERO, 0);
                if enough { Ok(()) } else { Err(over(Exceeded::Pace(*window))) }
            }
        }
    }
}

fn over(exceeded: Exceeded) -> io::Error {
    io::Error::other(exceeded)
}
