//! `basebackup verify`: whether what is stored is what was stored, and all of it.

use clap::{ArgMatches, Command};
use jiff::Timestamp;
use serde::Serialize;

use crate::basebackup::catalogue::{Backup, Survey};
use crate::basebackup::verify::{Report, Verification};
use crate::cli::flags;
use crate::cli::flags::switch;
use crate::cli::progress::SharedBar;
use crate::cli::text::{count, plain, size};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::command::backups::find;
use crate::command::backups::json::{VERSION, written};
use crate::command::backups::verify::{Which, ids, verdict};
use crate::command::recording::{self, Extent, Faults};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::history::RecordSubject;
use crate::postgres::SystemIdentifier;
use crate::repository::{self, Repository};

const SHORT: &str =
    "Reads every byte of base backups and of the WAL behind them, in every repository";

const ABOUT: &str = "Reads every byte of base backups and of the WAL behind them, in every repository

It compares parts, manifests, descriptions, WAL segments and history files with their checksums, with each other
and with their names, and looks for gaps in the WAL. Each fault is a line that says what can't be recovered
because of it.";

const AFTER: &str = "\
Exit status 5: something is damaged or missing. A repository that does not answer is a separate \
     error; the others are still verified. Without a private key (--encryption-identity-file) encrypted objects are checked as \
      far as possible; the output says what was not checked.";

pub fn command() -> Command {
    let command = Command::new("verify")
        .about(SHORT)
        .long_about(ABOUT)
        .after_help(AFTER)
        .arg(ids())
        .arg(switch("newest", "Only the newest base backup").conflicts_with("id"))
        .arg(switch("quick", "Look only at names, sizes and gaps"))
        .arg(switch("json", "Print what was found as JSON"));
    flags::with_settings(command, &["basebackup"])
}

pub fn run(config: &Config, matches: &ArgMatches) -> Result<()> {
    let bar = SharedBar::new("verification");
    let progress = |done: u64, of: u64| bar.at(done, of);
    let shown = verify(&VerifyOptions {
        config,
        which: Which::of(matches),
        quick: matches.get_flag("quick"),
        as_json: matches.get_flag("json"),
        progress: &progress,
    });
    drop(bar);
    print(shown?)
}

struct VerifyOptions<'a> {
    config: &'a Config,
    which: Which,
    quick: bool,
    as_json: bool,
    /// Gets how many bytes were read, and of how many.
    progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// The first error is what decides the exit status.
fn verify(request: &VerifyOptions<'_>) -> Result<Shown> {
    let (config, began) = (request.config, Timestamp::now());
    let repositories = repository::open_all(config, None)?;
    let identities = repository::identities(config)?;
    let survey = Survey::read(&repositories, config);
    let backups = choose(&survey, &repositories, &request.which)?;
    let subjects = subjects(request, &survey, &backups);
    let report = Verification {
        config,
        repositories: &repositories,
        identities: &identities,
        survey: &survey,
        backups,
        all: request.which == Which::All,
        quick: request.quick,
        progress: request.progress,
    }
    .run();
    let text = if request.as_json { json(config, &report)? } else { text(&report) };
    let found = recording::found(report.faults.len());
    let errors: Vec<Error> = found.into_iter().chain(report.errors.iter().cloned()).collect();
    for (subject, ids) in subjects {
        let faults = Faults::of(&report.faults);
        let extent = if request.which == Which::All { Extent::All } else { Extent::Some };
        let read = (extent, ids);
        recording::verified(&repositories, &subject, began, read, errors.is_empty(), faults);
    }
    Ok(Shown { text, errors })
}

/// The systems of which this verification is recorded, with what was read of each: all of it, its newest base
/// backup included.
fn subjects(
    request: &VerifyOptions<'_>,
    survey: &Survey,
    chosen: &[&Backup],
) -> Vec<(RecordSubject, Vec<String>)> {
    if request.quick {
        return Vec::new();
    }
    let of = |system: SystemIdentifier| {
        let ids: Vec<String> =
            chosen.iter().filter(|it| it.system == system).map(|it| it.id.clone()).collect();
        let newest = survey.catalogue.backups.iter().rfind(|it| it.system == system);
        let is_in = newest.is_some_and(|newest| ids.contains(&newest.id));
        is_in.then(|| (RecordSubject::postgres(&request.config.cluster, system), ids))
    };
    survey.catalogue.systems.iter().copied().filter_map(of).collect()
}

fn choose<'a>(
    survey: &'a Survey,
    repositories: &[Repository],
    which: &Which,
) -> Result<Vec<&'a Backup>> {
    let catalogue = &survey.catalogue;
    let chosen: Vec<&Backup> = match which {
        Which::All => catalogue.backups.iter().collect(),
        Which::Newest => catalogue.backups.iter().max_by_key(|it| &it.id).into_iter().collect(),
        Which::These(ids) => {
            let found = ids.iter().map(|id| find(catalogue, repositories, id));
            let mut found = found.collect::<Result<Vec<_>>>()?;
            found.sort_unstable_by_key(|it| (it.system.0, &it.id));
            found.dedup_by_key(|it| (it.system.0, &it.id));
            found
        }
    };
    if !chosen.is_empty() || !catalogue.broken.is_empty() {
        return Ok(chosen);
    }
    Err(match catalogue.failures.first() {
        Some(failure) => failure.error.clone(),
        None => Error::new(Class::Usage, "there is no base backup to verify")
            .hint("`basebackup create` takes one."),
    })
}

fn text(report: &Report) -> String {
    let faults = report.faults.iter().map(ToString::to_string);
    let remarks = report.remarks.iter().map(|remark| format!("not checked: {remark}"));
    let not_kept = report.not_kept.iter().cloned();
    let lines = faults.chain(not_kept).chain(remarks).chain([summary(report)]);
    lines.map(|line| plain(&line) + "\n").collect()
}

/// The last line: what was read, and whether all is well.
fn summary(report: &Report) -> String {
    let read = &report.read;
    let backups = count(read.backups, "base backup");
    let (objects, files) = (count(read.objects, "object"), count(read.wal_files, "WAL file"));
    let verdict = verdict(report.faults.len(), report.errors.is_empty());
    if report.quick {
        return format!(
            "looked at names and sizes only: {backups} with {objects}, and {files}: {verdict}"
        );
    }
    let (of_objects, of_files) = (size(read.object_bytes), size(read.wal_bytes));
    format!("read {backups} with {objects} ({of_objects}), and {files} ({of_files}): {verdict}")
}

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    cluster: &'a str,
    quick: bool,
    /// Whether there is neither a fault nor an error.
    well: bool,
    faults: Vec<JsonFault<'a>>,
    /// Holes that retention leaves.
    not_kept: &'a [String],
    not_checked: &'a [String],
    errors: Vec<String>,
    read: JsonRead,
}

#[derive(Serialize)]
struct JsonFault<'a> {
    /// `null` for WAL that no repository has.
    repository: Option<&'a str>,
    object: &'a str,
    fault: &'a str,
    spoils: &'a str,
    elsewhere: &'a [String],
}

#[derive(Serialize)]
struct JsonRead {
    backups: u64,
    objects: u64,
    object_bytes: u64,
    wal_files: u64,
    wal_bytes: u64,
}

fn json(config: &Config, report: &Report) -> Result<String> {
    let faults = report.faults.iter().map(|fault| JsonFault {
        repository: fault.repository.as_deref(),
        object: &fault.object,
        fault: &fault.found,
        spoils: &fault.spoils,
        elsewhere: &fault.elsewhere,
    });
    let read = &report.read;
    let json = Json {
        version: VERSION,
        cluster: &config.cluster,
        quick: report.quick,
        well: report.faults.is_empty() && report.errors.is_empty(),
        faults: faults.collect(),
        not_kept: &report.not_kept,
        not_checked: &report.remarks,
        errors: report.errors.iter().map(ToString::to_string).collect(),
        read: JsonRead {
            backups: read.backups,
            objects: read.objects,
            object_bytes: read.object_bytes,
            wal_files: read.wal_files,
            wal_bytes: read.wal_bytes,
        },
    };
    written(&json)
}
