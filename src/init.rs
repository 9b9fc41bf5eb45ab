//! A first configuration: written from a few answers, checked before it is, with a key pair beside it.
//!
//! Here is found out what need not be asked. `text` is the configuration with its comments, and `next_steps` the lines that are
//! left to type.

mod next_steps;
mod text;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use age::secrecy::ExposeSecret;
use jiff::Timestamp;

use crate::doctor::Account;
use crate::durable;
use crate::error::{Class, Error, Result};
use crate::postgres::{PID_FILE, PidFile};
use crate::replication::query;

pub(crate) use next_steps::next_steps;
pub(crate) use text::text;

/// What a configuration is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Of the server, where it is on this host: its owner archives, and has to read the configuration.
    pub data_directory: Option<PathBuf>,
    pub cluster: String,
    /// In the order in which they are read.
    pub repositories: Vec<RepositoryPlace>,
    /// How many of them are enough; `None` where all are needed.
    pub needed: Option<usize>,
    pub encryption: Encryption,
    /// As in the configuration: `5m`.
    pub rpo: String,
    pub rto: String,
    /// How far back a recovery reaches: what is kept, and what is promised.
    pub reaches_back: String,
    /// libpq's; none where its own variables and defaults do.
    pub connection: Option<String>,
    pub redis_url: Option<String>,
    /// Names of sets, and what is in them.
    pub media: Vec<(String, PathBuf)>,
    /// The configuration to be written.
    pub output: PathBuf,
    /// The private key to be written, with [`Encryption::NewKey`].
    pub identity_file: PathBuf,
    /// Whether the server runs in a container of podman's.
    pub container: bool,
    /// Whether that is the podman of an ordinary user (rootless), who runs all of it.
    pub rootless: bool,
    /// For `state_directory`, where the usual one is not ours to write to.
    pub state_directory: Option<PathBuf>,
}

/// A repository; what concerns S3 has no effect on a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPlace {
    pub url: String,
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub credentials_file: Option<PathBuf>,
}

impl RepositoryPlace {
    pub fn is_bucket(&self) -> bool {
        self.url.starts_with("s3://")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    None,
    /// To a key pair that is made now.
    NewKey,
    /// To public keys that there are.
    To(Vec<String>),
}

/// An age key pair (X25519).
pub(crate) struct KeyPair(age::x25519::Identity);

impl KeyPair {
    pub(crate) fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// The public half, `age1…`.
    pub(crate) fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }

    /// Writes the private half as `age-keygen` does, readable for its owner alone. Never over another file:
    /// that may be the only key to older backups.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = format!(
            "# created: {}\n# public key: {}\n{}\n",
            Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            self.recipient(),
            self.0.to_string().expose_secret()
        );
        match durable::create_new(path, text.as_bytes(), 0o600, None)? {
            true => Ok(()),
            false => Err(Error::new(
                Class::Usage,
                format!("{path:?} already exists: it may be the key to older backups"),
            )
            .hint(
                "Say --identity-file for another one, or --encrypt age1… to use its public key.",
            )),
        }
    }
}

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
