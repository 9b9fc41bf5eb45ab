//! The settings of each kind of backup: PostgreSQL, Redis, media files.

use crate::config::setting::{KEPT, Setting, ValueKind, setting};

pub(super) const POSTGRES: &[Setting] = &[
    setting(
        "cluster",
        ValueKind::Text,
        "main",
        "Name of the PostgreSQL cluster, a folder in each repository",
    ),
    setting(
        "needed",
        ValueKind::AllOrNumber { max: 16 },
        "all",
        "How many repositories must have a WAL file or a backup before it counts as stored: all, or a number; the others are owed it and get it later",
    ),
    setting(
        "wal.compression_level",
        ValueKind::Integer { min: -7, max: 19 },
        "1",
        "zstd level of WAL; more than 1 costs much and saves little",
    ),
    setting(
        "wal.look_ahead",
        ValueKind::Integer { min: 0, max: 1000 },
        "32",
        "How many more finished segments one wal-push stores in the same call",
    ),
    setting(
        "wal.look_ahead_size",
        ValueKind::Size,
        "64MiB",
        "Memory for the segments of one wal-push; a segment counts whole while it is compressed, then with its compressed size; one segment is always allowed",
    ),
    setting(
        "wal.parallel",
        ValueKind::Integer { min: 1, max: 64 },
        "4",
        "How many segments are compressed or prefetched at once; twice as many are sent at once",
    ),
    setting(
        "wal.prefetch",
        ValueKind::Integer { min: 0, max: 1000 },
        "16",
        "How many segments wal-fetch fetches ahead of recovery",
    ),
    setting(
        "wal.prefetch_size",
        ValueKind::Size,
        "256MiB",
        "Highest disk space for prefetched segments under pg_wal",
    ),
    setting(
        "wal.gap_wait",
        ValueKind::Duration,
        "3s",
        "How long wal-fetch waits for a missing segment when later ones exist",
    ),
    setting(
        "postgres.connection",
        ValueKind::Text,
        "",
        "How to reach the server: a libpq connection string or URI; default: the PG… variables",
    ),
    setting(
        "basebackup.compression_level",
        ValueKind::Integer { min: -7, max: 19 },
        "1",
        "zstd level of base backups",
    ),
    setting(
        "basebackup.parallel",
        ValueKind::Integer { min: 0, max: 64 },
        "0",
        "Threads that compress or restore a base backup; 0: one for each processor",
    ),
    setting(
        "basebackup.wal_timeout",
        ValueKind::Duration,
        "10m",
        "Longest wait for the WAL of a finished base backup to be archived",
    ),
    setting(
        "retention.keep_within",
        ValueKind::Age,
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
        ValueKind::Age,
        "7d",
        "How far back prune keeps recovery possible to any point; older WAL is kept only for base backups",
    ),
    setting(
        "retention.keep_unfinished",
        ValueKind::Age,
        "1d",
        "prune treats an unfinished base backup as still being taken for this long; must exceed your longest backup",
    ),
];

pub(super) const REDIS: &[Setting] = &[
    setting(
        "redis.name",
        ValueKind::Text,
        "main",
        "Name of the Redis server, a folder in each repository",
    ),
    setting(
        "redis.url",
        ValueKind::Text,
        "redis://127.0.0.1:6379",
        "Where Redis or Valkey is: redis://HOST:PORT, rediss://HOST:PORT for TLS, or unix:///PATH",
    ),
    setting("redis.user", ValueKind::Text, "", "ACL user; default: the server's default user"),
    setting(
        "redis.password_file",
        ValueKind::Path,
        "",
        "File with the password in its first line; default: the variable REDISCLI_AUTH",
    ),
    setting(
        "redis.ca_file",
        ValueKind::Path,
        "",
        "PEM file with the certificates to trust for rediss://; default: the system's",
    ),
    setting(
        "redis.cert_file",
        ValueKind::Path,
        "",
        "PEM file with the certificate to show to the server",
    ),
    setting(
        "redis.key_file",
        ValueKind::Path,
        "",
        "PEM file with the private key of that certificate",
    ),
    setting(
        "redis.save_timeout",
        ValueKind::Duration,
        "1h",
        "Longest wait until the server has saved its data, or begins to send it",
    ),
    setting(
        "redis.compression_level",
        ValueKind::Integer { min: -7, max: 19 },
        "1",
        "zstd level of Redis backups",
    ),
    setting(
        "redis.keep_within",
        ValueKind::Age,
        "7d",
        "redis-backup prune keeps every backup that ended within this time",
    ),
    setting(
        "redis.keep_last",
        KEPT,
        "2",
        "prune keeps this many of the newest good ones in each repository; at least one",
    ),
    setting(
        "redis.keep_daily",
        KEPT,
        "0",
        "prune keeps the newest good one of each day (UTC), for this many days that have one",
    ),
    setting("redis.keep_weekly", KEPT, "0", "The same for weeks (ISO 8601)"),
    setting("redis.keep_monthly", KEPT, "0", "The same for months"),
    setting("redis.keep_yearly", KEPT, "0", "The same for years"),
    setting(
        "redis.keep_unfinished",
        ValueKind::Age,
        "1d",
        "prune treats an unfinished Redis backup as still being taken for this long",
    ),
];

pub(super) const MEDIA: &[Setting] = &[
    setting(
        "media_backup.compression_level",
        ValueKind::Integer { min: -7, max: 19 },
        "1",
        "zstd level of media files in packs",
    ),
    setting(
        "media_backup.state_directory",
        ValueKind::Path,
        "/var/lib/seawall",
        "Folder for notes on the newest snapshot, for a host that cannot decrypt its own snapshots",
    ),
    setting(
        "media_backup.keep_within",
        ValueKind::Age,
        "30d",
        "media-backup prune keeps every snapshot that ended within this time",
    ),
    setting(
        "media_backup.keep_last",
        KEPT,
        "2",
        "prune keeps this many of the newest good ones in each repository; at least one",
    ),
    setting(
        "media_backup.keep_daily",
        KEPT,
        "30",
        "prune keeps the newest good one of each day (UTC), for this many days that have one",
    ),
    setting("media_backup.keep_weekly", KEPT, "4", "The same for weeks (ISO 8601)"),
    setting("media_backup.keep_monthly", KEPT, "12", "The same for months"),
    setting("media_backup.keep_yearly", KEPT, "0", "The same for years"),
    setting(
        "media_backup.keep_unfinished",
        ValueKind::Age,
        "1d",
        "prune treats an unfinished snapshot as still being taken for this long",
    ),
];
