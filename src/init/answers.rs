use std::path::PathBuf;

/// What a configuration is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Of the server, where it is on this host: its owner archives, and has to read the configuration.
    pub data_directory: Option<PathBuf>,
    pub cluster: String,
    /// In the order in which they are read.
    pub repositories: Vec<Place>,
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
pub struct Place {
    pub url: String,
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub credentials_file: Option<PathBuf>,
}

impl Place {
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
