//! What every `prune` asks before its plan, and says before and after it.
//! The plan and the result are told in words for people, in one document for programs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use clap::ArgMatches;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::backup::StoredBackup;
use crate::backup::deleting::Pruned;
use crate::cli::text::{count, document, plain, size};
use crate::cli::verbs::Shown;
use crate::cli::{asked, screen, verbs};
use crate::error::{Error, Result};
use crate::repository::Repository;
use crate::retention::{Clocks, RetentionVerdict};
use crate::threads::in_parallel;
use crate::words::two_units;

/// `prune` of this program as it was asked for.
pub fn asked(
    program: &'static str,
    matches: &ArgMatches,
    run: impl FnOnce(&mut Telling<'_>) -> Result<Shown>,
) -> Result<()> {
    let mut agree = |plan: &str| asked::agreed(matches, plan);
    let (dry_run, as_json) = (matches.get_flag("dry-run"), matches.get_flag("json"));
    let in_words = screen::is_terminal().then_some(program);
    let begun = Instant::now();
    verbs::print(run(&mut Telling { dry_run, as_json, in_words, begun, agree: &mut agree })?)
}

/// What time it is here and in each repository that answered. `newest` is the end of the newest backup of which
/// nobody doubts when that was.
pub fn clocks(
    repositories: &[Repository],
    failed: &dyn Fn(usize) -> bool,
    newest: Option<Timestamp>,
) -> Clocks {
    let asked: Vec<_> = repositories.iter().enumerate().map(|(at, it)| (it, failed(at))).collect();
    let stores = in_parallel(&asked, |(repository, failed)| {
        let now = if *failed { None } else { repository.storage().now() };
        (repository.name(), now)
    });
    Clocks::compare(Timestamp::now(), &stores, newest)
}

/// What the clocks say of themselves, and where nothing is deleted.
pub fn remarks(repositories: &[Repository], clocks: &Clocks, failed: &[usize]) -> String {
    let mut text: String = clocks.remarks.iter().map(|line| plain(line) + "\n").collect();
    let failed = failed.iter().map(|at| (*at, "not all of it could be read"));
    let wrong = clocks.wrong.keys().map(|at| (*at, "its clock is wrong"));
    for (at, why) in failed.chain(wrong).collect::<BTreeMap<_, _>>() {
        let name = repositories.get(at).map_or("", Repository::name);
        text += &format!("Nothing is deleted in repository {name}: {why}.\n");
    }
    text
}

/// How much a plan deletes, by the places of repositories.
#[derive(Default)]
pub struct Amounts(BTreeMap<usize, u64>);

impl Amounts {
    pub fn add(&mut self, repository: usize, bytes: u64) {
        *self.0.entry(repository).or_default() += bytes;
    }

    /// `To be deleted: 3 MiB in disk, 3 MiB in s3.`
    pub fn told(&self, repositories: &[Repository]) -> String {
        let one = |(at, bytes): (&usize, &u64)| {
            format!("{} in {}", size(*bytes), repositories.get(*at).map_or("", Repository::name))
        };
        let all: Vec<String> = self.0.iter().map(one).collect();
        if all.is_empty() { String::new() } else { format!("To be deleted: {}.\n", all.join(", ")) }
    }
}

/// The last line, and before it what is still there.
pub fn done(pruned: &Pruned) -> String {
    let stayed: String = pruned.stayed.iter().map(|line| plain(line) + "\n").collect();
    let ended = match pruned.ended {
        0 => String::new(),
        ended => format!(" Ended {}.", count(ended, "upload")),
    };
    let (objects, bytes) = (count(pruned.deleted, "object"), size(pruned.bytes));
    format!("{stayed}Deleted {objects}, {bytes}.{ended}\n")
}

/// What a repository looks like that was copied: known to this host, or not.
pub fn remarks_on_dates<'a>(
    copies: impl Iterator<Item = (Timestamp, &'a StoredBackup)>,
    repositories: &[Repository],
) -> String {
    let mut counts: BTreeMap<usize, (usize, usize, usize)> = BTreeMap::new();
    for (ended, copy) in copies {
        let (all, known, doubtful) = counts.entry(copy.repository).or_default();
        let dates = copy.dates();
        *all += 1;
        *known += usize::from(dates.is_borne_out_by_note(ended));
        *doubtful += usize::from(dates.doubt(ended).is_some());
    }
    let mut text = String::new();
    for (at, (all, known, doubtful)) in counts {
        let name = repositories.get(at).map_or("", Repository::name);
        if known > 0 {
            let known = count(known as u64, "backup");
            text += &format!(
                "Repository {name} gives a new date to {known} that this host saw there before: they keep their age.\n"
            );
        }
        // One that was planted is no reason to vouch for it.
        if doubtful > 1 && doubtful * 2 > all {
            text += &plain(&format!(
                "Repository {name} dates most of its backups later than they say. \
                 If you copied or restored this repository: seawall trust --repository {name}"
            ));
            text.push('\n');
        }
    }
    text
}

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
