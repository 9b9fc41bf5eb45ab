//! Seawall keeps a PostgreSQL server, its Redis and its media files recoverable.
//!
//! The binaries are thin; everything is here. `ARCHITECTURE.md` draws the modules and says which may
//! use which.
#![cfg_attr(not(test), deny(clippy::too_many_lines))]
#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        clippy::unwrap_used,
        reason = "tests lay out their own files"
    )
)]

mod accounts;
pub mod backup;
pub mod basebackup;
pub mod check;
mod cli;
pub mod codec;
pub mod command;
pub mod config;
pub mod data_directory;
pub mod debts;
pub mod doctor;
mod drill;
pub mod durable;
pub mod error;
pub mod exit_status;
pub mod failpoint;
pub mod history;
mod init;
mod log;
#[cfg(test)]
mod made_up;
pub mod media_backup;
pub mod notify;
pub mod postgres;
mod progress;
pub mod redis_backup;
mod replication;
pub mod report;
pub mod repository;
pub mod retention;
mod retry;
mod secrecy;
pub mod storage;
mod threads;
pub mod tls;
mod transfer;
mod words;
