//! `backup.json` of a backup of a Redis: what was saved, of which moment, and how many keys it has.
//!
//! The keys are what a restore and a drill are measured by, and how far they fell is what tells of data that
//! vanished.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::{Keys, is_explained, is_plausible};
use super::server_info::Product;
use crate::backup::{
    Configured, DATABASE_KEYS, Described, DescriptionHead, Fell, Measure, SelfContained,
    StoredObject,
};
use crate::config::{Config, KeepConfig};

/// `backup.json` of a backup of a Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedisDescription {
    /// Version of the format.
    pub seawall: u32,
    pub id: String,
    /// What the user called it.
    pub label: String,
    pub product: Product,
    /// Like `7.0.15`.
    pub version: String,
    pub source: RedisSource,
    pub content: RedisContent,
    /// RFC 3339 in UTC.
    pub began: String,
    pub ended: String,
    /// Of which moment the data are, by this host's clock; absent in backups of before it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<String>,
    /// Whether the server had an append-only file, as far as it told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appendonly: Option<bool>,
    /// The keys were counted beside the data, not in them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// The moment of the data in the server's own history; absent where the server does not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_offset: Option<u64>,
    /// The databases that have keys.
    pub keys: Vec<Keys>,
    /// Bytes, as the server says.
    pub used_memory: u64,
    /// Whether the objects are encrypted.
    pub encrypted: bool,
    pub files: Vec<StoredFile>,
    /// Absent where it holds about as much as those before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fell: Option<Fell>,
    /// It may hold less than those before: somebody said so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted: bool,
}

/// Where the data came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedisSource {
    /// Sent by the server as to a replica.
    Connection,
    /// From its folder.
    Files,
}

/// What the files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedisContent {
    /// One RDB file.
    Rdb,
    /// An append-only file with all that belongs to it, the manifest last.
    AppendOnly,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    #[serde(flatten)]
    pub stored: StoredObject,
    /// As it was called in the server's folder.
    pub name: String,
}

impl RedisDescription {
    pub const FORMAT: u32 = 1;

    /// Of which moment the data are; where that was not recorded, when the backup was begun.
    pub fn moment(&self) -> Option<Timestamp> {
        self.moment.as_ref().unwrap_or(&self.began).parse().ok()
    }

    /// Whether a server that was restored has the keys of the backup, but for those whose time has come.
    pub fn has_its_keys(&self, now: &[Keys]) -> bool {
        // Nobody counts what is in an append-only file.
        match self.estimated || self.content == RedisContent::AppendOnly {
            true => is_plausible(&self.keys, now),
            false => is_explained(&self.keys, now),
        }
    }
}

impl Described for RedisDescription {
    const WHAT: &'static str = "Redis backup";
    const FORMAT: u32 = Self::FORMAT;

    fn objects(&self) -> impl Iterator<Item = &StoredObject> {
        self.files.iter().map(|file| &file.stored)
    }

    fn encrypted(&self) -> bool {
        self.encrypted
    }
}

impl Configured for RedisDescription {
    const PROGRAM: &'static str = "redis-backup";
    const NAMED_BY: &'static str = "redis.name";
    const TABLES: &'static [&'static str] = &["redis"];
    const NOTES: &'static str = "redis";

    fn name(config: &Config) -> &str {
        &config.redis.name
    }

    fn keep(config: &Config) -> KeepConfig {
        config.redis.keep
    }
}

impl SelfContained for RedisDescription {
    const ROOT: &'static str = "redis/";

    fn head(&self) -> DescriptionHead<'_> {
        DescriptionHead {
            id: &self.id,
            label: &self.label,
            times: [&self.began, &self.ended],
            fell: self.fell.as_ref(),
            accepted: self.accepted,
        }
    }

    /// Keys that expire may go at any time, all others stay, as a rule.
    fn measures(&self) -> Vec<Measure> {
        let sum = |count: fn(&Keys) -> u64| self.keys.iter().map(count).sum();
        let all = Measure::new("keys", sum(|it| it.keys), 1).or_part(100, 1000);
        let lasting = sum(|it| it.keys.saturating_sub(it.expires));
        let lasting = Measure::new("keys without an expiry", lasting, u64::MAX).or_part(10, 10);
        let each = self.keys.iter().map(|it| {
            let what = format!("keys of database {}", it.database);
            Measure::new(what, it.keys, DATABASE_KEYS).silent()
        });
        [all, lasting].into_iter().chain(each).collect()
    }

    fn set_fall(&mut self, fell: Option<Fell>, accepted: bool) {
        (self.fell, self.accepted) = (fell, accepted);
    }
}

impl fmt::Display for RedisContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rdb => "RDB",
            Self::AppendOnly => "AOF",
        })
    }
}

impl fmt::Display for RedisSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connection => "the connection",
            Self::Files => "its files",
        })
    }
}
