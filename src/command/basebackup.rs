//! What `basebackup` does, beside `create`: each verb is a file.
//!
//! `list` and `show` share `json` and `words`, and `list` draws with `bar`. `restore` and `drill` share `ours`, which
//! chooses the system, and `restore_command`, by which the server gets its WAL.

pub mod delete;
pub mod drill;
pub mod list;
pub mod pin;
pub mod prune;
pub mod restore;
pub mod show;
pub mod verify;

mod bar;
mod json;
mod ours;
mod restore_command;
mod words;
