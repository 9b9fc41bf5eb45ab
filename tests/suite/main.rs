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
mod recovery;
mod scene;
mod storage_contract;
mod support;
mod support_smoke;
