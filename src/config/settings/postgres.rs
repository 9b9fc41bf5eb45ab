//! PostgreSQL: its WAL and its base backups.

use super::{KEPT, setting};
use crate::config::setting::{Kind, Setting};

pub(super) const POSTGRES: &[Setting] = &[
    setting(
        "cluster",
        Kind::Text,
        "main",
        "Name of the PostgreSQL cluster, a folder in each repository",
    ),
    setting(
        "wal.compression_level",
        Kind::Integer { min: -7, max: 19 },
        "1",
        "zstd level of WAL; more than 1 costs much and saves little",
    ),
    setting(
        "wal.look_ahead",
        Kind::Integer { min: 0, max: 1000 },
        "32",
        "How many more finished segments one wal-push stores in the same call",
    ),
    setting(
        "wal.look_ahead_size",
        Kind::Size,
        "64MiB",
        "Memory for the segments of one wal-push; a segment counts whole while it is compressed, then with its compressed size; one segment is always allowed",
    ),
    setting(
        "wal.parallel",
        Kind::Integer { min: 1, max: 64 },
        "4",
        "How many segments are compressed or prefetched at once; twice as many are sent at once",
    ),
    setting(
        "wal.prefetch",
        Kind::Integer { min: 0, max: 1000 },
        "16",
        "How many segments wal-fetch fetches ahead of recovery",
    ),
    setting(
        "wal.prefetch_size",
        Kind::Size,
        "256MiB",
        "Highest disk space for prefetched segments under pg_wal",
    ),
    setting(
        "wal.gap_wait",
        Kind::Duration,
        "3s",
        "How long wal-fetch waits for a missing segment when later ones exist",
    ),
    setting(
        "postgres.connection",
        Kind::Text,
        "",
        "How to reach the server: a libpq connection string or URI; default: the PG… variables",
    ),
    setting(
        "basebackup.compression_level",
        Kind::Integer { min: -7, max: 19 },
        "1",
        "zstd level of base backups",
    ),
    setting(
        "basebackup.parallel",
        Kind::Integer { min: 0, max: 64 },
        "0",
        "Threads that compress or restore a base backup; 0: one for each processor",
    ),
    setting(
        "basebackup.wal_timeout",
        Kind::Duration,
        "10m",
        "Longest wait for the WAL of a finished base backup to be archived",
    ),
    setting(
        "retention.keep_within",
        Kind::Age,
        "7d",
        "prune keeps every base backup that ended within this time",
    ),
    setting(
        "retention.keep_last",
        KEPT,
        "2",
        "prune keeps this many of the newest good base backups in each repository; at least one",
    ),
    setting(
        "retention.keep_daily",
        KEPT,
        "7",
        "prune keeps the newest good base backup of each day (UTC), for this many days that have one",
    ),
    setting("retention.keep_weekly", KEPT, "4", "The same for weeks (ISO 8601)"),
    setting("retention.keep_monthly", KEPT, "12", "The same for months"),
    setting("retention.keep_yearly", KEPT, "0", "The same for years"),
    setting(
        "retention.wal_window",
        Kind::Age,
        "7d",
        "How far back prune keeps recovery possible to any point; older WAL is kept only for base backups",
    ),
    setting(
        "retention.keep_unfinished",
        Kind::Age,
        "1d",
        "prune treats an unfinished base backup as still being taken for this long; must exceed your longest backup",
    ),
];
