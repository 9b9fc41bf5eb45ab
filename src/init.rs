//! A first configuration: written from a few answers, checked before it is, with a key pair beside it.
//!
//! `server` finds out what need not be asked, `text` is the configuration with its comments, and `next_steps`
//! the lines that are left to type.

mod next_steps;
mod server;
mod text;

pub(crate) use next_steps::next_steps;
pub(crate) use server::{FoundServer, connection_to, find_server, owner_of, usual_owner};
pub(crate) use text::text;

use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use jiff::Timestamp;

use crate::durable;
use crate::error::{Class, Error, Result};

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
