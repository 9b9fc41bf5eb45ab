//! The words of a verdict: findings with their states, texts, hints and numbers, and which one is the worst.
//!
//! The forms of the output, the messages to people and the report are all made of them.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::words::count;

/// How it stands; a worse one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    /// It could not be found out.
    Unknown,
    Warning,
    Critical,
}

impl State {
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

impl fmt::Display for State {
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
pub struct Subject {
    pub service: Service,
    /// Of the cluster, the Redis, the media set or the repository.
    pub name: String,
}

impl fmt::Display for Subject {
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
    pub subject: Subject,
    /// What of it, such as `base backup` or `RPO now`.
    pub check: &'static str,
    /// In which repository, where it is about one of several copies.
    pub repository: Option<String>,
    pub state: State,
    /// One line, found against expected.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
    pub numbers: Vec<Number>,
}

impl Finding {
    /// `PostgreSQL main, RPO now in disk`
    pub fn name(&self) -> String {
        let within = self.repository.as_ref().map_or(String::new(), |it| format!(" in {it}"));
        format!("{}, {}{within}", self.subject, self.check)
    }
}

/// A value of a metric of [`super::METRICS`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Number {
    pub metric: &'static str,
    pub value: f64,
    /// From here on it is no longer as it should be, where there is an objective.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<f64>,
}

/// All that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub at: Timestamp,
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// The worst of all; a check that looked at nothing knows nothing.
    pub fn state(&self) -> State {
        self.findings.iter().map(|finding| finding.state).max().unwrap_or(State::Unknown)
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
            self.findings.iter().filter(|finding| finding.state != State::Ok).collect();
        troubles.sort_by_key(|finding| std::cmp::Reverse(finding.state));
        troubles
    }
}
