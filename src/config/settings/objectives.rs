//! What was promised: `seawall check` measures against it.

use super::{KEPT, setting};
use crate::config::setting::{Kind, Setting};

const PER_CENT: Kind = Kind::Integer { min: 0, max: 99 };
const DAYS: Kind = Kind::Integer { min: 0, max: 10_000 };

pub(super) const OBJECTIVES: &[Setting] = &[
    setting(
        "objectives.rpo",
        Kind::Age,
        "5m",
        "At most so much may be lost: the time since the newest WAL that can be restored",
    ),
    setting(
        "objectives.rto",
        Kind::Age,
        "30m",
        "A restore may take so long, as the last drill measured it",
    ),
    setting(
        "objectives.base_backup_age",
        Kind::Age,
        "26h",
        "The newest restorable base backup may be so old",
    ),
    setting(
        "objectives.base_backups",
        KEPT,
        "1",
        "At least so many restorable base backups, in each repository",
    ),
    setting(
        "objectives.reaches_back",
        Kind::Age,
        "",
        "A recovery reaches any second of so long a time, in each repository; absent: that is not judged",
    ),
    setting("objectives.redis_age", Kind::Age, "2h", "The newest Redis backup may be so old"),
    setting(
        "objectives.redis_backups",
        KEPT,
        "1",
        "At least so many whole Redis backups, in each repository",
    ),
    setting(
        "objectives.media_age",
        Kind::Age,
        "26h",
        "The newest snapshot of each media set may be so old",
    ),
    setting(
        "objectives.media_backups",
        KEPT,
        "1",
        "At least so many whole snapshots of each media set, in each repository",
    ),
    setting("objectives.drill_age", Kind::Age, "35d", "The last drill that passed may be so old"),
    setting(
        "objectives.verify_age",
        Kind::Age,
        "8d",
        "The last full verification without a fault may be so old",
    ),
    setting(
        "objectives.free_space",
        PER_CENT,
        "10",
        "At least so many per cent of the file system of a local repository and of pg_wal are free",
    ),
    setting(
        "objectives.days_until_full",
        DAYS,
        "14",
        "At the present rate a local repository is full in so many days at the earliest",
    ),
];
