//! What a verification found, whatever the backups are of: as data, which commands show as text or JSON, and a fault as one
//! line.

use std::collections::BTreeSet;
use std::fmt;

use super::{Backup, Broken, Catalogue, Kind};
use crate::error::Error;
use crate::repository::Repository;

/// What verification found.
#[derive(Debug, Default)]
pub struct VerifyReport {
    pub quick: bool,
    pub faults: Vec<Fault>,
    /// Holes that retention leaves in the WAL behind older base backups, a line for each; no faults.
    pub not_kept: Vec<String>,
    /// What was not looked at, and why; no fault by itself.
    pub remarks: Vec<String>,
    /// Repositories that did not answer, or not to the end, and objects that none of our keys opens.
    pub errors: Vec<Error>,
    pub read: ReadTotals,
    /// Whether only stored bytes were looked at, because this host has no private key: nothing was found, and nothing
    /// was shown.
    pub locked: bool,
    /// What happens next, in a sentence.
    pub next: Option<String>,
}

/// What was read, or with [`VerifyReport::quick`] looked at, and found to be as it should.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ReadTotals {
    pub backups: u64,
    /// All but descriptions, in all repositories; of a tree its files and folders.
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
    /// What is wrong with it.
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
    /// A hole that is meant to be. `what` is missing there.
    pub fn not_kept(&self, what: &str) -> String {
        let repository = self.repository.as_deref().unwrap_or("every repository");
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

/// A copy of a backup in which something is wrong.
pub struct FaultyCopy {
    /// Its place among the backups that are verified, and the repository that it is in.
    pub copy: (usize, usize),
    pub found: String,
}

impl VerifyReport {
    /// Takes over what is wrong with copies of these backups, each of which needs nothing but its own objects. `unknown`: copies
    /// that could not be read.
    pub fn add_copies<K: Kind>(
        &mut self,
        repositories: &[Repository],
        catalogue: &Catalogue<K>,
        chosen: &[&Backup<K>],
        faulty: Vec<FaultyCopy>,
        unknown: &BTreeSet<(usize, usize)>,
    ) {
        let bad: BTreeSet<(usize, usize)> = faulty.iter().map(|it| it.copy).collect();
        let name = |at: usize| repositories[at].name().to_owned();
        for FaultyCopy { copy: (at, repository), found } in faulty {
            let backup = chosen[at];
            let copies = backup.copies.iter().map(|copy| copy.repository);
            let whole =
                copies.filter(|it| !bad.contains(&(at, *it)) && !unknown.contains(&(at, *it)));
            let folder = catalogue.folder_of(backup.system, &backup.id);
            let spoils = spoiled_copy::<K>(&backup.id, repositories[repository].name());
            self.faults.push(Fault {
                repository: Some(name(repository)),
                object: folder.key("").trim_end_matches('/').to_owned(),
                found,
                spoils,
                elsewhere: whole.map(name).collect(),
                past: false,
            });
        }
    }
}

/// What is lost with a copy of a backup.
pub fn spoiled_copy<K: Kind>(id: &str, repository: &str) -> String {
    format!("{} {id} can't be restored from repository {repository}", K::WHAT)
}

/// What is wrong with a description, without what was being done.
pub fn broken_description<K: Kind>(
    broken: &Broken<K::System>,
    repositories: &[Repository],
) -> String {
    let (what, name) = (K::WHAT, repositories[broken.repository].name());
    let reading = format!("could not read {what} {} in repository {name}: ", broken.id);
    broken.error.message().replacen(&reading, "", 1)
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
