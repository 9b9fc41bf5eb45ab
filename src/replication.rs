//! The replication protocol: a connection through libpq, and the `BASE_BACKUP` command.

mod base_backup;
mod connection;
mod linked;
pub mod query;
mod socket;

pub use base_backup::{BaseBackup, Checkpoint, End, Options, Piece, Position, Tablespace};
pub use connection::{Connection, Rows};
pub use linked::{libpq_version, openssl_version};
pub use socket::variables_name_a_place;
