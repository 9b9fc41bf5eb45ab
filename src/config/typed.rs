//! The configuration as the rest of the program uses it: checked as a whole, with units in the types.

use std::cmp::Ordering;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::media::{MediaSet, sets};
use super::redis::RedisConfig;
use super::repository::{RepositoryConfig, repositories};
use super::resolved::Resolved;
use super::secrets::credentials_of_url;
use super::sections::{DrillConfig, KeepConfig, NotifyConfig, Objectives};
use super::setting::checked_name;
use super::settings::BANDWIDTH;
use super::value::Value;
use crate::error::{Class, Error, Result};

/// The configuration as the rest of the program uses it: checked as a whole, with units in the types.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file that it was read from, if there was one.
    pub file: Option<PathBuf>,
    pub cluster: String,
    pub needed: NeededCopies,
    /// In the order in which they are read.
    pub repositories: Vec<RepositoryConfig>,
    pub encryption: EncryptionConfig,
    pub wal: WalConfig,
    /// How libpq is told where the server is.
    pub connection: String,
    pub basebackup: BaseBackupConfig,
    pub redis: RedisConfig,
    /// By name.
    pub media: Vec<MediaSet>,
    pub media_backup: MediaBackupConfig,
    pub retention: RetentionConfig,
    pub objectives: Objectives,
    pub notify: NotifyConfig,
    pub drill: DrillConfig,
    pub limits: Limits,
    /// Bytes a second, for the commands that take backups; `None`: no limit.
    pub bandwidth: Option<u64>,
    pub log: LogConfig,
    /// Of this host, if it is there.
    pub state_directory: Option<PathBuf>,
    /// In which a report tells times. It is looked up where it is used: archiving goes on where no zones are installed.
    pub report_timezone: String,
}

/// How many repositories must have something before it counts as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeededCopies {
    All,
    AtLeast(NonZeroUsize),
}

impl NeededCopies {
    /// Fails for more than there are. As many as there are is all of them.
    fn of(value: Option<&Value>, repositories: usize) -> Result<Self> {
        let Some(Value::Integer(number)) = value else { return Ok(Self::All) };
        let number = NonZeroUsize::new(*number as usize).unwrap_or(NonZeroUsize::MIN);
        match number.get().cmp(&repositories) {
            Ordering::Less => Ok(Self::AtLeast(number)),
            Ordering::Equal => Ok(Self::All),
            Ordering::Greater => {
                let configured = match repositories {
                    1 => "only 1 repository is configured".to_owned(),
                    several => format!("only {several} repositories are configured"),
                };
                let message = format!("needed is {number}, but {configured}");
                Err(Error::new(Class::Configuration, message)
                    .hint("Write needed = \"all\", or a smaller number."))
            }
        }
    }
}

#[derive(Debug, Clone)]
pub struct EncryptionConfig {
    pub recipients: Vec<String>,
    pub identity_file: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct WalConfig {
    pub compression_level: i32,
    pub look_ahead: usize,
    pub look_ahead_bytes: u64,
    pub parallel: NonZeroUsize,
    pub prefetch: usize,
    pub prefetch_bytes: u64,
    pub gap_wait: Duration,
}

#[derive(Debug, Clone)]
pub struct BaseBackupConfig {
    pub compression_level: i32,
    /// How many threads compress or restore.
    pub parallel: NonZeroUsize,
    pub wal_timeout: Duration,
}

/// What `basebackup prune` keeps.
#[derive(Debug, Clone, Copy)]
pub struct RetentionConfig {
    pub keep: KeepConfig,
    pub wal_window: Duration,
}

/// Snapshots of media files, whatever the set.
#[derive(Debug, Clone)]
pub struct MediaBackupConfig {
    /// zstd level.
    pub compression_level: i32,
    pub state_directory: Option<PathBuf>,
    /// What `media-backup prune` keeps.
    pub keep: KeepConfig,
}

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub connect: Duration,
    pub request: Duration,
    pub total: Duration,
    pub attempts: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    pub level: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Auto,
    Text,
    Json,
    Journald,
}

impl LogFormat {
    /// The one of that name, as the setting `log.format` has it.
    pub fn of_word(word: &str) -> Self {
        match word {
            "text" => Self::Text,
            "json" => Self::Json,
            "journald" => Self::Journald,
            _ => Self::Auto,
        }
    }
}

impl Config {
    pub fn from_resolved(resolved: &Resolved) -> Result<Self> {
        let repositories = repositories(&resolved.repositories, resolved.aws_endpoint.as_ref())?;
        let config = Self {
            file: resolved.file.clone(),
            cluster: checked_name("cluster", resolved.text("cluster"))?,
            needed: NeededCopies::of(resolved.value("needed"), repositories.len())?,
            repositories,
            encryption: EncryptionConfig {
                recipients: recipients(resolved)?,
                identity_file: resolved.path("encryption.identity_file"),
            },
            wal: WalConfig {
                compression_level: resolved.number("wal.compression_level") as i32,
                look_ahead: resolved.number("wal.look_ahead") as usize,
                look_ahead_bytes: resolved.size("wal.look_ahead_size"),
                parallel: NonZeroUsize::new(resolved.number("wal.parallel") as usize)
                    .unwrap_or(NonZeroUsize::MIN),
                prefetch: resolved.number("wal.prefetch") as usize,
                prefetch_bytes: resolved.size("wal.prefetch_size"),
                gap_wait: resolved.duration("wal.gap_wait"),
            },
            connection: connection(resolved)?,
            basebackup: BaseBackupConfig {
                compression_level: resolved.number("basebackup.compression_level") as i32,
                parallel: NonZeroUsize::new(resolved.number("basebackup.parallel") as usize)
                    .or_else(|| std::thread::available_parallelism().ok())
                    .unwrap_or(NonZeroUsize::MIN),
                wal_timeout: resolved.duration("basebackup.wal_timeout"),
            },
            redis: RedisConfig::from_resolved(resolved)?,
            media: sets(&resolved.media)?,
            media_backup: MediaBackupConfig {
                compression_level: resolved.number("media_backup.compression_level") as i32,
                state_directory: resolved.path("media_backup.state_directory"),
                keep: resolved.keep("media_backup"),
            },
            retention: RetentionConfig {
                keep: resolved.keep("retention"),
                wal_window: resolved.duration("retention.wal_window"),
            },
            objectives: Objectives::from_resolved(resolved),
            notify: NotifyConfig::from_resolved(resolved)?,
            drill: DrillConfig::from_resolved(resolved),
            limits: Limits {
                connect: resolved.duration("limits.connect_timeout"),
                request: resolved.duration("limits.request_timeout"),
                total: resolved.duration("limits.total_timeout"),
                attempts: resolved.number("limits.attempts") as u32,
            },
            bandwidth: resolved.value(BANDWIDTH).map(|_| resolved.size(BANDWIDTH)),
            log: resolved.log(),
            state_directory: resolved.path("state_directory"),
            report_timezone: resolved.text("report.timezone"),
        };
        config.check_encryption()?;
        Ok(config)
    }

    fn check_encryption(&self) -> Result<()> {
        let asked = |repository: &&RepositoryConfig| repository.encrypt == Some(true);
        match self.repositories.iter().find(asked) {
            Some(repository) if self.encryption.recipients.is_empty() => Err(Error::new(
                Class::Configuration,
                format!(
                    "repository {} has encrypt = true, but there are no recipients",
                    repository.name
                ),
            )
            .hint("Set encryption.recipients to the public keys that may read it.")),
            _ => Ok(()),
        }
    }
}

/// A password in it would show up in process lists and in logs.
fn connection(resolved: &Resolved) -> Result<String> {
    let text = match resolved.value("postgres.connection") {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let user = credentials_of_url(&text).and_then(|_| text.split_once("://")?.1.split_once('@'));
    let in_url = user.is_some_and(|(user, _)| user.contains(':'));
    if in_url || text.to_ascii_lowercase().replace(' ', "").contains("password=") {
        return Err(Error::new(
            Class::Configuration,
            "expected postgres.connection without a password, found one (not shown)",
        )
        .hint("Put it into a password file (passfile=…, ~/.pgpass) or into PGPASSWORD."));
    }
    Ok(text)
}

fn recipients(resolved: &Resolved) -> Result<Vec<String>> {
    let mut all = match resolved.value("encryption.recipients") {
        Some(Value::List(list)) => list.clone(),
        _ => Vec::new(),
    };
    if let Some(path) = resolved.path("encryption.recipients_file") {
        all.extend(read_recipients(&path)?);
    }
    Ok(all)
}

fn read_recipients(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("could not read recipients file {path:?}: {error}");
        Error::new(Class::Configuration, message)
    })?;
    let lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

impl Resolved {
    pub fn log(&self) -> LogConfig {
        let format = LogFormat::of_word(&self.text("log.format"));
        LogConfig { level: self.text("log.level"), format }
    }
}
