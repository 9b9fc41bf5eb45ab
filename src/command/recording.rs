//! What drills and verifications leave behind, and what drills of backups that stand alone show.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;

use crate::backup::{Fault, new_id};
use crate::cli::text::{count, plain, table, took};
use crate::cli::verbs::Shown;
use crate::drill::Scratch;
use crate::error::{Class, Error, Result};
use crate::exit_status;
use crate::history::{self, Check, Phase, Record, RecordKind, RecordSubject};
use crate::repository::Repository;

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

/// So many faults are in a record, and so much of each.
const TOLD_MAX: usize = 5;
const TOLD_CHARACTERS_MAX: usize = 300;

/// Stores a record in every repository. Where that does not work it is said: a host that may only read can
/// rehearse and verify too.
pub fn store(repositories: &[Repository], subject: &RecordSubject, record: &Record) {
    let all: Vec<&Repository> = repositories.iter().collect();
    history::store(&all, subject, record).iter().for_each(|error| tracing::warn!("{error}"));
}

/// Whether a drill that ended with this error, before anything was restored, says something about the backups. That this
/// host lacks the private key or a program says nothing: somebody tried it out, and the timer tries elsewhere.
pub fn tells(error: Option<&Error>) -> bool {
    error.is_none_or(|error| !matches!(error.class(), Class::Usage | Class::Configuration))
}

/// What a verification found, as far as its record says it.
pub struct Faults {
    /// The first ones.
    told: Vec<String>,
    /// How many more.
    more: usize,
    /// Whether all of them are past, see [`Fault::past`].
    past: bool,
}

impl Faults {
    pub fn of(all: &[Fault]) -> Self {
        let told: Vec<String> = all.iter().map(Fault::to_string).collect();
        let past = !all.is_empty() && all.iter().all(|fault| fault.past);
        Self { past, ..Self::told(&told) }
    }

    fn told(all: &[String]) -> Self {
        let told: Vec<String> = all.iter().take(TOLD_MAX).map(|it| shortened(it)).collect();
        Self { more: all.len() - told.len(), told, past: false }
    }

    /// Besides the faults, what kept it from reading all.
    fn with(self, passed: bool) -> Vec<String> {
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        let unsaid = self.told.is_empty() && !passed;
        let unsaid = unsaid.then(|| "not all of it could be read".to_owned());
        self.told.into_iter().chain(more).chain(unsaid).collect()
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(TOLD_CHARACTERS_MAX).collect()
}

/// What was read: every backup there is, or some, the newest among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    All,
    Some,
}

/// That all was read, and whether all was well. Of a verification that leaves out the newest backup there is
/// no record: it would look like one that says something about the next restore. Where the last one found something, only
/// one of all says that it is gone: each night's of the newest backup alone would hide what is wrong with the others.
pub fn verified(
    repositories: &[Repository],
    subject: &RecordSubject,
    began: Timestamp,
    (extent, backups): (Extent, Vec<String>),
    passed: bool,
    faults: Faults,
) {
    if passed && extent == Extent::Some && last_one_failed(repositories, subject) {
        tracing::info!(
            "the last verification found something: only one of all says that it is gone"
        );
        return;
    }
    let past = faults.past;
    let found = faults.with(passed);
    let record = record(RecordKind::Verification, began, repositories, passed);
    let record = Record { backups, found, past, ..record };
    store(repositories, subject, &record);
}

/// Of the repositories that can be asked.
fn last_one_failed(repositories: &[Repository], subject: &RecordSubject) -> bool {
    let newest = |repository| {
        history::newest(repository, subject, RecordKind::Verification, 1, &|_| None).records
    };
    let records = repositories.iter().flat_map(newest);
    records.max_by_key(|record| record.ended).is_some_and(|record| !record.passed)
}

/// Why a drill failed, as far as its record may say it: names of Seawall's own objects and of WAL. What else an error
/// says may be of the data, so of that there is the exit status alone.
pub fn why(error: Option<&Error>) -> Vec<String> {
    let said = error.map(|error| match error.class() {
        Class::Damaged | Class::Gap => shortened(&error.to_string()),
        class => format!("it ended with status {}", exit_status::of(class)),
    });
    said.into_iter().collect()
}

/// That a verification found so many faults.
pub fn found(faults: usize) -> Option<Error> {
    let message = format!("verification found {}", count(faults as u64, "fault"));
    let error = Error::new(Class::Damaged, message).hint("Each is a line of standard output.");
    Some(error).filter(|_| faults > 0)
}

fn record(kind: RecordKind, began: Timestamp, repositories: &[Repository], passed: bool) -> Record {
    let alone = match repositories {
        [alone] => Some(alone.name().to_owned()),
        _ => None,
    };
    Record {
        seawall: history::FORMAT,
        id: new_id(began),
        kind,
        began,
        ended: Timestamp::now(),
        passed,
        backups: Vec::new(),
        repository: alone,
        phases: Vec::new(),
        reached: None,
        checks: Vec::new(),
        found: Vec::new(),
        past: false,
    }
}

/// A drill of a Redis or of media files, as it goes on.
pub struct Rehearsal {
    /// Of the server or the set.
    name: String,
    began: Timestamp,
    backup: Option<(String, Timestamp)>,
    /// Name of the repository that gave it.
    repository: Option<String>,
    facts: Vec<(&'static str, String)>,
    phases: Vec<Phase>,
    reached: bool,
    /// With what was seen.
    checks: Vec<(Check, String)>,
    /// The folder, if it was left to the user, and what is to be done with it.
    kept: Option<(PathBuf, String)>,
}

impl Rehearsal {
    pub fn begin(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            began: Timestamp::now(),
            backup: None,
            repository: None,
            facts: Vec::new(),
            phases: Vec::new(),
            reached: false,
            checks: Vec::new(),
            kept: None,
        }
    }

    /// This backup, whose data are of that time.
    pub fn is_of(&mut self, backup: &str, time: Timestamp) {
        self.backup = Some((backup.to_owned(), time));
    }

    /// This repository gave it.
    pub fn comes_from(&mut self, repository: &Repository) {
        self.repository = Some(repository.name().to_owned());
    }

    /// Leaves the folder to the user. `hint` says what to do with it.
    pub fn keep(&mut self, scratch: &mut Scratch, hint: String) -> Result<()> {
        scratch.keep()?;
        self.kept = Some((scratch.path().to_owned(), hint));
        Ok(())
    }

    /// Something to be shown under a short name.
    pub fn fact(&mut self, name: &'static str, value: String) {
        self.facts.push((name, value));
    }

    /// A phase that began then and ends now.
    pub fn phase(&mut self, name: &'static str, begun: Instant, more: Option<String>) {
        let seconds = begun.elapsed().as_secs_f64();
        let more = more.map_or_else(String::new, |more| format!(", {more}"));
        self.facts.push((name, format!("{seconds:.1} s{more}")));
        self.phases.push(Phase { name: name.to_owned(), seconds });
    }

    /// What there is can be used.
    pub fn reached(&mut self) {
        self.reached = true;
    }

    /// A check, and what was seen or is wrong.
    pub fn check(&mut self, name: &str, outcome: Result<String>) -> Result<()> {
        let (passed, seen, failure) = match outcome {
            Ok(seen) => (true, seen, Ok(())),
            Err(error) => (false, error.to_string(), Err(error)),
        };
        self.checks.push((Check { name: name.to_owned(), passed }, seen));
        failure.map_err(|error| error.while_doing(format!("check {name:?} failed")))
    }

    /// Stores the record, if it says something of the backups.
    pub fn store(
        &self,
        repositories: &[Repository],
        subject: &RecordSubject,
        failure: Option<&Error>,
    ) {
        if self.checks.is_empty() && !tells(failure) {
            return;
        }
        let record = record(RecordKind::Drill, self.began, repositories, failure.is_none());
        let record = Record {
            backups: self.backup.iter().map(|(id, _)| id.clone()).collect(),
            repository: self.repository.clone().or(record.repository),
            phases: self.phases.clone(),
            checks: self.checks.iter().map(|(check, _)| check.clone()).collect(),
            found: if self.checks.iter().all(|(it, _)| it.passed) {
                why(failure)
            } else {
                Vec::new()
            },
            ..record
        };
        store(repositories, subject, &record);
    }

    fn rto(&self) -> Option<f64> {
        let used = self.phases.iter().filter(|phase| phase.name != "checks");
        self.reached.then(|| used.map(|phase| phase.seconds).sum())
    }

    pub fn shown(self, as_json: bool, rto: Duration, errors: Vec<Error>) -> Result<Shown> {
        let text = if as_json { self.json(&errors)? } else { self.text(rto) };
        Ok(Shown { text, errors })
    }

    fn text(&self, objective: Duration) -> String {
        let line = |name: &str, value: &str| format!("{name:<12}{}\n", plain(value));
        let mut text = line("of", &self.name);
        if let Some((backup, time)) = &self.backup {
            let age = took(*time, self.began);
            text += &line("backup", &format!("{backup}, {age} old: the most that is lost"));
        }
        text.extend(self.facts.iter().map(|(name, value)| line(name, value)));
        if let Some(seconds) = self.rto() {
            let met = if seconds <= objective.as_secs_f64() { "met" } else { "missed" };
            let objective = humantime::format_duration(objective);
            text += &line("RTO", &format!("{seconds:.1} s, objective {objective}: {met}"));
        }
        if let Some((folder, hint)) = &self.kept {
            text += &line("kept", &format!("{}; {hint}", folder.display()));
        }
        if self.checks.is_empty() {
            return text;
        }
        let heading = ["CHECK", "RESULT", "DETAILS"].map(str::to_owned).to_vec();
        let rows = self.checks.iter().map(|(check, seen)| {
            let result = if check.passed { "passed" } else { "FAILED" };
            vec![plain(&check.name), result.to_owned(), plain(seen)]
        });
        let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
        text + "\n" + &table(&rows, &[2])
    }

    fn json(&self, errors: &[Error]) -> Result<String> {
        let checks = self.checks.iter().map(|(check, seen)| {
            let result = if check.passed { "passed" } else { "failed" };
            json!({ "name": check.name, "result": result, "details": seen })
        });
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let json = json!({
            "version": VERSION,
            "name": self.name,
            "passed": errors.is_empty(),
            "errors": errors,
            "began": self.began,
            "backup": self.backup.as_ref().map(|(id, _)| id),
            "repository": self.repository,
            "taken": self.backup.as_ref().map(|(_, time)| time),
            "phases": self.phases,
            "rto_seconds": self.rto(),
            "checks": checks.collect::<Vec<_>>(),
            "kept": self.kept.as_ref().map(|(folder, _)| folder),
        });
        let text = serde_json::to_string_pretty(&json);
        text.map(|text| text + "\n")
            .map_err(|error| Error::new(Class::Internal, format!("could not write JSON: {error}")))
    }
}
