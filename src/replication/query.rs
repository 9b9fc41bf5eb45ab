//! Plain SQL over an ordinary connection.

use std::time::Duration;

use super::Connection;
use crate::error::Result;

/// Longest wait for the next bytes of an answer: these are small questions.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connects to a database. Where neither the connection string nor `PGDATABASE` names one it is
/// `postgres`: libpq would take one with the name of the role, and a role for backups has none.
pub fn connect(conninfo: &str, limit: Duration) -> Result<Connection> {
    let limit = limit.as_secs().max(2).to_string();
    let more = [("fallback_application_name", "seawall"), ("connect_timeout", limit.as_str())];
    let named = std::env::var_os("PGDATABASE").is_some_and(|name| !name.is_empty());
    let words = !conninfo.contains("://");
    // Of two values for one keyword the later counts.
    let default = if words && !named { "dbname=postgres " } else { "" };
    Connection::open(&format!("{default}{conninfo}"), &more, PATIENCE)
}

/// The rows of a query, in text form; SQL's NULL is `None`.
pub fn rows(connection: &mut Connection, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
    Ok(connection.query(sql)?.0)
}
