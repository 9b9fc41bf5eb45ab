//! Plain SQL over an ordinary connection, and where the server is when nobody says it.
//!
//! Our libpq is linked in statically and knows one folder for sockets; the packages of each system use another.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::PgConnection;
use crate::error::Result;

/// Longest wait for the next bytes of an answer: these are small questions.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connects to a database. Where neither the connection string nor `PGDATABASE` names one it is
/// `postgres`: libpq would take one with the name of the role, and a role for backups has none.
pub(crate) fn connect(conninfo: &str, limit: Duration) -> Result<PgConnection> {
    let named = std::env::var_os("PGDATABASE").is_some_and(|name| !name.is_empty());
    let words = !conninfo.contains("://");
    // Of two values for one keyword the later counts.
    let default = if words && !named { "dbname=postgres " } else { "" };
    open(&format!("{default}{conninfo}"), limit, &[], PATIENCE)
}

/// Connects for the replication protocol. `patience` is the longest silence of the server.
pub(crate) fn connect_for_replication(
    conninfo: &str,
    limit: Duration,
    patience: Duration,
) -> Result<PgConnection> {
    open(conninfo, limit, &[("replication", "true")], patience)
}

/// Connects within `limit`, in whole seconds and at least two of them, as libpq has it. `last` overrides what `conninfo` says.
pub(crate) fn open(
    conninfo: &str,
    limit: Duration,
    last: &[(&str, &str)],
    patience: Duration,
) -> Result<PgConnection> {
    let limit = limit.as_secs().max(2).to_string();
    let first = [("fallback_application_name", "seawall"), ("connect_timeout", limit.as_str())];
    PgConnection::open_with(conninfo, &first, last, patience)
}

/// The rows of a query, in text form; SQL's NULL is `None`.
pub(crate) fn rows(connection: &mut PgConnection, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
    Ok(connection.query(sql)?.0)
}

/// The first row of a query; empty where there is none.
pub(crate) fn first_row(connection: &mut PgConnection, sql: &str) -> Result<Vec<Option<String>>> {
    Ok(rows(connection, sql)?.into_iter().next().unwrap_or_default())
}

/// Where servers put their sockets: what Debian, Fedora and their kin build in, then PostgreSQL's own default,
/// which is all that our libpq knows (`DEFAULT_PGSOCKET_DIR`).
const FOLDERS: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

/// Variables that say where the server is, or may.
const VARIABLES: [&str; 3] = ["PGHOST", "PGHOSTADDR", "PGSERVICE"];

/// The host to connect to where nobody names one: the first of these folders with a socket in it.
pub(crate) fn default_host(conninfo: &str) -> Option<&'static str> {
    if variables_name_a_place() || names_a_host(conninfo) {
        return None;
    }
    FOLDERS.into_iter().find(|folder| holds_a_socket(Path::new(folder)))
}

/// Whether the environment says where the server is.
pub(crate) fn variables_name_a_place() -> bool {
    let said = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    VARIABLES.iter().any(said)
}

/// A `host` of ours would stand beside a `hostaddr`, and before what a service says.
fn names_a_host(conninfo: &str) -> bool {
    ["host", "service"].iter().any(|word| conninfo.contains(word))
}

fn holds_a_socket(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| {
        let port = name.to_str().and_then(|name| name.strip_prefix(".s.PGSQL."));
        port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_counts_with_a_socket_in_it() {
        let place = tempfile::tempdir().unwrap();
        assert!(!holds_a_socket(&place.path().join("absent")));
        fs::write(place.path().join(".s.PGSQL.5432.lock"), "").unwrap();
        assert!(!holds_a_socket(place.path()));
        fs::write(place.path().join(".s.PGSQL.5432"), "").unwrap();
        assert!(holds_a_socket(place.path()));
    }

    #[test]
    fn what_is_named_is_taken() {
        for conninfo in ["host=db", "hostaddr=10.0.0.1", "service=shop", "user=a host=b"] {
            assert_eq!(default_host(conninfo), None, "{conninfo}");
        }
        assert!(!names_a_host("user=backup port=5433") && !names_a_host(""));
    }
}
