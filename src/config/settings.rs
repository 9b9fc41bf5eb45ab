//! Every setting of the whole process.

use super::setting::{Kind, Setting};

pub(super) const fn setting(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { key, kind, default, help }
}

/// How many backups of a kind are kept.
const KEPT: Kind = Kind::Integer { min: 0, max: 10_000 };

/// Settings of the whole process: as flag, variable and in the file.
pub const GLOBAL: &[Setting] = &[
    setting(
        "cluster",
        Kind::Text,
        "main",
        "Name of the PostgreSQL cluster, a folder in each repository",
    ),
    setting(
        "encryption.recipients",
        Kind::List,
        "",
        "age public keys (age1…) that stored objects are encrypted to",
    ),
    setting(
        "encryption.recipients_file",
        Kind::Path,
        "",
        "File with one age public key a line, beside those above",
    ),
    setting(
        "encryption.identity_file",
        Kind::Path,
        "",
        "File with the age private keys; needed to read only",
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
        "How many further finished segments one wal-push takes along",
    ),
    setting(
        "wal.look_ahead_size",
        Kind::Size,
        "64MiB",
        "Segments under way hold at most this much: all of a segment while it is compressed, then what it was compressed to; one is always allowed",
    ),
    setting(
        "wal.parallel",
        Kind::Integer { min: 1, max: 64 },
        "4",
        "How many segments are compressed or prefetched at once; twice as many are on their way to the repositories",
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
        "Prefetched segments take at most this much room under pg_wal",
    ),
    setting(
        "wal.gap_wait",
        Kind::Duration,
        "3s",
        "How long a missing segment may still turn up while later ones exist",
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
        "How many threads compress a base backup, or restore it; 0: one a processor",
    ),
    setting(
        "basebackup.wal_timeout",
        Kind::Duration,
        "10m",
        "Longest wait until the WAL of a finished base backup is archived",
    ),
    setting(
        "redis.name",
        Kind::Text,
        "main",
        "Name of the Redis server, a folder in each repository",
    ),
    setting(
        "redis.url",
        Kind::Text,
        "redis://127.0.0.1:6379",
        "Where Redis or Valkey is: redis://HOST:PORT, rediss://HOST:PORT for TLS, or unix:///PATH",
    ),
    setting("redis.user", Kind::Text, "", "ACL user; default: the server's default user"),
    setting(
        "redis.password_file",
        Kind::Path,
        "",
        "File with the password in its first line; default: the variable REDISCLI_AUTH",
    ),
    setting(
        "redis.ca_file",
        Kind::Path,
        "",
        "PEM file with the certificates to trust for rediss://; default: the system's",
    ),
    setting(
        "redis.cert_file",
        Kind::Path,
        "",
        "PEM file with the certificate to show to the server",
    ),
    setting("redis.key_file", Kind::Path, "", "PEM file with the private key of that certificate"),
    setting(
        "redis.save_timeout",
        Kind::Duration,
        "1h",
        "Longest wait until the server has saved its data, or begins to send them",
    ),
    setting(
        "redis.compression_level",
        Kind::Integer { min: -7, max: 19 },
        "1",
        "zstd level of Redis backups",
    ),
    setting(
        "redis.keep_within",
        Kind::Age,
        "7d",
        "redis-backup prune keeps every backup that ended within this time",
    ),
    setting(
        "redis.keep_last",
        KEPT,
        "2",
        "It keeps so many of the newest good ones, in each repository; the newest one always",
    ),
    setting(
        "redis.keep_daily",
        KEPT,
        "0",
        "It keeps the newest good one of each day (UTC) for so many days that have one",
    ),
    setting("redis.keep_weekly", KEPT, "0", "The same for weeks (ISO 8601)"),
    setting("redis.keep_monthly", KEPT, "0", "The same for months"),
    setting("redis.keep_yearly", KEPT, "0", "The same for years"),
    setting(
        "redis.keep_unfinished",
        Kind::Age,
        "1d",
        "An unfinished Redis backup counts as one being taken now for this long",
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
        "prune keeps so many of the newest good base backups, in each repository; the newest one always",
    ),
    setting(
        "retention.keep_daily",
        KEPT,
        "7",
        "prune keeps the newest good base backup of each day (UTC) for so many days that have one",
    ),
    setting("retention.keep_weekly", KEPT, "4", "The same for weeks (ISO 8601)"),
    setting("retention.keep_monthly", KEPT, "12", "The same for months"),
    setting("retention.keep_yearly", KEPT, "0", "The same for years"),
    setting(
        "retention.wal_window",
        Kind::Age,
        "7d",
        "Recovery to any point within this time stays possible; older WAL is kept for base backups only",
    ),
    setting(
        "retention.keep_unfinished",
        Kind::Age,
        "1d",
        "An unfinished base backup counts as one being taken now for this long; longer than any takes",
    ),
    setting(
        "media_backup.compression_level",
        Kind::Integer { min: -7, max: 19 },
        "1",
        "zstd level of media files in packs",
    ),
    setting(
        "media_backup.state_directory",
        Kind::Path,
        "/var/lib/seawall",
        "Where a host that can't read its own encrypted snapshots remembers what is in the newest one",
    ),
    setting(
        "media_backup.keep_within",
        Kind::Age,
        "30d",
        "media-backup prune keeps every snapshot that ended within this time",
    ),
    setting(
        "media_backup.keep_last",
        KEPT,
        "2",
        "It keeps so many of the newest good ones, in each repository; the newest one always",
    ),
    setting(
        "media_backup.keep_daily",
        KEPT,
        "30",
        "It keeps the newest good one of each day (UTC) for so many days that have one",
    ),
    setting("media_backup.keep_weekly", KEPT, "4", "The same for weeks (ISO 8601)"),
    setting("media_backup.keep_monthly", KEPT, "12", "The same for months"),
    setting("media_backup.keep_yearly", KEPT, "0", "The same for years"),
    setting(
        "media_backup.keep_unfinished",
        Kind::Age,
        "1d",
        "An unfinished snapshot counts as one being taken now for this long",
    ),
    setting(
        "limits.connect_timeout",
        Kind::Duration,
        "5s",
        "Longest wait for a connection to a store",
    ),
    setting(
        "limits.request_timeout",
        Kind::Duration,
        "60s",
        "Longest wait for one request, or for the next bytes of an answer",
    ),
    setting(
        "limits.total_timeout",
        Kind::Duration,
        "3m",
        "Longest time for one request with its retries; a push makes one to five",
    ),
    setting(
        "limits.attempts",
        Kind::Integer { min: 1, max: 20 },
        "5",
        "How often a request is tried, with a growing pause that varies",
    ),
    setting(
        "log.level",
        Kind::Choice(&["error", "warn", "info", "debug"]),
        "info",
        "Least important event that is logged",
    ),
    setting(
        "log.format",
        Kind::Choice(&["auto", "text", "json", "journald"]),
        "auto",
        "How events are logged; auto is journald under systemd, else text on standard error",
    ),
];
