//! What stands in the way of backups that can be relied on: settings of the server, what a repository
//! really does, secrets that others can read, settings without effect. Nothing is changed but probe
//! objects under keys of their own.
//!
//! How the files go together: `server`, `store` (with `folder`), `secrets` and `idle` look, each at one thing, and say
//! `finding`s. `origin` and `command_line` (with `shell`) word what mends a setting; `access` tells what a user may do.

mod access;
mod command_line;
mod finding;
mod folder;
mod idle;
mod origin;
mod secrets;
mod server;
mod shell;
mod store;

pub use access::Account;
pub use command_line::{Call, archive_command, find_call, restore_command};
pub use finding::{Finding, Mend, Restart, Section, Verdict, identifier, literal};
pub use idle::idle_settings;
pub use origin::{Origins, patroni_pair};
pub use secrets::secrets;
pub use server::{Ability, Host, Server, ability, server};
pub use store::repositories;
