//! The replication protocol: a connection through libpq, and the `BASE_BACKUP` command.

mod base_backup;
mod connection;
pub mod query;

pub use base_backup::{BaseBackup, Checkpoint, End, Options, Piece, Position, Tablespace};
pub use connection::{Connection, Rows};
