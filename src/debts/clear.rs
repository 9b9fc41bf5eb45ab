//! The mark of a host that a repository is owed nothing: with it a push asks nobody for debts.
//!
//! A debt is written by one process while another one finds that nothing is owed. So each process that is about to write one
//! first begins a new generation, and the mark names the generation in which somebody looked.

use std::fs;
use std::path::{Path, PathBuf};

use super::note::creditor_of;
use crate::durable;
use crate::error::Result;
use crate::repository::Repository;

/// Two small files in a folder of this host for each repository. Losing them costs a question.
#[derive(Debug, Clone)]
pub struct ClearMark {
    folder: PathBuf,
    /// What the files of this repository are called by.
    creditor: String,
    /// As other repositories and another system are asked for, the mark says nothing.
    about: String,
}

impl ClearMark {
    /// In a folder of this host, which need not be there yet. `about` tells all repositories and the system.
    pub fn new(state: &Path, creditor: &Repository, about: String) -> Self {
        Self { folder: state.join("debts"), creditor: creditor_of(creditor), about }
    }

    pub fn is_set(&self) -> bool {
        let marked = durable::read_small(&self.mark()).ok();
        marked.is_some_and(|marked| marked == self.said(&self.generation()))
    }

    /// Of the debts that are written from now on. Empty where this host wrote none yet, as far as it remembers.
    pub fn generation(&self) -> Vec<u8> {
        durable::read_small(&self.file("generation")).unwrap_or_default()
    }

    /// Before the first debt of a process: durable, because the debt is.
    pub fn begin_generation(&self) -> Result<()> {
        let _ = fs::create_dir(&self.folder);
        let (time, process) = (jiff::Timestamp::now().as_nanosecond(), std::process::id());
        durable::replace_synced(&self.file("generation"), format!("{time} {process}").as_bytes())
    }

    /// Nothing was owed when somebody looked, who began to look in this generation.
    pub fn set(&self, generation: &[u8]) {
        let _ = fs::create_dir(&self.folder);
        if let Err(error) = durable::replace(&self.mark(), &self.said(generation)) {
            tracing::debug!("the next push looks for debts again: {error}");
        }
    }

    fn mark(&self) -> PathBuf {
        self.file("clear")
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.creditor))
    }

    fn said(&self, generation: &[u8]) -> Vec<u8> {
        [b"seawall 1 ", self.about.as_bytes(), b" ", generation].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debt_that_is_written_while_somebody_looks_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let mark = |about: &str| ClearMark {
            folder: folder.path().to_owned(),
            creditor: "b".into(),
            about: about.into(),
        };
        let (mark, other) = (mark("one"), mark("another"));
        assert!(!mark.is_set(), "nobody looked");
        mark.set(&mark.generation());
        assert!(mark.is_set());
        assert!(!other.is_set(), "of other repositories");
        let looking = mark.generation();
        mark.begin_generation().unwrap();
        mark.set(&looking);
        assert!(!mark.is_set());
        mark.set(&mark.generation());
        assert!(mark.is_set());
    }
}
