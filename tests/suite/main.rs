//! Tests of the binaries against real PostgreSQL and real S3 servers. `scripts/install-servers.sh` gets
//! the servers; a missing one fails the test that needs it.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests lay out and damage files on purpose, print their seeds, and fail by panicking"
)]

mod archiving;
mod bad_input;
mod by_hand;
mod configuration;
mod crash_matrix;
mod damage_matrix;
mod documents;
mod encryption;
mod exit_statuses;
mod fixtures;
mod local_faults;
mod logs;
mod namespace;
mod races;
mod recovery;
mod requests;
mod s3_faults;
mod scene;
mod storage_contract;
mod support;
mod support_smoke;
mod without_seawall;
