//! Tests of the binaries against real PostgreSQL and real S3 servers. `scripts/install-servers.sh` gets
//! the servers; a missing one fails the test that needs it.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests lay out and damage files on purpose, print their seeds, and fail by panicking"
)]

mod announced;
mod archiving;
mod bad_input;
mod bandwidth;
mod base_backup_by_hand;
mod base_backups;
mod by_hand;
mod check;
mod configuration;
mod control_files;
mod copying;
mod crash_matrix;
mod damage_matrix;
mod doctor;
mod documents;
mod drill;
mod dropped_wal;
mod encryption;
mod exit_statuses;
mod fixtures;
mod help;
mod history;
mod host_modules;
mod init;
mod known_repositories;
mod listing;
mod local_faults;
mod logs;
mod media;
mod media_backups;
mod media_packed;
mod multipart;
mod namespace;
mod notify;
mod others_by_hand;
mod owed;
mod patroni;
mod push_order;
mod races;
mod recovery;
mod redis_backups;
mod redis_server;
mod report;
mod requests;
mod retention;
mod runbooks;
mod s3_faults;
mod scene;
mod storage_contract;
mod support;
mod support_smoke;
mod sync_order;
mod unpack;
mod verify;
mod without_seawall;
mod without_threads;
