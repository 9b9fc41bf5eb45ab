//! Servers over libpq: connections (`connection`, linked in as `linked` says), SQL (`query`), and of the replication
//! protocol the `BASE_BACKUP` command (`base_backup`). What a server says of itself is asked in one place: `server_facts`, with its
//! `server_settings`.

mod base_backup;
mod connection;
mod linked;
pub(crate) mod query;
mod server_facts;
mod server_settings;

pub(crate) use base_backup::{
    BaseBackupEnd, BaseBackupOptions, BaseBackupPiece, BaseBackupStream, Checkpoint, WalPosition,
};
pub(crate) use connection::{PgConnection, Rows};
pub(crate) use linked::{libpq_version, openssl_version};
pub(crate) use query::variables_name_a_place;
pub(crate) use server_facts::ServerSession;
pub use server_facts::{Archiver, ArchiverAttempt, ServerFacts};
pub use server_settings::{ServerSettings, SettingOrigin};
