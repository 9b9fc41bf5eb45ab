//! Backups of a Redis or Valkey server: taken (`create`), described (`description`), and laid down again
//! (`restore`).
//!
//! From the socket upwards: `link` is a socket whose waits are bounded, `connection` speaks the protocol on it,
//! `login` opens one, and `server` asks what the server says of itself. Its data come as a replica gets them
//! (`snapshot`) or from its files (`files`), and are proved on the way (`rdb`). `target` is the folder where a
//! server reads them at its start.
//!
//! The protocol is the crate `redis`; this room is `crate::redis_backup`.

mod connection;
pub mod create;
mod description;
pub mod files;
mod keys;
mod link;
mod login;
mod rdb;
pub mod restore;
mod server;
mod snapshot;
mod target;
mod words;

pub use description::{Description, RedisContent, RedisSource, StoredFile};
pub use keys::{Keys, compare_keys, is_explained, is_plausible};
pub use login::has_password;
pub use rdb::{RdbCheck, RdbChecksum, RdbFacts, RdbVersion};
pub use server::{Persistence, Product, ServerConnection, ServerInfo};
pub use snapshot::{Received, ReplicationPosition, Snapshot};
pub use target::{
    Aof, FolderRestore, RedisTarget, RestoredFiles, TargetOverrides, matches, settings_of_conf,
};

use crate::config::Config;

/// All keys of all backups of a server begin with this.
pub fn all_backups(config: &Config) -> String {
    format!("redis/{}/", config.redis.name)
}
