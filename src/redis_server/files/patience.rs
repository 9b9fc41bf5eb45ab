use std::time::{Duration, Instant};

use crate::error::{Class, Error, Result};

/// How often a server is asked how far it is.
const PAUSE: Duration = Duration::from_millis(100);
const TELL_EVERY: u32 = 10;

/// A bounded wait, told about once a second.
pub struct Patience<'a> {
    begun: Instant,
    limit: Duration,
    pauses: u32,
    tell: &'a mut dyn FnMut(Duration),
}

impl<'a> Patience<'a> {
    pub fn new(limit: Duration, tell: &'a mut dyn FnMut(Duration)) -> Self {
        Self { begun: Instant::now(), limit, pauses: 0, tell }
    }

    /// Waits a moment for something; an error when it has taken too long.
    pub fn pause(&mut self, waiting_for: &str) -> Result<()> {
        let elapsed = self.begun.elapsed();
        if elapsed > self.limit {
            let limit = humantime::format_duration(self.limit);
            let message = format!("waited {limit} in vain for {waiting_for}");
            return Err(Error::new(Class::Unreachable, message)
                .hint("Is the server's disk slow? redis.save_timeout is the wait."));
        }
        self.pauses += 1;
        if self.pauses.is_multiple_of(TELL_EVERY) {
            (self.tell)(elapsed);
        }
        std::thread::sleep(PAUSE);
        Ok(())
    }
}
