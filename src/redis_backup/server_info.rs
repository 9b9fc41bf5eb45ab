//! What a server says of itself: product, version, keys, and where its files are (`INFO`, `CONFIG GET`).
//!
//! A managed service forbids `CONFIG`; then what depends on it is `None`, and the caller says what that
//! prevents.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use redis::InfoDict;
use serde::{Deserialize, Serialize};

use super::connection::RespConnection;
use super::keys::Keys;
use crate::config::{Limits, RedisAddress, RedisConfig};
use crate::error::{Class, Error, Result};

/// A connection for ordinary commands.
pub struct ServerConnection {
    connection: RespConnection,
}

impl ServerConnection {
    /// Connects to a server that has data of its own: a node of a cluster has only a part of them.
    pub fn connect(config: &RedisConfig, limits: &Limits) -> Result<Self> {
        let mut server = Self { connection: RespConnection::open(config, limits)? };
        let info = server.info("default")?;
        let text = |key: &str| info.get::<String>(key).unwrap_or_default();
        let address = &config.address;
        if text("cluster_enabled") == "1" {
            let message = format!(
                "could not back up {address}: expected a server by itself, found a node of a cluster"
            );
            return Err(Error::new(Class::Configuration, message).hint(
                "A node has only its own slots, and no moment is common to all nodes; clusters are not supported.",
            ));
        }
        if text("redis_mode") == "sentinel" {
            let message = format!(
                "could not back up {address}: expected a server with data, found a sentinel"
            );
            let masters = server.info("sentinel").ok();
            let first = masters.and_then(|it| it.get::<String>("master0")).unwrap_or_default();
            let master = first.split(',').find_map(|it| it.strip_prefix("address="));
            let named = master.map(|it| format!(": redis://{it}")).unwrap_or_default();
            return Err(Error::new(Class::Configuration, message)
                .hint(format!("Set redis.url to the server that the sentinel watches{named}.")));
        }
        Ok(server)
    }

    pub fn facts(&mut self) -> Result<ServerInfo> {
        let persistence = self.persistence()?;
        Ok(ServerInfo::new(&self.info("default")?, persistence))
    }

    /// How many keys there are now.
    pub fn keys(&mut self) -> Result<Vec<Keys>> {
        Ok(keyspace(&self.info("keyspace")?))
    }

    /// Where the files are; `None` where the server does not tell.
    pub fn persistence(&mut self) -> Result<Option<Persistence>> {
        let Some(dir) = self.setting("dir")? else { return Ok(None) };
        let dbfilename = self.setting("dbfilename")?.unwrap_or_default();
        let appendonly = self.setting("appendonly")?.is_some_and(|value| value == "yes");
        let appendfilename = self.setting("appendfilename")?.unwrap_or_default();
        let appenddirname = self.setting("appenddirname")?;
        Ok(Some(Persistence {
            dir: dir.into(),
            dbfilename,
            appendonly,
            appendfilename,
            appenddirname,
        }))
    }

    /// Whether it has an append-only file, as anybody may ask who may use `INFO`.
    pub fn appends(&mut self) -> Result<bool> {
        Ok(self.info("persistence")?.get::<u8>("aof_enabled") == Some(1))
    }

    /// The same where it does not tell: the names that files have unless a server is told otherwise.
    pub(super) fn persistence_in(&mut self, folder: &Path) -> Result<Persistence> {
        let appenddirname = "appendonlydir";
        Ok(Persistence {
            dir: folder.to_owned(),
            dbfilename: "dump.rdb".to_owned(),
            appendonly: self.appends()?,
            appendfilename: "appendonly.aof".to_owned(),
            appenddirname: folder.join(appenddirname).is_dir().then(|| appenddirname.to_owned()),
        })
    }

    pub fn address(&self) -> &RedisAddress {
        self.connection.address()
    }

    pub(super) fn connection(&mut self) -> &mut RespConnection {
        &mut self.connection
    }

    /// A section of `INFO`.
    pub(super) fn info(&mut self, section: &str) -> Result<InfoDict> {
        self.connection.query(&["INFO", section])
    }

    /// The value of a setting; `None` where there is no such setting, or `CONFIG` is forbidden.
    fn setting(&mut self, name: &str) -> Result<Option<String>> {
        let answer =
            self.connection.try_query::<HashMap<String, String>>(&["CONFIG", "GET", name])?;
        Ok(answer.ok().and_then(|mut values| values.remove(name)))
    }
}

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
pub struct ServerInfo {
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

impl ServerInfo {
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
fn keyspace(info: &InfoDict) -> Vec<Keys> {
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
        let facts = ServerInfo::new(&InfoDict::new(info), None);
        assert_eq!((facts.product, facts.version.as_str()), (Product::Valkey, "9.1.2"));
        assert_eq!((facts.role.as_str(), facts.used_memory), ("master", 5));
        assert_eq!(facts.keys.iter().map(|keys| keys.database).collect::<Vec<_>>(), [0, 9]);
        let facts = ServerInfo::new(&InfoDict::new("redis_version:6.2.14\r\n"), None);
        assert_eq!(format!("{} {}", facts.product, facts.version), "Redis 6.2.14");
    }
}
