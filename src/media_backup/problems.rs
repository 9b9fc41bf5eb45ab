//! What went wrong with single files while all else went on: each is logged and counted, and the first ones are kept to
//! be shown. One file that can't be read keeps nobody from the others.

use std::path::Path;

/// So many are told one by one; the rest is counted.
const TOLD: usize = 1000;

/// Something that did not go as it should, while all else went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub message: String,
    /// False for what is left out by design, such as a socket.
    pub failed: bool,
}

/// The problems of one snapshot, restore or verification.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The first ones.
    pub told: Vec<Problem>,
    /// Files, folders or links that are missing in the result, or not quite as they should be.
    pub failures: u64,
    /// What is no file, folder or link.
    pub left_out: u64,
    /// Files that were written to all the while, and are as they were read.
    pub grew: u64,
}

impl Problems {
    /// `could not VERB "PATH": REASON`.
    pub fn failed(&mut self, verb: &str, path: &Path, reason: &dyn std::fmt::Display) {
        self.failures += 1;
        let message = format!("could not {verb} {path:?}: {reason}");
        tracing::warn!("{message}");
        self.tell(Problem { message, failed: true });
    }

    pub fn grew(&mut self, path: &Path) {
        self.grew += 1;
        let message = format!(
            "kept {path:?} as long as it was when it was opened: it is written to all the time"
        );
        tracing::warn!("{message}");
        self.tell(Problem { message, failed: false });
    }

    pub fn left_out(&mut self, path: &Path, what: &str) {
        self.left_out += 1;
        let message = format!("left out {path:?}: it is {what}");
        tracing::info!("{message}");
        self.tell(Problem { message, failed: false });
    }

    pub fn add(&mut self, other: Self) {
        self.failures += other.failures;
        self.left_out += other.left_out;
        self.grew += other.grew;
        other.told.into_iter().for_each(|problem| self.tell(problem));
    }

    fn tell(&mut self, problem: Problem) {
        if self.told.len() < TOLD {
            self.told.push(problem);
        }
    }
}
