//! Backups of a Redis or Valkey server: taken, described, and laid down again.

pub mod create;
mod description;
pub mod restore;

pub use description::{Content, Description, Source, StoredFile};

use crate::config::Config;

/// All keys of all backups of a server begin with this.
pub fn all_backups(config: &Config) -> String {
    format!("redis/{}/", config.redis.name)
}
