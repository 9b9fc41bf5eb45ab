//! The server on a directory, and no other: whoever answers at an address has to prove that it is the one.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::error::{Class, Error, ErrorKind, Result};
use crate::replication::PgConnection;

/// A server that is asked for its progress answers at once, or it hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a server wrote about itself into `postmaster.pid` of its directory (`utils/pidfile.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRecord {
    /// Process, directory, start, port: no two runs of a server have the same.
    identity: String,
    /// Seconds since 1970.
    started: i64,
    port: String,
    /// Where to reach it on this host: the folder of its socket, or an address.
    host: String,
    status: String,
}

/// What came of an attempt to ask the server.
pub enum ServerAnswer {
    Ours(PgConnection),
    /// It takes no connections yet.
    NotYet,
    /// It takes connections, but not this one.
    Refused(String),
    /// Another server is at the address that was named.
    Other(String),
}

impl ServerRecord {
    /// `None` while there is none, or not all of it.
    pub fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data.join("postmaster.pid")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let line = |number: usize| lines.get(number).copied().unwrap_or_default();
        let host = match (line(4), line(5)) {
            ("", "" | "*") => "localhost",
            ("", addresses) => addresses,
            (folder, _) => folder,
        };
        let port = Some(line(3)).filter(|port| !port.is_empty())?;
        Some(Self {
            identity: identity(text),
            started: line(2).parse().ok()?,
            port: port.to_owned(),
            host: host.to_owned(),
            status: line(7).to_owned(),
        })
    }

    /// Whether it takes connections, be it for reading only.
    pub fn is_ready(&self) -> bool {
        self.status == "ready"
    }

    /// Asks the server at its own address, with what was `told` of user, password and TLS; else, as where it runs in a container, at
    /// the address that was told.
    pub fn connect(&self, told: &str) -> ServerAnswer {
        let database = [("dbname", "postgres")];
        let first = if told.is_empty() { &database[..] } else { &[] };
        let own = [("host", self.host.as_str()), ("port", self.port.as_str())];
        match self.prove(open(told, first, &own)) {
            ServerAnswer::Ours(connection) => ServerAnswer::Ours(connection),
            own if told.is_empty() => own,
            own => match (self.prove(open(told, &[], &[])), own) {
                // What its own address says is said of it.
                (ServerAnswer::NotYet | ServerAnswer::Other(_), ServerAnswer::Refused(why)) => {
                    ServerAnswer::Refused(why)
                }
                (other, _) => other,
            },
        }
    }

    fn prove(&self, opened: Result<PgConnection>) -> ServerAnswer {
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(error) => return refused(&error),
        };
        match self.is_of(&mut connection) {
            Ok(true) => ServerAnswer::Ours(connection),
            Ok(false) => ServerAnswer::Other(self.port.clone()),
            Err(error) => refused(&error),
        }
    }

    /// The file that the server has in its own directory is this one. Who may not read it there is told by when the server was
    /// started, and its port.
    fn is_of(&self, connection: &mut PgConnection) -> Result<bool> {
        let first = |rows: crate::replication::Rows| rows.0.into_iter().flatten().flatten().next();
        match connection.query("SELECT pg_catalog.pg_read_file('postmaster.pid')") {
            Ok(rows) => return Ok(first(rows).is_some_and(|text| identity(&text) == self.identity)),
            Err(error) if error.class() == Class::Unreachable => return Err(error),
            Err(_) => {}
        }
        let query = format!(
            "SELECT pg_catalog.current_setting('port') = '{}' \
             AND extract(epoch FROM pg_catalog.pg_postmaster_start_time()) BETWEEN {} AND {}",
            self.port.replace('\'', "''"),
            self.started - 1,
            self.started + 60
        );
        Ok(first(connection.query(&query)?).as_deref() == Some("t"))
    }
}

fn open(told: &str, first: &[(&str, &str)], last: &[(&str, &str)]) -> Result<PgConnection> {
    let more = [("fallback_application_name", "seawall"), ("connect_timeout", "2")];
    PgConnection::open_with(told, &[&more[..], first].concat(), last, PATIENCE)
}

/// The lines that a server writes once; what it writes later is how it does.
fn identity(text: &str) -> String {
    text.lines().take(4).map(str::trim).collect::<Vec<_>>().join("\n")
}

fn refused(error: &Error) -> ServerAnswer {
    match error.kind() {
        Some(ErrorKind::NotUp) => ServerAnswer::NotYet,
        _ => ServerAnswer::Refused(error.message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_where_the_server_is_and_how_it_does() {
        let record = |socket: &str, address: &str| {
            let text =
                format!("812\n/data\n1732307400\n6001\n{socket}\n{address}\n  1  2\nready   \n");
            ServerRecord::parse(&text).unwrap()
        };
        assert_eq!(record("/run", "*").host, "/run");
        assert_eq!(
            [record("", "*").host, record("", "127.0.0.1").host],
            ["localhost", "127.0.0.1"]
        );
        assert!(record("", "*").is_ready());
        assert_eq!(record("/run", "*").identity, "812\n/data\n1732307400\n6001");
        for text in ["", "812\n", "812\n/data\n1732307400\n"] {
            assert_eq!(ServerRecord::parse(text), None);
        }
    }
}
