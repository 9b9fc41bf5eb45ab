//! What `--version` says: after the version of Seawall, the libraries in C that are linked in. An advisory against one of them
//! concerns the program that has it, whatever the system has. All libraries stand in the file NOTICES of the packages.

use crate::{codec, replication};

const OURS: &str = env!("CARGO_PKG_VERSION");

/// Of a program that asks no PostgreSQL server.
pub fn without_libpq() -> String {
    format!("{OURS}\nzstd {}", codec::zstd_version())
}

/// Of one that does. OpenSSL is there for libpq; the stores are spoken to through rustls.
pub fn with_libpq() -> String {
    let (libpq, openssl) = (replication::libpq_version(), replication::openssl_version());
    format!("{}\nlibpq {libpq}\n{openssl}", without_libpq())
}
