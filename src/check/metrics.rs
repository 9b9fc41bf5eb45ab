//! The metrics of `seawall check`. Prometheus gets their help from this table; monitoring plugins get the side on which
//! an objective is missed.

/// A number that a check measures, as Prometheus has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    pub help: &'static str,
    /// Whether an objective says how much there should be at least, and not at most.
    pub at_least: bool,
}

const fn metric(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help, at_least: false }
}

const fn at_least(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help, at_least: true }
}

/// Each with the labels `service` and `name`, and `repository` where it is about one of several.
pub const METRICS: &[Metric] = &[
    metric("seawall_backup_age_seconds", "Time since the newest backup that can be restored ended"),
    metric("seawall_backups", "Backups that can be restored, as far as names and sizes show"),
    metric("seawall_backups_damaged", "Backups that can not be restored"),
    at_least("seawall_reaches_back_seconds", "How far back any second can be restored"),
    metric("seawall_rpo_seconds", "How much time would be lost if the server were lost now"),
    metric("seawall_rpo_bytes", "How many bytes of WAL would be lost if the server were lost now"),
    metric("seawall_wal_missing_segments", "WAL segments missing among those that recoveries need"),
    metric("seawall_archive_ready_files", "WAL files that wait to be archived"),
    metric("seawall_archive_failing", "1 while the server's archiver fails"),
    metric("seawall_drill_age_seconds", "Time since the last drill that passed"),
    metric("seawall_drill_rto_seconds", "How long fetch and replay took in the last drill"),
    metric("seawall_drill_passed", "1 when the last drill passed"),
    metric("seawall_verification_age_seconds", "Time since the last verification without a fault"),
    metric("seawall_verification_passed", "1 when the last verification found no fault"),
    metric("seawall_pinned_backups", "Backups that are kept whatever the policy says"),
    metric("seawall_stored_bytes", "Length of the stored objects that were listed"),
    metric("seawall_free_bytes", "Free space on the file system"),
    at_least("seawall_free_ratio", "Free part of the file system, from 0 to 1"),
    at_least("seawall_days_until_full", "Days until the file system is full at the present rate"),
    metric("seawall_clock_offset_seconds", "How far a clock is ahead of that of this host"),
];
