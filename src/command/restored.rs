//! How a `restore` tells what it is going to do and what it has done: words for people, one document for programs. And the
//! user's own commands around it.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::cli::text::document;
use crate::cli::{asked, guard, screen, verbs};
use crate::error::{Class, Error, Result};

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
    pub done: Option<RestoreDone>,
    /// What could not be done all the same.
    pub error: Option<Error>,
}

pub struct RestoreDone {
    /// Two lines: what is there now, and what to do next.
    pub words: String,
    pub result: Value,
}

impl Ending {
    pub fn planned(plan: Value) -> Self {
        Self { plan, done: None, error: None }
    }

    fn json(&self, dry_run: bool) -> Result<String> {
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

pub fn asking(
    matches: &ArgMatches,
    restore: impl FnOnce(&mut Asking<'_>) -> Result<Ending>,
) -> Result<Ending> {
    let mut agree = |plan: &str| asked::agreed(matches, plan);
    let (dry_run, as_json) = (matches.get_flag("dry-run"), matches.get_flag("json"));
    let in_words = screen::is_terminal() && !as_json;
    restore(&mut Asking { dry_run, as_json, in_words, agree: &mut agree })
}

/// `doing` is said before whatever went wrong.
pub fn end(matches: &ArgMatches, ending: Result<Ending>, doing: &str) -> Result<()> {
    let ending = ending.map_err(|error| error.while_doing(doing))?;
    if matches.get_flag("json") {
        guard::print(&ending.json(matches.get_flag("dry-run"))?);
    } else if let Some(done) = ending.done.as_ref().filter(|_| screen::is_terminal()) {
        guard::print(&verbs::for_people(&done.words));
    }
    ending.error.map_or(Ok(()), |error| Err(error.while_doing(doing)))
}

/// Runs one of the user's commands, as `sh -c` does, and waits for its end. `$1` in it is the data directory. Its
/// environment is ours: a server that it starts hands it on to `wal-fetch`, which takes an unknown variable
/// for a mistake. What it prints goes to the log: standard output may be for a program.
pub fn run_hook(which: &str, command: &str, data: &Path) -> Result<()> {
    tracing::info!(command, "running --{which}");
    let failed = |error| Error::new(Class::LocalFile, format!("could not run /bin/sh: {error}"));
    let log = io::stderr().as_fd().try_clone_to_owned().map_err(failed)?;
    let mut shell = Command::new("/bin/sh");
    let shell = shell.args(["-c", command, "sh"]).arg(data).stdout(log);
    let status = shell.status().map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    let message = format!("--{which} failed with {status}: {command}");
    Err(Error::new(Class::Usage, message))
}
