use std::collections::HashMap;
use std::path::Path;

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
            let masters = server.info("sentinel").ok();
            let first = masters.and_then(|it| it.get::<String>("master0")).unwrap_or_default();
            let master = first.split(',').find_map(|it| it.strip_prefix("address="));
            let named = master.map(|it| format!(": redis://{it}")).unwrap_or_default();
            return Err(Error::new(Class::Configuration, message)
                .hint(format!("Set redis.url to the server that the sentinel watches{named}.")));
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
