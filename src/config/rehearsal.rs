use std::path::PathBuf;
use std::time::Duration;

use super::resolved::Resolved;
use super::value::Value;

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
