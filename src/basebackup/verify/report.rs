//! What a verification found, as data, which commands show as text or JSON, and a fault as one line.

use std::fmt;

use crate::error::Error;

/// What verification found.
#[derive(Debug, Default)]
pub struct Report {
    pub quick: bool,
    pub faults: Vec<Fault>,
    /// Holes that retention leaves in the WAL behind older base backups, a line for each; no faults.
    pub not_kept: Vec<String>,
    /// What was not looked at, and why; no fault by itself.
    pub remarks: Vec<String>,
    /// Repositories that did not answer, or not to the end, and objects that none of our keys opens.
    pub errors: Vec<Error>,
    pub read: ReadTotals,
}

/// What was read, or with [`Report::quick`] looked at, and found to be as it should.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ReadTotals {
    pub backups: u64,
    /// Parts and manifests, in all repositories.
    pub objects: u64,
    /// Their stored length in bytes.
    pub object_bytes: u64,
    /// Segments and histories, in all repositories.
    pub wal_files: u64,
    /// Their stored length in bytes.
    pub wal_bytes: u64,
}

/// One object, or a gap, that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// By name; `None` for WAL that no repository has.
    pub repository: Option<String>,
    /// Its key, or the first and the last segment that are missing.
    pub object: String,
    /// What was expected, and what was found.
    pub found: String,
    /// What can't be recovered with it. Empty when nothing that was verified needs it.
    pub spoils: String,
    /// Repositories that have it whole.
    pub elsewhere: Vec<String>,
    /// Whether it is WAL that the newest base backup does not need and that no repository has: nothing can mend it, and it
    /// goes with the older base backups.
    pub past: bool,
}

impl Fault {
    /// A hole that is meant to be.
    pub fn not_kept(&self) -> String {
        let repository = self.repository.as_deref().unwrap_or("every repository");
        let expected = self.found.strip_prefix("expected ").unwrap_or(&self.found);
        let what = expected.strip_suffix(", found none").unwrap_or(expected);
        format!(
            "{repository}: {}: not kept, {what} before the WAL window; {}",
            self.object, self.spoils
        )
    }
}

/// One line.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repository = self.repository.as_deref().unwrap_or("every repository");
        write!(f, "{repository}: {}: {}", self.object, self.found)?;
        if !self.spoils.is_empty() {
            write!(f, "; {}", self.spoils)?;
        }
        match &self.elsewhere[..] {
            [] => Ok(()),
            [one] => write!(f, "; repository {one} has it"),
            more => write!(f, "; repositories {} have it", more.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line() {
        let mut fault = Fault {
            repository: Some("disk".to_owned()),
            object: "key".to_owned(),
            found: "expected a, found b".to_owned(),
            spoils: String::new(),
            elsewhere: Vec::new(),
            past: false,
        };
        assert_eq!(fault.to_string(), "disk: key: expected a, found b");
        fault.spoils = "nothing works".to_owned();
        fault.elsewhere = vec!["s3".to_owned()];
        assert_eq!(
            fault.to_string(),
            "disk: key: expected a, found b; nothing works; repository s3 has it"
        );
        fault.repository = None;
        fault.elsewhere.push("far".to_owned());
        assert_eq!(
            fault.to_string(),
            "every repository: key: expected a, found b; nothing works; repositories s3, far have it"
        );
    }
}
