//! Rehearsed restores: a folder that is always cleaned up, servers that can do no harm, and what is looked at
//! in them.
//!
//! `scratch` is the folder, `confine` what a program started in it may reach, `postgres` and `redis` the
//! servers. Here are the time that a drill may take, the user it runs as, and what a signal does first.

mod confine;
pub(crate) mod postgres;
pub(crate) mod redis;
mod scratch;

pub(crate) use scratch::{Confinement, Scratch};

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use crate::error::{Class, Error, Result};
use crate::repository::Repository;
use crate::threads;

/// When a drill has taken too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, limit }
    }

    /// The repositories, of which nothing is read any more once the time is up. Records can still be stored.
    pub(crate) fn guard(self, repositories: Vec<Repository>) -> Vec<Repository> {
        let go_on = Arc::new(move || self.left().map(drop));
        repositories.into_iter().map(|one| one.with_deadline(go_on.clone())).collect()
    }

    /// The time that is left; an error when there is none.
    pub(crate) fn left(&self) -> Result<Duration> {
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

/// Makes sure that this is not root, who may not run PostgreSQL: as root it starts this program again as the
/// user who was named, and does not return. All of a drill then runs as that user, so what works in it works
/// for the restored server too: reading the configuration, fetching WAL.
pub(crate) fn become_user(name: Option<&str>, program: &str) -> Result<()> {
    let here = rustix::process::geteuid();
    let Some(name) = name else {
        if !here.is_root() {
            return Ok(());
        }
        return Err(Error::new(Class::Usage, "a drill does not run as root").hint(format!(
            "Name the user that runs PostgreSQL: {program} drill --user postgres."
        )));
    };
    let (uid, gid) = (number(name, "-u")?, number(name, "-g")?);
    if here.as_raw() == uid {
        return if here.is_root() { become_user(None, program) } else { Ok(()) };
    }
    if !here.is_root() {
        let message = format!("only root can run a drill as user {name}");
        return Err(Error::new(Class::Usage, message).hint("Leave --user out."));
    }
    if uid == 0 {
        return become_user(None, program);
    }
    let this = std::env::current_exe().map_err(|error| {
        Error::new(Class::Internal, format!("could not find out where this program is: {error}"))
    })?;
    // Where root was, the user may not be allowed to be.
    let mut command = Command::new(&this);
    command.args(std::env::args_os().skip(1)).uid(uid).gid(gid).current_dir("/");
    let error = command.exec();
    Err(Error::file("run", &this, &error)
        .hint(format!("Is it where user {name} may read and run it?")))
}

/// As `id` says it, which knows the users of a directory service too.
fn number(name: &str, which: &str) -> Result<u32> {
    let output = Command::new("id").args([which, "--", name]).output();
    let output = output.map_err(|error| {
        Error::new(Class::LocalFile, format!("could not run the program id: {error}"))
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .ok()
        .filter(|_| output.status.success())
        .ok_or_else(|| Error::new(Class::Usage, format!("there is no user {name:?}")))
}

/// From now on a signal that ends the process first has this done.
pub(super) fn before_signals_end_it(clean_up: impl Fn() + Send + 'static) -> Result<Handle> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| {
        Error::new(Class::Internal, format!("could not wait for signals: {error}"))
    })?;
    let handle = signals.handle();
    threads::start("signals", move || {
        for signal in signals.forever() {
            clean_up();
            // Whoever waits for the process sees what it ended of.
            let _ = emulate_default_handler(signal);
        }
    })?;
    Ok(handle)
}
