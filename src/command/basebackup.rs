//! What `basebackup list` and `basebackup show` say about base backups.

pub mod list;
pub mod pin;
pub mod prune;
pub mod restore;
pub mod show;
pub mod verify;

mod bar;
mod json;
mod restore_command;
mod table;
mod texts;

use crate::error::Error;

/// A text for standard output, and what kept the command from seeing all there is.
pub struct Shown {
    pub text: String,
    pub errors: Vec<Error>,
}
