//! Media files.

use super::{KEPT, setting};
use crate::config::setting::{Kind, Setting};

pub(super) const MEDIA: &[Setting] = &[
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
        "Folder for notes on the newest snapshot, for a host that cannot decrypt its own snapshots",
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
        Kind::Age,
        "1d",
        "prune treats an unfinished snapshot as still being taken for this long",
    ),
];
