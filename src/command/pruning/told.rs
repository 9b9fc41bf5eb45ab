//! How every `prune` tells its plan, asks for consent, and tells its result: in words for people, in one document for
//! programs.

use std::collections::BTreeSet;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Amounts, done};
use crate::backup::deleting::Pruned;
use crate::command::shown::{Shown, count, document, plain};
use crate::error::{Error, Result};
use crate::repository::Repository;
use crate::retention::RetentionVerdict;
use crate::words::two_units;

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

/// What becomes of one thing in one repository.
#[derive(Debug, Serialize)]
pub struct Fate {
    /// `backup` or `wal`.
    pub kind: &'static str,
    /// Its id, or the name of its first segment and of its last.
    pub name: String,
    pub repository: String,
    pub keep: bool,
    pub reason: String,
}

impl Fate {
    pub fn new(
        kind: &'static str,
        name: String,
        repository: &str,
        verdict: &RetentionVerdict,
    ) -> Self {
        let (repository, reason) = (repository.to_owned(), verdict.reason.clone());
        Self { kind, name, repository, keep: verdict.keep, reason }
    }

    /// In the table for people.
    pub fn row(&self) -> Vec<String> {
        let word = if self.keep { "keep" } else { "delete" };
        vec![word.to_owned(), self.repository.clone(), plain(&self.name), plain(&self.reason)]
    }
}

/// Names of one kind that a plan keeps somewhere, or deletes wherever they are.
fn names<'p>(plan: &'p [Fate], kind: &str, kept: bool) -> BTreeSet<&'p str> {
    let of = |keep: bool| plan.iter().filter(move |it| it.keep == keep);
    let name = |it: &'p Fate| (it.kind == kind).then_some(it.name.as_str());
    let all: BTreeSet<&str> = of(true).filter_map(name).collect();
    match kept {
        true => all,
        false => of(false).filter_map(name).filter(|name| !all.contains(name)).collect(),
    }
}

/// The last line for people.
fn left(plan: &[Fate], program: &str) -> String {
    let kept = names(plan, "backup", true).len();
    let stay = if kept == 1 { "1 backup stays".to_owned() } else { format!("{kept} backups stay") };
    format!("{stay}; `{program} list` shows them.\n")
}

/// How a plan is told, and who agrees to it.
pub struct Telling<'a> {
    pub dry_run: bool,
    /// Nobody is asked then: who wants it carried out has said so.
    pub as_json: bool,
    /// Somebody reads along: the program whose `list` shows what is left.
    pub in_words: Option<&'static str>,
    pub begun: Instant,
    pub agree: &'a mut dyn FnMut(&str) -> Result<bool>,
}

impl Telling<'_> {
    /// Whether the plan is to be carried out.
    pub fn agreed(&mut self, plan: &str) -> Result<bool> {
        if self.as_json { Ok(!self.dry_run) } else { (self.agree)(plan) }
    }

    fn done(&self, pruned: &Pruned, plan: &[Fate]) -> String {
        let text = done(pruned);
        if self.in_words.is_none() {
            return text;
        }
        let backups = count(names(plan, "backup", false).len() as u64, "backup");
        let wal = if names(plan, "wal", false).is_empty() { "" } else { " and WAL" };
        let took = two_units(self.begun.elapsed().as_secs());
        // Its last line is what was deleted in all.
        match text.rsplit_once("Deleted ") {
            Some((before, amount)) => {
                format!("{before}Deleted {backups}{wal}, in {took}: {amount}")
            }
            None => text,
        }
    }

    /// At the end. `text` is what people have not seen yet.
    pub fn shown(
        &self,
        text: String,
        (plan, amounts): (&[Fate], &Amounts),
        repositories: &[Repository],
        pruned: Option<&Pruned>,
        errors: Vec<Error>,
    ) -> Result<Shown> {
        if !self.as_json {
            let done = pruned.map(|it| self.done(it, plan)).unwrap_or_default();
            // Where nothing was to be deleted, the text ends with that.
            let ends = pruned.is_some() || !text.is_empty();
            let left = self.in_words.filter(|_| ends).map(|program| left(plan, program));
            return Ok(Shown { text: text + &done + &left.unwrap_or_default(), errors });
        }
        let name = |at: &usize| repositories.get(*at).map_or("", Repository::name).to_owned();
        let amounts = amounts.0.iter().map(|(at, bytes)| (name(at), Value::from(*bytes)));
        let result = pruned.map(|it| {
            json!({
                "objects": it.deleted,
                "bytes": it.bytes,
                "uploads_ended": it.ended,
                "stayed": it.stayed,
            })
        });
        let text = document(&json!({
            "version": VERSION,
            "dry_run": self.dry_run,
            "plan": plan,
            "bytes_to_delete": amounts.collect::<serde_json::Map<String, Value>>(),
            "result": result,
            "errors": errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }))?;
        Ok(Shown { text, errors })
    }
}
