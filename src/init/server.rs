//! What can be found out about the server, so that less has to be asked.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::doctor::Account;
use crate::error::{Error, Result};
use crate::postgres::{PID_FILE, PidFile};
use crate::replication::query;

/// Longest wait for a server that may not be there.
const LIMIT: Duration = Duration::from_secs(5);

/// Where nothing else is said.
const USUAL_PORT: &str = "5432";

const ASK: &str = "select current_setting('data_directory', true), current_setting('cluster_name')";

/// Where a server was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FoundServer {
    pub data_directory: Option<PathBuf>,
    /// `cluster_name`, where it is set and may be the name of a folder.
    pub cluster: Option<String>,
    /// Data directories of the servers that run here, where there are several and none could be asked.
    pub several: Vec<PathBuf>,
}

/// Asks the server; where it can't be asked (root is no role of it) looks for the one that runs here.
pub(crate) fn find_server(conninfo: &str) -> FoundServer {
    ask(conninfo).unwrap_or_else(|error| {
        tracing::debug!("the server was not asked: {error}");
        let mut running = running();
        let alone = if running.len() == 1 { running.pop() } else { None };
        FoundServer { data_directory: alone, several: running, ..FoundServer::default() }
    })
}

fn ask(conninfo: &str) -> Result<FoundServer> {
    let mut connection = query::connect(conninfo, LIMIT)?;
    let row = query::first_row(&mut connection, ASK)?;
    let mut row = row.into_iter().map(|field| field.filter(|text| !text.is_empty()));
    let plain = |name: &String| {
        name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            && !name.starts_with('.')
    };
    let data_directory = row.next().flatten().map(PathBuf::from);
    Ok(FoundServer {
        data_directory: data_directory.filter(|path| path.is_dir()),
        cluster: row.next().flatten().filter(plain),
        several: Vec::new(),
    })
}

/// The working directories of the postmasters that run on this host: these are their data directories.
fn running() -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let directories = processes.filter_map(|entry| {
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        let directory = fs::read_link(entry.path().join("cwd")).ok()?;
        (name.trim() == "postgres" && directory.join("PG_VERSION").is_file()).then_some(directory)
    });
    let mut found: Vec<PathBuf> = directories.collect();
    found.sort();
    found.dedup();
    found
}

/// From `postmaster.pid`: the connection string for a server on this host. Written down, it has `seawall check` warn when that server does not answer. `None` where it does not run, or keeps its data from us.
pub(crate) fn connection_to(data_directory: &Path) -> Option<String> {
    let file = PidFile::parse(&fs::read(data_directory.join(PID_FILE)).ok()?);
    let host = file.host();
    match file.port.as_str() {
        "" => None,
        USUAL_PORT => Some(format!("host={host}")),
        port => Some(format!("host={host} port={port}")),
    }
}

/// Whom the data directory belongs to: PostgreSQL starts as nobody else.
pub(crate) fn owner_of(data_directory: &Path) -> Result<Account> {
    let metadata = fs::metadata(data_directory)
        .map_err(|error| Error::file("look at", data_directory, &error))?;
    Ok(Account { uid: metadata.uid(), gid: metadata.gid(), groups: Vec::new() })
}

/// The user that archives where nobody says whose the data directory is: that of the packages, if there is one.
pub(crate) fn usual_owner() -> Option<Account> {
    Account::named("postgres")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_runs_here_is_reached_where_it_listens() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(connection_to(place.path()), None);
        for (port, sockets, expected) in [
            ("5433", "/run/postgresql", "host=/run/postgresql port=5433"),
            ("5433", "", "host=localhost port=5433"),
            ("5432", "/tmp", "host=/tmp"),
        ] {
            let text = format!("71\n/data\n1700000000\n{port}\n{sockets}\n*\n  1 2\nready   \n");
            fs::write(place.path().join(PID_FILE), text).unwrap();
            assert_eq!(connection_to(place.path()).as_deref(), Some(expected));
        }
    }
}
