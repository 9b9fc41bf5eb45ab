//! Backups of a Redis or Valkey server: taken (`taking`), described (`description`), and laid down again (`restoring`).
//!
//! From the socket upwards: `link` is a socket whose waits are bounded; `lines` has commands that are answered with one
//! line, `login` opens a conversation with them, and `connection` goes on with whole answers; `server_info` asks what
//! the server says of itself. Its data (`incoming`) come as a replica gets them (`transfer`) or from its files
//! (`server_files`), and are proved on the way (`rdb`). `server_folder` is where a server reads them at its start.
//!
//! The protocol is the crate `redis`; this room is `crate::redis_backup`.

mod conf_words;
mod connection;
mod description;
mod incoming;
mod keys;
mod lines;
mod link;
mod login;
mod rdb;
mod restoring;
pub mod server_files;
mod server_folder;
mod server_info;
mod taking;
mod transfer;

pub use description::{RedisContent, RedisDescription, RedisSource, StoredFile};
pub use incoming::DataSource;
pub use keys::{Keys, compare_keys};
pub use login::has_password;
pub use rdb::{RdbCheck, RdbChecksum, RdbFacts, RdbVersion};
pub use restoring::RedisRestore;
pub use server_folder::{
    Aof, RedisTarget, RestoredRedisFiles, TargetOverrides, matches, settings_of_conf,
};
pub use server_info::{Persistence, Product, ServerConnection, ServerInfo};
pub use taking::{RedisBackupRequest, RedisBackupTaken, take_backup};
pub use transfer::{Received, Snapshot};

use crate::config::Config;

/// All keys of all backups of a server begin with this.
pub fn all_backups(config: &Config) -> String {
    format!("redis/{}/", config.redis.name)
}
