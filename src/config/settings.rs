//! Every setting that there is once: as flag, variable and in the file. Those of a kind of backup are in
//! `kinds`.
//!
//! Flags, `config show`, completions and `docs/configuration.md` are made of these declarations, so there is no
//! second place to keep true.

mod kinds;

use std::sync::LazyLock;

use super::setting::{KEPT, Setting, ValueKind, setting};

/// In the order in which they are shown.
pub static GLOBAL: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    [kinds::POSTGRES, kinds::REDIS, kinds::MEDIA, OBJECTIVES, NOTIFY, DRILL, REPORT, PROCESS]
        .concat()
});

/// The only setting of `limits` that is for some commands alone: archiving and restoring never wait for it.
pub const BANDWIDTH: &str = "limits.bandwidth";

const PROCESS: &[Setting] = &[
    setting(
        "state_directory",
        ValueKind::Path,
        "/var/lib/seawall",
        "Folder, if it exists, for notes on what this host stored last in each repository and what prune saw there; they recognise a repository that was exchanged",
    ),
    setting(
        "encryption.recipients",
        ValueKind::List,
        "",
        "age public keys (age1…) that stored objects are encrypted to",
    ),
    setting(
        "encryption.recipients_file",
        ValueKind::Path,
        "",
        "File with more age public keys, one on each line",
    ),
    setting(
        "encryption.identity_file",
        ValueKind::Path,
        "",
        "File with the age private keys; needed only for reading",
    ),
    setting(
        "limits.connect_timeout",
        ValueKind::Duration,
        "5s",
        "Longest wait for a connection to a store",
    ),
    setting(
        "limits.request_timeout",
        ValueKind::Duration,
        "60s",
        "Longest wait for one request, or for the next bytes of an answer",
    ),
    setting(
        "limits.total_timeout",
        ValueKind::Duration,
        "3m",
        "Longest time for one request with its retries; a push makes one to five",
    ),
    setting(
        "limits.attempts",
        ValueKind::Integer { min: 1, max: 20 },
        "5",
        "How often a request is tried, with growing random pauses",
    ),
    setting(
        BANDWIDTH,
        ValueKind::Rate,
        "",
        "Highest rate at which create (basebackup, redis-backup, media-backup) and seawall copy send to all repositories together; absent: no limit",
    ),
    setting(
        "log.level",
        ValueKind::Choice(&["error", "warn", "info", "debug"]),
        "info",
        "Least important event that is logged",
    ),
    setting(
        "log.format",
        ValueKind::Choice(&["auto", "text", "json", "journald"]),
        "auto",
        "How events are logged; auto is journald under systemd, else text on standard error",
    ),
];

const REPORT: &[Setting] = &[setting(
    "report.timezone",
    ValueKind::Text,
    "UTC",
    "Time zone of the report and of notify.summary_hour, by its IANA name such as Europe/Berlin",
)];

const NOTIFY: &[Setting] = &[
    setting(
        "notify.mail_to",
        ValueKind::List,
        "",
        "Addresses that get mail when the result of the check changes",
    ),
    setting(
        "notify.sendmail",
        ValueKind::Path,
        "/usr/sbin/sendmail",
        "Program that sends the mail",
    ),
    setting(
        "notify.smtp",
        ValueKind::Text,
        "",
        "Mail server that takes the mail (HOST:PORT), such as postfix or exim on 127.0.0.1:25; absent: sendmail sends it",
    ),
    setting(
        "notify.mail_from",
        ValueKind::Text,
        "",
        "Address that the mail comes from; absent: seawall@HOST over SMTP, else the choice of sendmail",
    ),
    setting(
        "notify.webhooks_file",
        ValueKind::Path,
        "",
        "File with one webhook a line, FORM URL: json, slack, teams, ntfy, or ping for each run",
    ),
    setting(
        "notify.warnings",
        ValueKind::Boolean,
        "true",
        "Tell people about WARNING too, or only about CRITICAL",
    ),
    setting(
        "notify.summary_hour",
        ValueKind::Integer { min: 0, max: 23 },
        "",
        "Hour of the day (in report.timezone) from which the daily summary is sent; absent: no summary",
    ),
];

pub(super) const DRILL: &[Setting] = &[
    setting(
        "drill.directory",
        ValueKind::Path,
        "/var/tmp",
        "Drills restore into a new folder in this one, and remove it afterwards",
    ),
    setting(
        "drill.postgres_bin",
        ValueKind::Path,
        "",
        "Folder with initdb and postgres of the right major version; default: where packages put them, and PATH",
    ),
    setting(
        "drill.redis_bin",
        ValueKind::Path,
        "",
        "Folder with redis-server or valkey-server; default: PATH",
    ),
    setting(
        "drill.shared_buffers",
        ValueKind::Size,
        "128MiB",
        "shared_buffers of a drill's PostgreSQL",
    ),
    setting(
        "drill.assert",
        ValueKind::List,
        "",
        "SQL queries that must each return one row with one column, true; only in the file",
    ),
    setting("drill.database", ValueKind::Text, "postgres", "Database in which drill.assert runs"),
    setting(
        "drill.timeout",
        ValueKind::Age,
        "6h",
        "Longest drill; a drill that takes longer has failed",
    ),
    setting(
        "drill.media_sample",
        ValueKind::Integer { min: 1, max: 1_000_000_000 },
        "1000",
        "How many files of a snapshot, chosen at random, a drill restores",
    ),
];

const PER_CENT: ValueKind = ValueKind::Integer { min: 0, max: 99 };
const DAYS: ValueKind = ValueKind::Integer { min: 0, max: 10_000 };

pub(super) const OBJECTIVES: &[Setting] = &[
    setting(
        "objectives.rpo",
        ValueKind::Age,
        "5m",
        "RPO: highest allowed time since the newest WAL that can be restored",
    ),
    setting(
        "objectives.rto",
        ValueKind::Age,
        "30m",
        "RTO: longest allowed restore, as measured by the last drill",
    ),
    setting(
        "objectives.base_backup_age",
        ValueKind::Age,
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
        ValueKind::Age,
        "",
        "How far back every second can be restored, in each repository; absent: not judged",
    ),
    setting("objectives.redis_age", ValueKind::Age, "2h", "Highest age of the newest Redis backup"),
    setting(
        "objectives.redis_backups",
        KEPT,
        "1",
        "Lowest number of whole Redis backups in each repository",
    ),
    setting(
        "objectives.media_age",
        ValueKind::Age,
        "26h",
        "Highest age of the newest snapshot of each media set",
    ),
    setting(
        "objectives.media_backups",
        KEPT,
        "1",
        "Lowest number of whole snapshots of each media set in each repository",
    ),
    setting(
        "objectives.drill_age",
        ValueKind::Age,
        "35d",
        "Highest age of the last drill that passed",
    ),
    setting(
        "objectives.verify_age",
        ValueKind::Age,
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
