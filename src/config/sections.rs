//! Parts of the configuration in their types: what is kept, what was promised, how restores are rehearsed, who
//! is told.

use std::path::PathBuf;
use std::time::Duration;

use super::resolved::Resolved;
use super::value::Value;
use crate::error::{Class, Error, Result};

/// Which backups of a kind are kept.
#[derive(Debug, Clone, Copy)]
pub struct KeepConfig {
    pub within: Duration,
    pub last: usize,
    pub daily: usize,
    pub weekly: usize,
    pub monthly: usize,
    pub yearly: usize,
    /// An unfinished backup counts as one being taken for so long.
    pub unfinished: Duration,
}

impl Resolved {
    /// The rules of one table of settings.
    pub(super) fn keep(&self, table: &str) -> KeepConfig {
        let count = |rule: &str| self.number(&format!("{table}.keep_{rule}")) as usize;
        let time = |rule: &str| self.duration(&format!("{table}.keep_{rule}"));
        KeepConfig {
            within: time("within"),
            last: count("last"),
            daily: count("daily"),
            weekly: count("weekly"),
            monthly: count("monthly"),
            yearly: count("yearly"),
            unfinished: time("unfinished"),
        }
    }
}

/// What was promised, and what `seawall check` measures against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objectives {
    /// At most so much may be lost.
    pub rpo: Duration,
    /// A restore may take so long.
    pub rto: Duration,
    pub base_backups: BackupObjective,
    /// A recovery reaches any second of so long a time; `None`: nobody promised.
    pub reaches_back: Option<Duration>,
    pub redis: BackupObjective,
    /// Of each set.
    pub media: BackupObjective,
    pub drill_age: Duration,
    pub verify_age: Duration,
    /// Of a file system, in per cent.
    pub free_space: u8,
    pub days_until_full: u32,
}

/// How many backups of a kind there should be in each repository, and how old the newest may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupObjective {
    pub age: Duration,
    pub count: usize,
}

impl Objectives {
    pub(super) fn from_resolved(resolved: &Resolved) -> Self {
        let time = |key: &str| resolved.duration(&format!("objectives.{key}"));
        let number = |key: &str| resolved.number(&format!("objectives.{key}"));
        let wanted = |age: &str, count: &str| BackupObjective {
            age: time(age),
            count: number(count) as usize,
        };
        Self {
            rpo: time("rpo"),
            rto: time("rto"),
            base_backups: wanted("base_backup_age", "base_backups"),
            reaches_back: resolved.optional_duration("objectives.reaches_back"),
            redis: wanted("redis_age", "redis_backups"),
            media: wanted("media_age", "media_backups"),
            drill_age: time("drill_age"),
            verify_age: time("verify_age"),
            free_space: number("free_space") as u8,
            days_until_full: number("days_until_full") as u32,
        }
    }
}

/// How restores are rehearsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillConfig {
    /// Each drill has a folder of its own in it.
    pub directory: PathBuf,
    /// Folder with the programs of PostgreSQL; looked for when not set.
    pub postgres_bin: Option<PathBuf>,
    /// Folder with `redis-server` or `valkey-server`; on `PATH` when not set.
    pub redis_bin: Option<PathBuf>,
    /// In bytes.
    pub shared_buffers: u64,
    /// SQL queries that have to give true.
    pub assertions: Vec<String>,
    /// Database that they run in.
    pub database: String,
    pub timeout: Duration,
    /// How many files of a snapshot are restored.
    pub media_sample: usize,
}

impl DrillConfig {
    pub(super) fn from_resolved(resolved: &Resolved) -> Self {
        let assertions = match resolved.value("drill.assert") {
            Some(Value::List(queries)) => queries.clone(),
            _ => Vec::new(),
        };
        Self {
            directory: resolved
                .path("drill.directory")
                .unwrap_or_else(|| PathBuf::from("/var/tmp")),
            postgres_bin: resolved.path("drill.postgres_bin"),
            redis_bin: resolved.path("drill.redis_bin"),
            shared_buffers: resolved.size("drill.shared_buffers"),
            assertions,
            database: resolved.text("drill.database"),
            timeout: resolved.duration("drill.timeout"),
            media_sample: resolved.number("drill.media_sample") as usize,
        }
    }
}

/// Who is told what `check` found.
#[derive(Debug, Clone)]
pub struct NotifyConfig {
    pub mail_to: Vec<String>,
    /// The program that takes mail.
    pub sendmail: PathBuf,
    /// HOST:PORT of the mail server that takes it in place of the program.
    pub smtp: Option<String>,
    pub mail_from: Option<String>,
    /// A line for each: its form and its URL.
    pub webhooks_file: Option<PathBuf>,
    /// Whether a WARNING is told too, and what could not be found out.
    pub warnings: bool,
    /// From this hour of the day on, in the zone of reports, a summary is sent.
    pub summary_hour: Option<i8>,
}

impl NotifyConfig {
    pub(super) fn from_resolved(resolved: &Resolved) -> Result<Self> {
        let mail_to = match resolved.value("notify.mail_to") {
            Some(Value::List(list)) => list.clone(),
            _ => Vec::new(),
        };
        let text = |key: &str| match resolved.value(key) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let mail_from = text("notify.mail_from");
        let addresses = mail_to.iter().map(|it| ("notify.mail_to", it));
        let mut addresses = addresses.chain(mail_from.iter().map(|it| ("notify.mail_from", it)));
        if let Some((key, wrong)) = addresses.find(|(_, it)| !is_address(it)) {
            let message =
                format!("expected addresses like ops@example.org in {key}, found {wrong:?}");
            return Err(Error::new(Class::Configuration, message));
        }
        let smtp = text("notify.smtp");
        if let Some(wrong) = smtp.as_ref().filter(|it| !is_host_and_port(it)) {
            let message =
                format!("expected HOST:PORT like 127.0.0.1:25 in notify.smtp, found {wrong:?}");
            return Err(Error::new(Class::Configuration, message));
        }
        let summary_hour = match resolved.value("notify.summary_hour") {
            Some(Value::Integer(hour)) => i8::try_from(*hour).ok(),
            _ => None,
        };
        Ok(Self {
            mail_to,
            sendmail: resolved
                .path("notify.sendmail")
                .unwrap_or_else(|| PathBuf::from("/usr/sbin/sendmail")),
            smtp,
            mail_from,
            webhooks_file: resolved.path("notify.webhooks_file"),
            warnings: matches!(resolved.value("notify.warnings"), Some(Value::Boolean(true))),
            summary_hour,
        })
    }
}

/// A line of its own in a header would be another header.
fn is_address(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !",;:<>()".contains(c))
}

fn is_host_and_port(text: &str) -> bool {
    let parts = text.rsplit_once(':');
    parts.is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|it| it > 0)
    })
}
