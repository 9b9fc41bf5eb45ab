//! Rehearsed restores: a folder that is always cleaned up, servers that can do no harm, and what is looked at
//! in them.

mod account;
mod alone;
mod confine;
mod interrupted;
mod leavings;
pub mod postgres;
pub mod redis;
mod scratch;

pub use account::become_user;
pub use scratch::{Confinement, Scratch};

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Class, Error, Result};
use crate::repository::Repository;

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

    /// The repositories, of which nothing is read any more once the time is up. Records can still be stored.
    pub fn guard(self, repositories: Vec<Repository>) -> Vec<Repository> {
        let go_on = Arc::new(move || self.left().map(drop));
        repositories.into_iter().map(|one| one.with_deadline(go_on.clone())).collect()
    }

    /// The time that is left; an error when there is none.
    pub fn left(&self) -> Result<Duration> {
        let left = self.at.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            return Ok(left);
        }
        let limit = humantime::format_duration(self.limit);
        let message = format!("the drill did not end within {limit}");
        Err(Error::new(Class::Incomplete, message)
            .hint("Look for what is slow in the phases above it, or raise drill.timeout."))
    }
}
