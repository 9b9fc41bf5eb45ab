//! What can be found out about the server, so that less has to be asked.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::doctor::Account;
use crate::error::{Error, Result};
use crate::replication::query;

/// Longest wait for a server that may not be there.
const LIMIT: Duration = Duration::from_secs(5);

const ASK: &str = "select current_setting('data_directory', true), current_setting('cluster_name')";

/// Where a server was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub data_directory: Option<PathBuf>,
    /// `cluster_name`, where it is set and may be the name of a folder.
    pub cluster: Option<String>,
}

/// Asks the server; where it can't be asked (root is no role of it) looks for the one that runs here.
pub fn find_server(conninfo: &str) -> Found {
    ask(conninfo).unwrap_or_else(|error| {
        tracing::debug!("the server was not asked: {error}");
        Found { data_directory: running(), cluster: None }
    })
}

fn ask(conninfo: &str) -> Result<Found> {
    let mut connection = query::connect(conninfo, LIMIT)?;
    let row = query::rows(&mut connection, ASK)?.into_iter().next().unwrap_or_default();
    let mut row = row.into_iter().map(|field| field.filter(|text| !text.is_empty()));
    let plain = |name: &String| {
        name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            && !name.starts_with('.')
    };
    let data_directory = row.next().flatten().map(PathBuf::from);
    Ok(Found {
        data_directory: data_directory.filter(|path| path.is_dir()),
        cluster: row.next().flatten().filter(plain),
    })
}

/// The working directory of the one postmaster that runs on this host: it is its data directory.
fn running() -> Option<PathBuf> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let directories = processes.filter_map(|entry| {
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        let directory = fs::read_link(entry.path().join("cwd")).ok()?;
        (name.trim() == "postgres" && directory.join("PG_VERSION").is_file()).then_some(directory)
    });
    let mut found: Vec<PathBuf> = directories.collect();
    found.sort();
    found.dedup();
    found.pop().filter(|_| found.is_empty())
}

/// Whom the data directory belongs to: PostgreSQL starts as nobody else.
pub fn owner_of(data_directory: &Path) -> Result<Account> {
    let metadata = fs::metadata(data_directory)
        .map_err(|error| Error::file("look at", data_directory, &error))?;
    Ok(Account { uid: metadata.uid(), gid: metadata.gid(), groups: Vec::new() })
}
