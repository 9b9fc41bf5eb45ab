//! The flags of verbs whose steps are files of the same names beside this one.

pub mod delete;
pub mod list;
pub mod pin;
pub mod prune;
pub mod show;
pub mod verify;
