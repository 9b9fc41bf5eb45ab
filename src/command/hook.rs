//! The user's own commands around a restore.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;

use crate::error::{Class, Error, Result};

/// Runs one of the user's commands, as `sh -c` does, and waits for its end. `$1` in it is the data directory. Its
/// environment is ours: a server that it starts hands it on to `wal-fetch`, which takes an unknown variable
/// for a mistake. What it prints goes to the log: standard output may be for a program.
pub fn run_hook(which: &str, command: &str, data: &Path) -> Result<()> {
    tracing::info!(command, "running --{which}");
    let failed = |error| Error::new(Class::LocalFile, format!("could not run /bin/sh: {error}"));
    let log = io::stderr().as_fd().try_clone_to_owned().map_err(failed)?;
    let mut shell = Command::new("/bin/sh");
    let shell = shell.args(["-c", command, "sh"]).arg(data).stdout(log);
    let status = shell.status().map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    let message = format!("--{which} failed with {status}: {command}");
    Err(Error::new(Class::Usage, message))
}
