//! The user's own commands around a restore.

use std::path::Path;
use std::process::Command;

use crate::error::{Class, Error, Result};

/// Runs one of the user's commands, as `sh -c` does, and waits for its end. `$1` in it is the data directory. Its
/// environment is ours: a server that it starts hands it on to `wal-fetch`, which takes an unknown variable
/// for a mistake.
pub fn run_hook(which: &str, command: &str, data: &Path) -> Result<()> {
    tracing::info!(command, "running --{which}");
    let status =
        Command::new("/bin/sh").args(["-c", command, "sh"]).arg(data).status().map_err(
            |error| Error::new(Class::LocalFile, format!("could not run /bin/sh: {error}")),
        )?;
    if status.success() {
        return Ok(());
    }
    let message = format!("--{which} failed with {status}: {command}");
    Err(Error::new(Class::Usage, message))
}
