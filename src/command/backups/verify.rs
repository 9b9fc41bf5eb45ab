//! `verify`: whether what is stored is what was stored, and all of it.
//!
//! How it is read is a matter of each kind. What is chosen, how faults are shown, what is recorded, and with which status it
//! ends is the same for all.

use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::Timestamp;
use serde::Serialize;

use super::{Seen, Surveyed, find, json};
use crate::backup::{
    Backup, Broken, Fault, ReadTotals, VerifyReport, broken_description, spoiled_copy,
};
use crate::cli::flags::{self, switch};
use crate::cli::progress::SharedBar;
use crate::cli::text::{count, plain};
use crate::cli::verbs::{Shown, print};
use crate::codec::Identities;
use crate::command::recording::{self, Extent, Faults};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::history::RecordSubject;
use crate::repository;

/// A kind that is verified.
pub trait Verifies: Surveyed {
    /// What the help says: in a line, in full, and of the exit status.
    const VERIFY_HELP: [&'static str; 3];

    /// What a record of its verification is of.
    fn verified(config: &Config, system: Self::System) -> RecordSubject;
    /// Reads the chosen ones, and says what is wrong with them, and with others if they are all.
    fn read_chosen(job: &VerifyJob<'_, Self>) -> VerifyReport;
    /// What was read, or with `quick` looked at.
    fn read_words(read: &ReadTotals, quick: bool) -> String;
}

/// What is to be verified.
pub struct VerifyJob<'a, K: Surveyed> {
    pub seen: Seen<'a, K>,
    pub identities: &'a Identities,
    pub chosen: Vec<&'a Backup<K>>,
    /// Whether these are all there are: then what is broken or unfinished is told, too.
    pub all: bool,
    /// Only names and sizes.
    pub quick: bool,
    pub bar: &'a SharedBar,
}

/// Which backups.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Which {
    All,
    Newest,
    /// By the beginnings of their ids.
    These(Vec<String>),
}

pub fn command<K: Verifies>() -> Command {
    let [short, long, after] = K::VERIFY_HELP;
    let ids = Arg::new("id").value_name("ID").action(ArgAction::Append).num_args(0..);
    let newest = format!("Only the newest {}", K::WHAT);
    let command = Command::new("verify")
        .about(short)
        .long_about(long)
        .after_help(after)
        .arg(ids.help("Ids of the backups, or their beginnings; default: all"))
        .arg(switch("newest", "").help(newest).conflicts_with("id"))
        .arg(switch("quick", "Look only at names and sizes"))
        .arg(switch("json", "Print what was found as JSON"));
    flags::with_settings(command, K::TABLES)
}

pub fn run<K: Verifies>(config: &Config, matches: &ArgMatches) -> Result<()> {
    let began = Timestamp::now();
    let which = Which::of(matches);
    let (quick, is_json) = (matches.get_flag("quick"), matches.get_flag("json"));
    let repositories = repository::open_all(config, None)?;
    let identities = repository::identities(config)?;
    let survey = K::survey(&repositories, config);
    let seen = Seen { config, repositories: &repositories, survey: &survey };
    let chosen = choose(&seen, &which)?;
    let bar = SharedBar::new("verification");
    let (identities, all) = (&identities, which == Which::All);
    let job = VerifyJob { seen, identities, chosen, all, quick, bar: &bar };
    let report = K::read_chosen(&job);
    let text = if is_json { as_json(&job, &report)? } else { lines::<K>(&report) };
    let found = recording::found(report.faults.len());
    let errors: Vec<Error> = found.into_iter().chain(report.errors.iter().cloned()).collect();
    record(&job, &which, began, &report);
    drop(bar);
    print(Shown { text, errors })
}

impl Which {
    fn of(matches: &ArgMatches) -> Self {
        let ids: Vec<String> = matches.get_many("id").unwrap_or_default().cloned().collect();
        match (matches.get_flag("newest"), ids.is_empty()) {
            (true, _) => Self::Newest,
            (_, true) => Self::All,
            _ => Self::These(ids),
        }
    }
}

fn choose<'a, K: Verifies>(seen: &Seen<'a, K>, which: &Which) -> Result<Vec<&'a Backup<K>>> {
    let catalogue = seen.catalogue();
    let chosen: Vec<&Backup<K>> = match which {
        Which::All => catalogue.backups.iter().collect(),
        Which::Newest => newest(&catalogue.backups, |_| true).into_iter().collect(),
        Which::These(ids) => {
            let found = ids.iter().map(|id| find(catalogue, seen.repositories, id));
            let mut found = found.collect::<Result<Vec<_>>>()?;
            found.sort_unstable_by_key(|it| (it.system, &it.id));
            found.dedup_by_key(|it| (it.system, &it.id));
            found
        }
    };
    if !chosen.is_empty() || !catalogue.broken.is_empty() {
        return Ok(chosen);
    }
    Err(match catalogue.failures.first() {
        Some(failure) => failure.error.clone(),
        None => Error::new(Class::Usage, format!("there is no {} to verify", K::WHAT))
            .hint(format!("`{} create` takes one.", K::PROGRAM)),
    })
}

fn newest<K: Verifies>(
    backups: &[Backup<K>],
    wanted: impl Fn(&Backup<K>) -> bool,
) -> Option<&Backup<K>> {
    let wanted = backups.iter().filter(|it| wanted(it));
    wanted.max_by_key(|it| (it.began, it.ended, &it.id))
}

impl<'a, K: Verifies> VerifyJob<'a, K> {
    /// Whether a backup was deleted in a repository since it was seen.
    pub fn is_gone(&self, system: K::System, id: &str, repository: usize) -> bool {
        self.seen.catalogue().is_gone(system, id, &self.seen.repositories[repository])
    }

    /// Copies whose names and sizes do not fit their descriptions.
    pub fn misfits(&self) -> impl Iterator<Item = ((usize, usize), String)> {
        let copies = self
            .chosen
            .iter()
            .enumerate()
            .flat_map(|(at, backup)| backup.copies.iter().map(move |copy| (at, backup, copy)));
        copies.filter_map(|(at, backup, copy)| {
            let fault = copy
                .fault
                .clone()
                .filter(|_| !self.is_gone(backup.system, &backup.id, copy.repository));
            fault.map(|fault| ((at, copy.repository), fault))
        })
    }

    /// Backups that nobody can read, where all were asked for.
    pub fn broken(&self) -> Vec<Fault> {
        let repositories = self.seen.repositories;
        let broken = self.seen.catalogue().broken.iter().filter(|_| self.all);
        let fault = |it: &Broken<K::System>| {
            let (name, folder) = (
                repositories[it.repository].name(),
                self.seen.catalogue().folder_of(it.system, &it.id),
            );
            Fault {
                repository: Some(name.to_owned()),
                object: folder.key(crate::backup::DESCRIPTION),
                found: broken_description::<K>(it, repositories),
                spoils: spoiled_copy::<K>(&it.id, name),
                elsewhere: Vec::new(),
                past: false,
            }
        };
        broken.map(fault).collect()
    }
}

fn lines<K: Verifies>(report: &VerifyReport) -> String {
    let faults = report.faults.iter().map(ToString::to_string);
    let remarks = report.remarks.iter().map(|remark| format!("not checked: {remark}"));
    let not_kept = report.not_kept.iter().cloned();
    let lines = faults.chain(not_kept).chain(remarks).chain([summary::<K>(report)]);
    lines.chain(report.next.clone()).map(|line| plain(&line) + "\n").collect()
}

/// What was read, and whether all is well.
fn summary<K: Verifies>(report: &VerifyReport) -> String {
    let did = if report.quick { "looked at names and sizes only:" } else { "read" };
    let verdict = match (report.faults.len() as u64, report.errors.is_empty()) {
        (0, true) => "all is well".to_owned(),
        (0, false) => "no fault in what could be read".to_owned(),
        (faults, _) => count(faults, "fault"),
    };
    format!("{did} {}: {verdict}", K::read_words(&report.read, report.quick))
}

#[derive(Serialize)]
struct VerifiedJson<'a> {
    version: u32,
    /// Of the cluster, the Redis or the media set.
    name: &'a str,
    /// The same for base backups.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    quick: bool,
    /// Whether there is neither a fault nor an error.
    well: bool,
    faults: Vec<FaultJson<'a>>,
    /// Holes that retention leaves.
    not_kept: &'a [String],
    not_checked: &'a [String],
    errors: Vec<String>,
    read: ReadJson,
}

#[derive(Serialize)]
struct FaultJson<'a> {
    /// `null` for WAL that no repository has.
    repository: Option<&'a str>,
    object: &'a str,
    fault: &'a str,
    spoils: &'a str,
    elsewhere: &'a [String],
}

#[derive(Serialize)]
struct ReadJson {
    backups: u64,
    objects: u64,
    object_bytes: u64,
    wal_files: u64,
    wal_bytes: u64,
}

fn as_json<K: Verifies>(job: &VerifyJob<'_, K>, report: &VerifyReport) -> Result<String> {
    let name = K::name(job.seen.config);
    let faults = report.faults.iter().map(|fault| FaultJson {
        repository: fault.repository.as_deref(),
        object: &fault.object,
        fault: &fault.found,
        spoils: &fault.spoils,
        elsewhere: &fault.elsewhere,
    });
    let ReadTotals { backups, objects, object_bytes, wal_files, wal_bytes } = report.read;
    json::written(&VerifiedJson {
        version: json::VERSION,
        name,
        cluster: (K::NAMED_BY == "cluster").then_some(name),
        quick: report.quick,
        well: report.faults.is_empty() && report.errors.is_empty(),
        faults: faults.collect(),
        not_kept: &report.not_kept,
        not_checked: &report.remarks,
        errors: report.errors.iter().map(ToString::to_string).collect(),
        read: ReadJson { backups, objects, object_bytes, wal_files, wal_bytes },
    })
}

/// Records what was found, of each system with its newest backup. Of older backups alone nothing is recorded unless
/// something is wrong with them: it would look like a word on the next restore.
fn record<K: Verifies>(
    job: &VerifyJob<'_, K>,
    which: &Which,
    began: Timestamp,
    report: &VerifyReport,
) {
    let well = report.faults.is_empty();
    // Each hour's look at the newest one says nothing where this host lacks the private key.
    if job.quick || (*which == Which::Newest && report.locked && well) {
        return;
    }
    let extent = if job.all { Extent::All } else { Extent::Some };
    let passed = well && report.errors.is_empty() && !report.locked;
    for system in &job.seen.catalogue().systems {
        let chosen = job.chosen.iter().filter(|it| it.system == *system);
        let ids: Vec<String> = chosen.map(|it| it.id.clone()).collect();
        let newest = newest(&job.seen.catalogue().backups, |it| it.system == *system);
        let has_newest = newest.is_some_and(|newest| ids.contains(&newest.id));
        if has_newest || (!well && !ids.is_empty()) {
            let subject = K::verified(job.seen.config, *system);
            let (read, faults) = ((extent, ids), Faults::of(&report.faults));
            recording::verified(job.seen.repositories, &subject, began, read, passed, faults);
        }
    }
}
