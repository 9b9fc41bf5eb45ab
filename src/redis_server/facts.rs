use std::fmt;
use std::path::PathBuf;

use redis::InfoDict;
use serde::{Deserialize, Serialize};

use super::keys::Keys;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    Redis,
    Valkey,
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
        })
    }
}

/// What a server says about itself: from `INFO`, and from `CONFIG GET` where that is allowed.
#[derive(Debug, Clone)]
pub struct Facts {
    pub product: Product,
    pub version: String,
    /// Another one after each start.
    pub run_id: String,
    /// `master` or `slave`, as the server calls it.
    pub role: String,
    pub replication_id: String,
    pub replication_offset: u64,
    /// Bytes.
    pub used_memory: u64,
    /// By how many microseconds its clock is ahead of ours, as far as it tells.
    pub ahead: i64,
    /// The databases that have keys.
    pub keys: Vec<Keys>,
    /// `None` where the server does not tell (managed services).
    pub persistence: Option<Persistence>,
}

/// Where a server keeps its files, and which of them it reads at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persistence {
    pub dir: PathBuf,
    pub dbfilename: String,
    pub appendonly: bool,
    pub appendfilename: String,
    /// The folder of the multi-part AOF: since Redis 7.0.
    pub appenddirname: Option<String>,
}

impl Facts {
    pub(super) fn new(info: &InfoDict, persistence: Option<Persistence>) -> Self {
        let text = |key: &str| info.get::<String>(key).unwrap_or_default();
        let number = |key: &str| info.get::<u64>(key).unwrap_or_default();
        let valkey = text("server_name") == "valkey";
        Self {
            product: if valkey { Product::Valkey } else { Product::Redis },
            // Valkey's redis_version is the one that it is compatible with.
            version: text(if valkey { "valkey_version" } else { "redis_version" }),
            run_id: text("run_id"),
            role: text("role"),
            replication_id: text("master_replid"),
            replication_offset: number("master_repl_offset"),
            used_memory: number("used_memory"),
            ahead: match info.get::<i64>("server_time_usec") {
                Some(time) => time.saturating_sub(jiff::Timestamp::now().as_microsecond()),
                None => 0,
            },
            keys: keyspace(info),
            persistence,
        }
    }
}

/// In the order of their numbers.
pub fn keyspace(info: &InfoDict) -> Vec<Keys> {
    let names = info.keys().filter(|name| name.starts_with("db"));
    let mut all: Vec<Keys> =
        names.filter_map(|name| Keys::parse(name, &info.get::<String>(name)?)).collect();
    all.sort_by_key(|keys| keys.database);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valkey_is_told_from_the_redis_that_it_resembles() {
        let info = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\nrun_id:a\r\n\
                    role:master\r\nused_memory:5\r\ndb9:keys=1,expires=0\r\ndb0:keys=2,expires=1\r\n";
        let facts = Facts::new(&InfoDict::new(info), None);
        assert_eq!((facts.product, facts.version.as_str()), (Product::Valkey, "9.1.2"));
        assert_eq!((facts.role.as_str(), facts.used_memory), ("master", 5));
        assert_eq!(facts.keys.iter().map(|keys| keys.database).collect::<Vec<_>>(), [0, 9]);
        let facts = Facts::new(&InfoDict::new("redis_version:6.2.14\r\n"), None);
        assert_eq!(format!("{} {}", facts.product, facts.version), "Redis 6.2.14");
    }
}
