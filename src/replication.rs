//! Servers over libpq: connections (`connection`, linked in as `linked` says), SQL (`query`), and of the replication
//! protocol what a server says of itself (`server_facts`) and the `BASE_BACKUP` command (`base_backup`).

mod base_backup;
mod connection;
mod linked;
pub(crate) mod query;
mod server_facts;

pub(crate) use base_backup::{
    BaseBackupEnd, BaseBackupOptions, BaseBackupPiece, BaseBackupStream, Checkpoint, WalPosition,
};
pub(crate) use connection::{PgConnection, Rows};
pub(crate) use linked::{libpq_version, openssl_version};
pub(crate) use query::variables_name_a_place;
pub(crate) use server_facts::{ServerFacts, seconds_of, show};
