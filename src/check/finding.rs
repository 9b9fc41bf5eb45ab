//! What a check says: findings with their states, texts, hints and measurements, how a finding is put together, and
//! the verdict, which is all of them and the worst.
//!
//! The forms of the output, the messages to people and the report are all made of findings.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use jiff::Timestamp;
use serde::Serialize;

use crate::error::Error;
pub(super) use crate::words::{count, plain};

/// How it stands; a worse one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    Ok,
    /// It could not be found out.
    Unknown,
    Warning,
    Critical,
}

impl CheckState {
    /// The exit status of monitoring plugins (Monitoring Plugins Development Guidelines, "Plugin Return
    /// Codes").
    pub fn status(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

impl fmt::Display for CheckState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "OK",
            Self::Unknown => "UNKNOWN",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    Postgresql,
    Redis,
    Media,
    Repository,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CheckSubject {
    pub service: Service,
    /// Of the cluster, the Redis, the media set or the repository.
    pub name: String,
}

impl fmt::Display for CheckSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = match self.service {
            Service::Postgresql => "PostgreSQL",
            Service::Redis => "Redis",
            Service::Media => "media",
            Service::Repository => "repository",
        };
        write!(f, "{service} {}", self.name)
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    pub subject: CheckSubject,
    /// What of it, such as `base backup` or `RPO now`.
    pub check: &'static str,
    /// In which repository, where it is about one of several copies.
    pub repository: Option<String>,
    pub state: CheckState,
    /// One line, found against expected.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
    pub numbers: Vec<Measurement>,
}

impl Finding {
    /// `PostgreSQL main, RPO now in disk`
    pub fn name(&self) -> String {
        let within = self.repository.as_ref().map_or(String::new(), |it| format!(" in {it}"));
        format!("{}, {}{within}", self.subject, self.check)
    }
}

/// A value of a metric of [`METRICS`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measurement {
    pub metric: &'static str,
    pub value: f64,
    /// From here on it is no longer as it should be, where there is an objective.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<f64>,
}

/// A finding that is being put together out of several remarks: their texts are joined, and the worst remark gives the
/// state and the hint.
pub(super) struct FindingDraft {
    finding: Finding,
    texts: Vec<String>,
}

impl FindingDraft {
    pub(super) fn new(
        subject: CheckSubject,
        check: &'static str,
        repository: Option<&str>,
    ) -> Self {
        let repository = repository.map(str::to_owned);
        let (state, text, hint, numbers) = (CheckState::Ok, String::new(), None, Vec::new());
        let finding = Finding { subject, check, repository, state, text, hint, numbers };
        Self { finding, texts: Vec::new() }
    }

    /// Says something that is as it should be.
    pub(super) fn ok(&mut self, text: impl Into<String>) {
        self.texts.push(text.into());
    }

    /// Says something that is not, with the likeliest mend; the hint of the worst counts.
    pub(super) fn say(
        &mut self,
        state: CheckState,
        text: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.texts.push(text.into());
        if state > self.finding.state {
            let hint = hint.into();
            self.finding.hint = Some(hint).filter(|hint| !hint.is_empty());
        }
        self.finding.state = self.finding.state.max(state);
    }

    /// Says what an error says; its hint is ours.
    pub(super) fn fail(&mut self, state: CheckState, doing: &str, error: &Error) {
        let text = error.message();
        let text = text.strip_suffix('.').unwrap_or(&text);
        self.say(state, format!("{doing}{text}"), error.hint_text().unwrap_or_default());
    }

    pub(super) fn number(&mut self, metric: &'static str, value: f64) {
        self.finding.numbers.push(Measurement { metric, value, objective: None });
    }

    pub(super) fn measured(&mut self, metric: &'static str, value: f64, objective: f64) {
        self.finding.numbers.push(Measurement { metric, value, objective: Some(objective) });
    }

    /// One line, whatever a store or a server put into it.
    pub(super) fn finding(mut self) -> Finding {
        self.finding.text = plain(&self.texts.join("; "));
        self.finding
    }
}

/// All that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub at: Timestamp,
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// The worst of all; a check that looked at nothing knows nothing.
    pub fn state(&self) -> CheckState {
        self.findings.iter().map(|finding| finding.state).max().unwrap_or(CheckState::Unknown)
    }

    /// The verdict in one line.
    pub fn summary(&self) -> String {
        let state = self.state();
        let troubles = self.troubles();
        match troubles.split_first() {
            Some((first, more)) => {
                let more = match more.len() {
                    0 => String::new(),
                    more => format!(" (and {more} more)"),
                };
                format!("{state}: {}: {}{more}", first.name(), first.text)
            }
            None => {
                let checks = count(self.findings.len() as u64, "check");
                format!("{state}: {checks}, all as they should be")
            }
        }
    }

    /// Those that are not as they should be, the worst first.
    pub fn troubles(&self) -> Vec<&Finding> {
        let mut troubles: Vec<&Finding> =
            self.findings.iter().filter(|finding| finding.state != CheckState::Ok).collect();
        troubles.sort_by_key(|finding| std::cmp::Reverse(finding.state));
        troubles
    }
}

/// A number that a check measures. Prometheus gets its help from here, and monitoring plugins get the side on which an
/// objective is missed.
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
    metric("seawall_owed_wal_files", "WAL files that a repository is owed"),
    metric("seawall_owed_backups", "Backups that a repository is owed"),
    metric("seawall_owed_wal_bytes", "WAL that a repository is owed, in bytes before compression"),
    metric("seawall_owed_age_seconds", "Time since a repository is owed the oldest of it"),
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

/// In the two largest units: `1h 5m`.
pub(super) fn time(seconds: f64) -> String {
    crate::words::two_units(seconds.max(0.0).round() as u64)
}

pub(super) fn objective(time: Duration) -> String {
    self::time(time.as_secs_f64())
}

pub(super) fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// Seconds since then; 0 where that is in the future: what is wrong with the clock is said elsewhere.
pub(super) fn age(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).as_secs_f64().max(0.0)
}

/// RFC 3339 in UTC, to the second.
pub(super) fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_two_units() {
        for (seconds, expected) in
            [(0.4, "0s"), (59.6, "1m"), (65.0, "1m 5s"), (90_000.0, "1d 1h"), (-5.0, "0s")]
        {
            assert_eq!(time(seconds), expected);
        }
        assert_eq!(objective(Duration::from_secs(300)), "5m");
        assert_eq!(size(1 << 20), "1.0 MiB");
    }
}
