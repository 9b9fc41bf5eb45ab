//! Rehearsed restores.

use super::setting;
use crate::config::setting::{Kind, Setting};

pub(super) const DRILL: &[Setting] = &[
    setting(
        "drill.directory",
        Kind::Path,
        "/var/tmp",
        "Drills restore into a folder of their own in this one, and remove it",
    ),
    setting(
        "drill.postgres_bin",
        Kind::Path,
        "",
        "Folder with initdb and postgres of the right major version; default: looked for where packages put it, and on PATH",
    ),
    setting(
        "drill.redis_bin",
        Kind::Path,
        "",
        "Folder with redis-server or valkey-server; default: PATH",
    ),
    setting(
        "drill.shared_buffers",
        Kind::Size,
        "128MiB",
        "Memory that the PostgreSQL of a drill takes for its buffers",
    ),
    setting(
        "drill.assert",
        Kind::List,
        "",
        "SQL queries with one row of one column, each of which has to give true: in the file only",
    ),
    setting("drill.database", Kind::Text, "postgres", "Database that these queries run in"),
    setting("drill.timeout", Kind::Age, "6h", "A drill that takes longer has failed"),
    setting(
        "drill.media_sample",
        Kind::Integer { min: 1, max: 1_000_000_000 },
        "1000",
        "So many files of a snapshot, chosen by chance, are restored by a drill",
    ),
];
