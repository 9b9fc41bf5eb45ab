//! How a `restore` tells what it is going to do and what it has done: words for people, one document for programs.

use serde_json::{Value, json};

use super::shown::document;
use crate::error::{Error, Result};

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

/// How a plan is told, and who agrees to it.
pub struct Asking<'a> {
    pub dry_run: bool,
    /// Nobody is asked then: who wants it carried out has said so.
    pub as_json: bool,
    /// The end is told in words: the log need not say it as well.
    pub in_words: bool,
    pub agree: &'a mut dyn FnMut(&str) -> Result<bool>,
}

impl Asking<'_> {
    /// Whether the plan is to be carried out.
    pub fn agreed(&mut self, plan: &str) -> Result<bool> {
        if self.as_json { Ok(!self.dry_run) } else { (self.agree)(plan) }
    }
}

/// What came of it.
pub struct Ending {
    pub plan: Value,
    /// Where more than the plan was asked for.
    pub done: Option<Done>,
    /// What could not be done all the same.
    pub error: Option<Error>,
}

pub struct Done {
    /// Two lines: what is there now, and what to do next.
    pub words: String,
    pub result: Value,
}

impl Ending {
    pub fn planned(plan: Value) -> Self {
        Self { plan, done: None, error: None }
    }

    pub fn json(&self, dry_run: bool) -> Result<String> {
        let errors: Vec<String> = self.error.iter().map(ToString::to_string).collect();
        document(&json!({
            "version": VERSION,
            "dry_run": dry_run,
            "plan": self.plan,
            "result": self.done.as_ref().map(|done| &done.result),
            "errors": errors,
        }))
    }
}
