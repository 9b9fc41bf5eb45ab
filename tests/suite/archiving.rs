//! `wal-push` as the `archive_command` of real servers.

mod clones;
pub mod commands;
mod look_ahead;
mod stopping;
