use std::time::Duration;

use super::resolved::Resolved;

/// What was promised, and what `seawall check` measures against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objectives {
    /// At most so much may be lost.
    pub rpo: Duration,
    /// A restore may take so long.
    pub rto: Duration,
    pub base_backups: Wanted,
    /// A recovery reaches any second of so long a time; `None`: nobody promised.
    pub reaches_back: Option<Duration>,
    pub redis: Wanted,
    /// Of each set.
    pub media: Wanted,
    pub drill_age: Duration,
    pub verify_age: Duration,
    /// Of a file system, in per cent.
    pub free_space: u8,
    pub days_until_full: u32,
}

/// How many backups of a kind there should be in each repository, and how old the newest may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub age: Duration,
    pub count: usize,
}

impl Objectives {
    pub(super) fn from_resolved(resolved: &Resolved) -> Self {
        let time = |key: &str| resolved.duration(&format!("objectives.{key}"));
        let number = |key: &str| resolved.number(&format!("objectives.{key}"));
        let wanted =
            |age: &str, count: &str| Wanted { age: time(age), count: number(count) as usize };
        Self {
            rpo: time("rpo"),
            rto: time("rto"),
            base_backups: wanted("base_backup_age", "base_backups"),
            reaches_back: resolved.optional_duration("objectives.reaches_back"),
            redis: wanted("redis_age", "redis_backups"),
            media: wanted("media_age", "media_backups"),
            drill_age: time("drill_age"),
            verify_age: time("verify_age"),
            free_space: number("free_space") as u8,
            days_until_full: number("days_until_full") as u32,
        }
    }
}
