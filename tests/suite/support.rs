//! What the integration tests stand on: real PostgreSQL servers, real S3 servers over HTTP, a proxy
//! that misbehaves on order, real WAL, and programs run under a time limit.
//!
//! Three rules hold throughout. Nothing waits forever: each wait has a limit and panics with what
//! was seen so far. Nothing outlives its test: processes and files go when their [`place::Place`]
//! goes, and the processes also when the test process is killed. A missing server is a failure
//! with a hint, never a silent skip.

pub mod browser;
pub mod forward_proxy;
pub mod http;
pub mod installed;
pub mod place;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod run;
pub mod s3;
pub mod trace;
pub mod user;
pub mod wait;
pub mod wal;

/// As S3, manifests, WAL records and control files have it.
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes) as u32
}
