use std::time::Duration;

use super::resolved::Resolved;

/// Which backups of a kind are kept.
#[derive(Debug, Clone, Copy)]
pub struct KeepConfig {
    pub within: Duration,
    pub last: usize,
    pub daily: usize,
    pub weekly: usize,
    pub monthly: usize,
    pub yearly: usize,
    /// An unfinished backup counts as one being taken for so long.
    pub unfinished: Duration,
}

impl Resolved {
    /// The rules of one table of settings.
    pub(super) fn keep(&self, table: &str) -> KeepConfig {
        let count = |rule: &str| self.number(&format!("{table}.keep_{rule}")) as usize;
        let time = |rule: &str| self.duration(&format!("{table}.keep_{rule}"));
        KeepConfig {
            within: time("within"),
            last: count("last"),
            daily: count("daily"),
            weekly: count("weekly"),
            monthly: count("monthly"),
            yearly: count("yearly"),
            unfinished: time("unfinished"),
        }
    }
}
