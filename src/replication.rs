//! The replication protocol: a connection through libpq, and the `BASE_BACKUP` command.

mod base_backup;
mod connection;
mod linked;
pub(crate) mod query;

pub(crate) use base_backup::{
    BaseBackupEnd, BaseBackupOptions, BaseBackupPiece, BaseBackupStream, Checkpoint, WalPosition,
};
pub(crate) use connection::{PgConnection, Rows};
pub(crate) use linked::{libpq_version, openssl_version};
pub(crate) use query::variables_name_a_place;
