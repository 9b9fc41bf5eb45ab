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
        "RPO: highest allowed time since the newest WAL that can be restored",
    ),
    setting(
        "objectives.rto",
        Kind::Age,
        "30m",
        "RTO: longest allowed restore, as measured by the last drill",
    ),
    setting(
        "objectives.base_backup_age",
        Kind::Age,
        "26h",
        "Highest age of the newest restorable base backup",
    ),
    setting(
        "objectives.base_backups",
        KEPT,
        "1",
        "Lowest number of restorable base backups in each repository",
    ),
    setting(
        "objectives.reaches_back",
        Kind::Age,
        "",
        "How far back every second can be restored, in each repository; absent: not judged",
    ),
    setting("objectives.redis_age", Kind::Age, "2h", "Highest age of the newest Redis backup"),
    setting(
        "objectives.redis_backups",
        KEPT,
        "1",
        "Lowest number of whole Redis backups in each repository",
    ),
    setting(
        "objectives.media_age",
        Kind::Age,
        "26h",
        "Highest age of the newest snapshot of each media set",
    ),
    setting(
        "objectives.media_backups",
        KEPT,
        "1",
        "Lowest number of whole snapshots of each media set in each repository",
    ),
    setting("objectives.drill_age", Kind::Age, "35d", "Highest age of the last drill that passed"),
    setting(
        "objectives.verify_age",
        Kind::Age,
        "8d",
        "Highest age of the last full verification without a fault",
    ),
    setting(
        "objectives.free_space",
        PER_CENT,
        "10",
        "Lowest free space of the file systems of local repositories and of pg_wal, in per cent",
    ),
    setting(
        "objectives.days_until_full",
        DAYS,
        "14",
        "Lowest number of days until a local repository is full at its present growth",
    ),
];
