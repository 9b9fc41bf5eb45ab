//! Redis.

use super::{KEPT, setting};
use crate::config::setting::{Kind, Setting};

pub(super) const REDIS: &[Setting] = &[
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
        "Longest wait until the server has saved its data, or begins to send it",
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
        Kind::Age,
        "1d",
        "prune treats an unfinished Redis backup as still being taken for this long",
    ),
];
