//! Rehearsed restores: a folder that is always cleaned up, servers that can do no harm, and what is looked at
//! in them.

mod account;
mod confine;
mod interrupted;
mod leavings;
pub mod postgres;
pub mod redis;
mod scratch;

pub use account::become_user;
pub use scratch::{Confinement, Scratch};

use std::time::{Duration, Instant};

use crate::error::{Class, Error, Result};

/// When a drill has taken too long.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    pub fn after(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, limit }
    }

    /// The time that is left; an error when there is none.
    pub fn left(&self) -> Result<Duration> {
        let left = self.at.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            return Ok(left);
        }
        let limit = humantime::format_duration(self.limit);
        let message = format!("expected the drill to end within {limit}, it did not");
        Err(Error::new(Class::Incomplete, message)
            .hint("Look for what is slow in the phases above it, or raise drill.timeout."))
    }
}
