use std::collections::HashMap;

use redis::InfoDict;

use super::connection::Connection;
use super::facts::{Facts, Persistence, keyspace};
use super::keys::Keys;
use crate::config::{Limits, RedisAddress, RedisConfig};
use crate::error::{Class, Error, Result};

/// A connection for ordinary commands.
pub struct Server {
    connection: Connection,
}

impl Server {
    /// Connects to a server that has data of its own: a node of a cluster has only a part of them.
    pub fn connect(config: &RedisConfig, limits: &Limits) -> Result<Self> {
        let mut server = Self { connection: Connection::open(config, limits)? };
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
            return Err(Error::new(Class::Configuration, message)
                .hint("Set redis.url to the server that the sentinel watches."));
        }
        Ok(server)
    }

    pub fn facts(&mut self) -> Result<Facts> {
        let persistence = self.persistence()?;
        Ok(Facts::new(&self.info("default")?, persistence))
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

    pub fn address(&self) -> &RedisAddress {
        self.connection.address()
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
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
