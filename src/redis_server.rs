//! Redis and Valkey: what a server says about itself, its data taken as a replica would (`Snapshot`) or from
//! its files (`files`), the format of an RDB file, and laying data down so that a server really loads them
//! (`Target`). Named so because the crate with the protocol is called `redis`.

mod bound;
mod connection;
mod facts;
pub mod files;
mod keys;
mod lines;
mod link;
mod login;
mod rdb;
mod refusal;
mod server;
mod snapshot;
mod target;
mod tls;
mod words;

pub use facts::{Facts, Persistence, Product};
pub use keys::{Keys, compare_keys, is_explained, is_plausible};
pub use login::has_password;
pub use rdb::{Checksum, RdbCheck, RdbFacts, Version};
pub use server::Server;
pub use snapshot::{Received, Snapshot, Start};
pub use target::{Aof, Laid, Laying, Overrides, Target, matches, settings_of_conf};
