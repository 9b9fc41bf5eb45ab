use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Class, Error, Result};
use crate::postgres::shut_down_in_recovery;

/// Starts the server on a data directory with the programs of its own version, and returns when it was
/// started, not when it takes connections. Its first messages go into `log`.
pub fn start_server(data: &Path, bin: Option<&Path>, log: &Path) -> Result<()> {
    let version = fs::read_to_string(data.join("PG_VERSION"));
    let version = version.map_err(|error| Error::file("read", &data.join("PG_VERSION"), &error))?;
    let program = pg_ctl(bin, version.trim())?;
    let status = Command::new(&program)
        .args(["start", "--no-wait", "--silent", "-D"])
        .arg(data)
        .arg("-l")
        .arg(log)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|error| Error::file("run", &program, &error))?;
    if status.success() {
        return Ok(());
    }
    let message = format!("expected {program:?} to start the server, it ended with {status}");
    Err(Error::new(Class::LocalFile, message).hint(format!("Its messages are in {log:?}.")))
}

/// `pg_ctl` of that version: where it was said to be, where distributions put it, or in the PATH.
fn pg_ctl(bin: Option<&Path>, version: &str) -> Result<PathBuf> {
    if let Some(bin) = bin {
        return Ok(bin.join("pg_ctl"));
    }
    let known = [format!("/usr/lib/postgresql/{version}/bin"), format!("/usr/pgsql-{version}/bin")];
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let folders = known.iter().map(PathBuf::from).chain(std::env::split_paths(&in_path));
    folders.map(|folder| folder.join("pg_ctl")).find(|program| program.is_file()).ok_or_else(|| {
        let message = format!("expected pg_ctl of PostgreSQL {version}, found none");
        Error::new(Class::Usage, message).hint("Say where its programs are: --postgres-bin FOLDER.")
    })
}

/// How to reach the server that runs on a data directory, by what it wrote into `postmaster.pid`
/// (`utils/pidfile.h`): port in line 4, socket folder in line 5. `None` while it has not.
pub fn connection_of(data: &Path) -> Option<String> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let lines: Vec<&str> = text.lines().collect();
    let (port, folder) = (lines.get(3)?.trim(), lines.get(4)?.trim());
    let quoted = folder.replace('\\', "\\\\").replace('\'', "\\'");
    (!port.is_empty() && !folder.is_empty())
        .then(|| format!("host='{quoted}' port={port} dbname=postgres"))
}

/// How a server that recovers went down. A short recovery is over before anybody could ask the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// It was shut down, by itself at its target or by somebody.
    InOrder,
    Failed,
}

/// Whether a server that was just started is there, and then, whether it is gone again.
pub struct Watch<'a> {
    data: &'a Path,
    since: Instant,
    seen: bool,
}

impl<'a> Watch<'a> {
    /// It makes itself known within this time, or it failed to start.
    const START: Duration = Duration::from_secs(30);

    pub fn new(data: &'a Path) -> Self {
        Self { data, since: Instant::now(), seen: false }
    }

    /// `None` as long as it runs, or may be about to.
    pub fn gone(&mut self) -> Option<Gone> {
        let there = self.data.join("postmaster.pid").exists();
        self.seen |= there;
        if there || !self.seen && self.since.elapsed() <= Self::START {
            return None;
        }
        let control_file = fs::read(self.data.join("global/pg_control"));
        let in_order = control_file.is_ok_and(|bytes| shut_down_in_recovery(&bytes));
        Some(if in_order { Gone::InOrder } else { Gone::Failed })
    }
}
