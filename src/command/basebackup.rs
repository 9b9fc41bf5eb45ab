//! What `basebackup list` and `basebackup show` say about base backups.

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
