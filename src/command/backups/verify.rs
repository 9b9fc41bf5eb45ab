//! `verify`: whether what is stored is what was stored, and all of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::Timestamp;

use super::{Checked, Presented, find, name, verb};
use crate::backup::ObjectSource;
use crate::backup::{Backup, Catalogue};
use crate::cli::flags::switch;
use crate::cli::progress::SharedBar;
use crate::cli::text::{count, plain, size};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::codec::Identities;
use crate::command::recording::{self, Extent, Faults};
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::repository::{self, Repository};
use crate::threads::in_threads;
use crate::threads::lock;

/// Gets how many bytes were read, and of how many.
type ReadProgress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Which backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    All,
    Newest,
    /// By the beginnings of their ids.
    These(Vec<String>),
}

pub fn command<D: Checked>() -> Command {
    let newest = switch("newest", "Only the newest one").conflicts_with("id");
    let own = vec![ids(), newest, switch("quick", "Looks at names and sizes only")];
    verb::<D>("verify", format!("Reads every byte of each {}, in every repository", D::WHAT), own)
        .after_help(VERIFY_AFTER)
}

pub const VERIFY_AFTER: &str =
    "Exit status 5: something is damaged or missing; each fault is a line.";

/// Which backups; none at all means every one.
pub fn ids() -> Arg {
    Arg::new("id")
        .value_name("ID")
        .action(ArgAction::Append)
        .num_args(0..)
        .help("Ids of the backups, or their beginnings; default: all")
}

pub fn run<D: Checked>(config: &Config, matches: &ArgMatches) -> Result<()> {
    let bar = SharedBar::new("verification");
    let progress = |done: u64, of: u64| bar.at(done, of);
    let (which, quick) = (Which::of(matches), matches.get_flag("quick"));
    let shown = verify::<D>(config, &which, quick, &progress);
    drop(bar);
    print(shown?)
}

impl Which {
    pub fn of(matches: &ArgMatches) -> Self {
        let ids: Vec<String> = matches.get_many("id").unwrap_or_default().cloned().collect();
        match (matches.get_flag("newest"), ids.is_empty()) {
            (true, _) => Self::Newest,
            (_, true) => Self::All,
            _ => Self::These(ids),
        }
    }
}

/// Whether all is well, in the last line of every `verify`; `all_read`: there was no error.
pub fn verdict(faults: usize, all_read: bool) -> String {
    match (faults as u64, all_read) {
        (0, true) => "all is well".to_owned(),
        (0, false) => "no fault in what could be read".to_owned(),
        (faults, _) => count(faults, "fault"),
    }
}

/// The first error decides the exit status.
fn verify<D: Checked>(
    config: &Config,
    which: &Which,
    quick: bool,
    progress: ReadProgress<'_>,
) -> Result<Shown> {
    let began = Timestamp::now();
    let repositories = repository::open_all(config, None)?;
    let identities = repository::identities(config)?;
    let series = Catalogue::<D>::read(&repositories, D::name(config));
    let chosen: Vec<&Backup<D>> = match which {
        Which::All => series.backups.iter().collect(),
        Which::Newest => series.backups.last().into_iter().collect(),
        Which::These(ids) => {
            ids.iter().map(|id| find(&series, &repositories, id)).collect::<Result<_>>()?
        }
    };
    let gone = |id: &str, at: usize| {
        repositories.get(at).is_some_and(|repository| series.is_gone(id, repository))
    };
    let verify =
        Verify { config, repositories: &repositories, identities: &identities, gone: &gone };
    let jobs = verify.jobs(&series, &chosen);
    let found = VerifyFindings::default();
    let of = jobs.iter().map(|job| stored_size(&job.description)).sum();
    let done = AtomicU64::new(0);
    let count_bytes = |bytes| progress(done.fetch_add(bytes, Ordering::Relaxed) + bytes, of);
    if !quick {
        in_threads(config.basebackup.parallel, &jobs, |job| verify.copy(job, &count_bytes, &found));
    }
    let VerifyFindings { mut faults, mut remarks, mut errors } = found;
    let [faults, remarks] = [&mut faults, &mut remarks].map(|it| std::mem::take(unlocked(it)));
    let errors = std::mem::take(unlocked(&mut errors));
    let said = of_copies(&repositories, &series, &chosen, &gone);
    let faults: Vec<String> = said.into_iter().chain(faults).collect();
    let verdict = verdict(faults.len(), errors.is_empty());
    let objects: usize = jobs.iter().map(|job| job.description.objects().count()).sum();
    let (backups, objects) = (count(chosen.len() as u64, D::WHAT), count(objects as u64, "object"));
    let summary = match quick {
        true => format!("looked at names and sizes only: {backups} with {objects}: {verdict}"),
        false => format!("read {backups} with {objects} ({}): {verdict}", size(of)),
    };
    let all_read = remarks.is_empty();
    let remarks = remarks.into_iter().map(|remark| format!("not checked: {remark}"));
    let lines = faults.iter().cloned().chain(remarks).chain([summary]);
    let text = lines.map(|line| plain(&line) + "\n").collect();
    let damaged = recording::found(faults.len());
    let failures = series.failures.iter().map(|failure| failure.error.clone());
    let errors: Vec<Error> = damaged.into_iter().chain(failures).chain(errors).collect();
    let newest =
        series.backups.last().is_some_and(|newest| chosen.iter().any(|it| it.id == newest.id));
    // Each hour's of the newest one says nothing where this host lacks the private key.
    let says = *which != Which::Newest || all_read || !faults.is_empty();
    if !quick && says && (*which == Which::All || newest) {
        let extent = if *which == Which::All { Extent::All } else { Extent::Some };
        let read = (extent, chosen.iter().map(|backup| backup.id.clone()).collect());
        let passed = errors.is_empty() && all_read;
        let (subject, faults) = (D::subject(config), Faults::told(&faults));
        recording::verified(&repositories, &subject, began, read, passed, faults);
    }
    Ok(Shown { text, errors })
}

struct Verify<'a> {
    config: &'a Config,
    repositories: &'a [Repository],
    identities: &'a Identities,
    /// Whether this backup was deleted in this repository since it was seen.
    gone: &'a (dyn Fn(&str, usize) -> bool + Sync),
}

/// A backup in one repository.
struct Job<D> {
    repository: usize,
    id: String,
    prefix: String,
    description: D,
}

/// What all threads found.
#[derive(Default)]
struct VerifyFindings {
    faults: Mutex<Vec<String>>,
    remarks: Mutex<Vec<String>>,
    errors: Mutex<Vec<Error>>,
}

fn stored_size<D: Presented>(description: &D) -> u64 {
    description.objects().map(|object| object.stored_size).sum()
}

impl Verify<'_> {
    fn jobs<D: Presented>(&self, series: &Catalogue<D>, chosen: &[&Backup<D>]) -> Vec<Job<D>> {
        let mut jobs = Vec::new();
        for backup in chosen {
            for copy in backup.copies.iter().filter(|copy| copy.fault.is_none()) {
                let Some(repository) = self.repositories.get(copy.repository) else { continue };
                // Who can't be asked twice is among the failures of the first time.
                let contents = series.contents(&backup.id, repository).ok().flatten();
                jobs.extend(contents.map(|contents| Job {
                    repository: copy.repository,
                    id: backup.id.clone(),
                    prefix: series.folder(&backup.id).key(""),
                    description: contents.description,
                }));
            }
        }
        jobs
    }

    fn copy<D: Checked>(&self, job: &Job<D>, progress: &dyn Fn(u64), found: &VerifyFindings) {
        let encrypted = job.description.encrypted();
        let source = ObjectSource {
            storage: self.repositories[job.repository].storage(),
            prefix: &job.prefix,
            encrypted,
            identities: self.identities,
            attempts: self.config.limits.attempts,
        };
        let name = name(self.repositories, job.repository);
        let outcome = if encrypted && self.identities.is_empty() {
            push(
                &found.remarks,
                format!(
                    "{} {} in repository {name} is encrypted and there is no identity file: only lengths and \
                     SHA-256 were checked, not what is inside",
                    D::WHAT,
                    job.id
                ),
            );
            let mut objects = job.description.objects();
            objects.try_for_each(|object| source.stored(object, progress))
        } else {
            job.description.check(&source, progress)
        };
        match outcome {
            Ok(()) => {}
            // It counts as pruned.
            Err(_) if (self.gone)(&job.id, job.repository) => {}
            Err(error) if matches!(error.class(), Class::Damaged | Class::Input) => {
                push(&found.faults, format!("repository {name}: {}: {error}", job.id));
            }
            Err(error) => push(
                &found.errors,
                error.while_doing(format!("could not verify all of repository {name}")),
            ),
        }
    }
}

/// Faults that names and sizes show.
fn of_copies<D: Presented>(
    repositories: &[Repository],
    series: &Catalogue<D>,
    chosen: &[&Backup<D>],
    gone: &dyn Fn(&str, usize) -> bool,
) -> Vec<String> {
    let mut faults = Vec::new();
    for backup in chosen {
        for copy in &backup.copies {
            let name = name(repositories, copy.repository);
            let fault = copy.fault.as_ref().filter(|_| !gone(&backup.id, copy.repository));
            faults.extend(fault.map(|it| format!("repository {name}: {}: {it}", backup.id)));
        }
    }
    if chosen.len() == series.backups.len() {
        faults.extend(series.broken.iter().map(|broken| broken.error.to_string()));
    }
    faults
}

fn push<T>(all: &Mutex<Vec<T>>, one: T) {
    lock(all).push(one);
}

fn unlocked<T>(all: &mut Mutex<T>) -> &mut T {
    all.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
}
