//! What stands in the way of backups that can be relied on: settings of the server, what a repository
//! really does, secrets that others can read, settings without effect. Nothing is changed but probe
//! objects under keys of their own.
//!
//! `server` and `store` (with `repository_folder`) look at what runs, `configuration` and `needed` at files and settings, and all of
//! them say `finding`s. `origin` and `command_line` word what mends a setting; `account` tells what a user may do.

mod account;
mod command_line;
mod configuration;
mod finding;
mod needed;
mod origin;
mod repository_folder;
mod server;
mod store;

pub use account::Account;
pub use command_line::{ProgramCall, archive_command, find_call, restore_command};
pub use configuration::{bandwidth, idle_settings, secrets};
pub use finding::{Diagnosis, Mend, Restart, Section, Severity, identifier, literal};
pub use needed::needed;
pub use origin::{Origins, patroni_pair};
pub use server::{Ability, Host, SeenServer, ability, server};
pub use store::repositories;
