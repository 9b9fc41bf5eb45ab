//! Rehearsed restores.

use super::setting;
use crate::config::setting::{Kind, Setting};

pub(super) const DRILL: &[Setting] = &[
    setting(
        "drill.directory",
        Kind::Path,
        "/var/tmp",
        "Drills restore into a new folder in this one, and remove it afterwards",
    ),
    setting(
        "drill.postgres_bin",
        Kind::Path,
        "",
        "Folder with initdb and postgres of the right major version; default: where packages put them, and PATH",
    ),
    setting(
        "drill.redis_bin",
        Kind::Path,
        "",
        "Folder with redis-server or valkey-server; default: PATH",
    ),
    setting("drill.shared_buffers", Kind::Size, "128MiB", "shared_buffers of a drill's PostgreSQL"),
    setting(
        "drill.assert",
        Kind::List,
        "",
        "SQL queries that must each return one row with one column, true; only in the file",
    ),
    setting("drill.database", Kind::Text, "postgres", "Database in which drill.assert runs"),
    setting(
        "drill.timeout",
        Kind::Age,
        "6h",
        "Longest drill; a drill that takes longer has failed",
    ),
    setting(
        "drill.media_sample",
        Kind::Integer { min: 1, max: 1_000_000_000 },
        "1000",
        "How many files of a snapshot, chosen at random, a drill restores",
    ),
];
