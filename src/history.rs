//! What was rehearsed and verified, and how that went: a small record in the repositories for each time.
//! Drills and full verifications write them; `seawall check` and `seawall report` read them.
//!
//! Here is what a record says and how it is written; `stored` puts it into repositories and finds it there.

mod stored;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Class, Error, Result};
use crate::postgres::SystemIdentifier;

pub use stored::{NewestRecords, StoredRecord, newest, store};

/// What records are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSubject {
    /// What all its keys begin with, such as `history/redis/main/`.
    prefix: String,
}

impl RecordSubject {
    /// Base backups and WAL of a system.
    pub fn postgres(cluster: &str, system: SystemIdentifier) -> Self {
        Self { prefix: format!("history/postgres/{cluster}/{system}/") }
    }

    pub fn redis(name: &str) -> Self {
        Self { prefix: format!("history/redis/{name}/") }
    }

    pub fn media(set: &str) -> Self {
        Self { prefix: format!("history/media/{set}/") }
    }

    /// Where the record with this id lies: ids sort by time.
    fn key(&self, id: &str, kind: RecordKind) -> String {
        format!("{}{id}-{}.json", self.prefix, kind.word())
    }
}

/// The first format, and the only one so far. A reader refuses a higher one.
pub const FORMAT: u32 = 1;

/// A drill or a verification. It is stored in the clear, so it has numbers and names of Seawall's own
/// only: nothing of the data, no SQL, no path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the format.
    pub seawall: u32,
    /// Made as that of a backup: it begins with the time.
    pub id: String,
    pub kind: RecordKind,
    pub began: Timestamp,
    pub ended: Timestamp,
    /// Whether all was as it should be.
    pub passed: bool,
    /// Which backups were looked at.
    pub backups: Vec<String>,
    /// Name of the repository that the backup came from, or the only one that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// What took how long, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// How far the replay of WAL got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Reached>,
    /// What was looked at and what came of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What is wrong, the first lines of it: which object, which WAL, or which status it ended with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<String>,
    /// Whether all that is wrong is WAL that the newest base backup does not need and that nobody has any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub past: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    Drill,
    /// Every byte was read, unless [`Record::passed`] is false.
    Verification,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// `fetch`, `replay` or `checks`.
    pub name: String,
    pub seconds: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Like `16/B374D848`.
    pub lsn: String,
    pub timeline: u32,
    /// When the last transaction that was replayed had been committed; `None` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Such as `tables` or `assertion 2`.
    pub name: String,
    pub passed: bool,
}

impl RecordKind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Drill => "drill",
            Self::Verification => "verification",
        }
    }
}

impl Record {
    /// Seconds until the restored server was there to be used: fetching and replaying, not the checks.
    pub fn rto_seconds(&self) -> f64 {
        self.phases.iter().filter(|phase| phase.name != "checks").map(|phase| phase.seconds).sum()
    }

    pub fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(|error| {
            Error::new(Class::Internal, format!("could not write a record: {error}"))
        })
    }

    pub fn parse(bytes: &[u8]) -> Result<Self> {
        /// Read first: what else a newer format says may be written in another way.
        #[derive(Deserialize)]
        struct RecordVersion {
            seawall: u32,
        }
        let damaged = |error: serde_json::Error| {
            Error::new(
                Class::Damaged,
                format!("expected a record of a drill or verification: {error}"),
            )
        };
        let version: RecordVersion = serde_json::from_slice(bytes).map_err(damaged)?;
        if version.seawall != FORMAT {
            let message = format!("expected record format {FORMAT}, found {}", version.seawall);
            return Err(
                Error::new(Class::Damaged, message).hint("A newer Seawall wrote it: use that one.")
            );
        }
        let record: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        // Each is positive, and so is their sum, which two enormous ones don't have.
        let sum: f64 = record.phases.iter().map(|phase| phase.seconds).sum();
        if !sum.is_finite() || record.phases.iter().any(|phase| phase.seconds < 0.0) {
            let message = "expected phases that took some seconds each, found other numbers";
            return Err(Error::new(Class::Damaged, message));
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let phase = |name: &str, seconds| Phase { name: name.to_owned(), seconds };
        Record {
            seawall: FORMAT,
            id: "20261122T203000Z-4f2a".to_owned(),
            kind: RecordKind::Drill,
            began: "2026-11-22T20:30:00Z".parse().unwrap(),
            ended: "2026-11-22T20:31:00Z".parse().unwrap(),
            passed: true,
            backups: vec!["20261122T010000Z-1111".to_owned()],
            repository: Some("s3".to_owned()),
            phases: vec![phase("fetch", 20.5), phase("replay", 9.5), phase("checks", 30.0)],
            reached: Some(Reached { lsn: "0/3000000".to_owned(), timeline: 1, time: None }),
            checks: vec![Check { name: "tables".to_owned(), passed: true }],
            found: vec!["disk: key: expected a, found b".to_owned()],
            past: false,
        }
    }

    #[test]
    fn reads_what_it_writes() {
        let record = record();
        assert_eq!(Record::parse(&record.to_json().unwrap()), Ok(record.clone()));
        assert_eq!(record.rto_seconds(), 30.0);
    }

    #[test]
    fn refuses_a_newer_format_and_damage() {
        assert_eq!(
            Record::parse(br#"{"seawall":2}"#).unwrap_err().to_string(),
            "expected record format 1, found 2. HINT: A newer Seawall wrote it: use that one."
        );
        let json = record().to_json().unwrap();
        for seconds in ["-1", "1e308"] {
            let text = String::from_utf8(json.clone()).unwrap();
            let text = text.replace("20.5", seconds).replace("9.5", seconds);
            assert_eq!(
                Record::parse(text.as_bytes()).unwrap_err().to_string(),
                "expected phases that took some seconds each, found other numbers"
            );
        }
        for cut in [0, 1, json.len() / 2, json.len() - 1] {
            assert_eq!(Record::parse(&json[..cut]).unwrap_err().class(), Class::Damaged);
        }
    }
}
